"""`record`: the dataclass that messages and effects are.

Frozen for the type checkers only. A message is built for every call and every push, and a frozen
dataclass pays for its promise with four times the construction (0.39 µs against 0.10 µs for four
fields); a named tuple is nearly as fast, but equals any other tuple of the same fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar

from typing_extensions import dataclass_transform

T = TypeVar("T")


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """Makes a slotted dataclass that type checkers treat as frozen."""
    return dataclass(slots=True)(cls)
