"""The refusal of a type that has no wire form."""

from __future__ import annotations

from confect_core.errors import SpecError


class Uncarryable(SpecError):
    """A schema holds a type that cannot cross the wire."""

    def __init__(self, path: str, what: str, hint: str) -> None:
        super().__init__(f"{path} is {what}, which cannot cross the wire", hint=hint)
        self.path = path
