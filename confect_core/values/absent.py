"""A field that is not there, which is something else than a field that is null."""

from __future__ import annotations

from enum import Enum
from typing import Final, Literal, TypeAlias


class Absence(Enum):
    """The type of `ABSENT`; an enum so that type checkers narrow `is ABSENT`."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "ABSENT"

    def __bool__(self) -> Literal[False]:
        return False


ABSENT: Final = Absence.ABSENT
"""The value of an optional field that is not there: `nickname: str | None | Absent = ABSENT`."""

Absent: TypeAlias = Literal[Absence.ABSENT]
"""The annotation that makes a field optional while `None` keeps its meaning of null."""
