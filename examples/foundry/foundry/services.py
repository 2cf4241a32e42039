"""What handlers need besides the database: a language model."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator

import anyio

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
    """A model for those who have none at hand: requirements are the sentences with a 'must'.

    It takes its time, as those do that it stands for.
    """

    def __init__(self, takes_s: float = 0.0) -> None:
        self._takes_s = takes_s

    async def analyse(self, title: str, content: str) -> Analysis:
        await anyio.sleep(self._takes_s)
        sentences = [each.strip() for each in content.replace("\n", " ").split(".") if each.strip()]
        if not sentences:
            raise ModelFailed("there is nothing to read")
        return Analysis(
            summary=f"{title}: {sentences[0]}.",
            requirements=[f"{each}." for each in sentences if " must " in f" {each.lower()} "],
            usage=Usage(read=len(content.split()), written=len(sentences)),
        )


async def open_model() -> AsyncIterator[Model]:
    yield RulesModel(takes_s=2.0)


live = layers().add(Model, open_model)
