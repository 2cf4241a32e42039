"""What handlers need besides the database: a language model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator

from confect_server import Service, layers
from foundry.tables import Analysis, Usage


class ModelFailed(Exception):
    """The model gave no answer that can be used."""


class Model(Service):
    """Reads documents."""

    @abstractmethod
    async def analyse(self, title: str, content: str) -> Analysis:
        """A summary, and the requirements that the document states; raises `ModelFailed`."""


class RulesModel(Model):
    """A model for those who have none at hand: requirements are the sentences with a 'must'."""

    async def analyse(self, title: str, content: str) -> Analysis:
        sentences = [each.strip() for each in content.replace("\n", " ").split(".") if each.strip()]
        if not sentences:
            raise ModelFailed("there is nothing to read")
        return Analysis(
            summary=f"{title}: {sentences[0]}.",
            requirements=[f"{each}." for each in sentences if " must " in f" {each.lower()} "],
            usage=Usage(read=len(content.split()), written=len(sentences)),
        )


async def open_model() -> AsyncIterator[Model]:
    yield RulesModel()


live = layers().add(Model, open_model)
