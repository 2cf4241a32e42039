"""`Place`: where inside a value something stands, kept as a chain so that walking stays cheap."""

from __future__ import annotations

from typing_extensions import TypeAliasType

Place = TypeAliasType("Place", "tuple[Place, str | int] | None")
"""The container's place and the name or position inside it; `None` is the whole value."""


def path_of(place: Place) -> str:
    """The place as people write it, such as `.author.tags[3]`; empty for the whole value."""
    steps: list[str] = []
    while place is not None:
        place, step = place
        steps.append(f"[{step}]" if isinstance(step, int) else f".{step}")
    return "".join(reversed(steps))
