"""A model that says what the test wants."""

from __future__ import annotations

import anyio

from foundry.services import Model, ModelFailed
from foundry.tables import Analysis, Usage


class ScriptedModel(Model):
    """Takes the whole content for one requirement, and remembers what it was asked."""

    def __init__(self) -> None:
        self.read: list[str] = []
        self.is_down = False
        self._may_answer = anyio.Event()
        self._may_answer.set()

    def hold(self) -> None:
        """Answer nothing before `go_on`."""
        self._may_answer = anyio.Event()

    def go_on(self) -> None:
        """Answer what was asked meanwhile, and what is asked from now on."""
        self._may_answer.set()

    async def analyse(self, title: str, content: str) -> Analysis:
        self.read.append(title)
        await self._may_answer.wait()
        if self.is_down:
            raise ModelFailed("it is down")
        return Analysis(summary=title, requirements=[content], usage=Usage(read=1, written=1))
