"""A model that says what the test wants."""

from __future__ import annotations

from foundry.services import Model, ModelFailed
from foundry.tables import Analysis, Usage


class ScriptedModel(Model):
    """Takes the whole content for one requirement, and remembers what it was asked."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.is_down = False

    async def analyse(self, title: str, content: str) -> Analysis:
        self.read.append(title)
        if self.is_down:
            raise ModelFailed("it is down")
        return Analysis(summary=title, requirements=[content], usage=Usage(read=1, written=1))
