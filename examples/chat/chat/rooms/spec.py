"""Rooms, and what in them the caller has not read."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, StringConstraints

from chat.access import SignedIn
from chat.tables import Room
from confect_core import Args, FunctionSpec, GroupSpec, Id, TaggedError

MOST_UNREAD = 99
"""More are counted as one more than this."""


class LastMessage(BaseModel):
    """What was said last in a room."""

    author: str
    text: str
    at: float


class RoomOverview(BaseModel):
    """A room as lists show it."""

    id: Id[Room]
    name: str
    unread: int
    last: LastMessage | None


class Create(Args):
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40)]


class InRoom(Args):
    """What every function of a room is called with."""

    room: Id[Room]


class NameTaken(TaggedError):
    """There is a room of this name."""

    name: str


class NoSuchRoom(TaggedError):
    """There is no room with this id."""

    room: Id[Room]


class Rooms(GroupSpec, behind=[SignedIn]):
    list_ = FunctionSpec.public_query(returns=list[RoomOverview])
    create = FunctionSpec.public_mutation(args=Create, returns=Id[Room], error=NameTaken)
    read = FunctionSpec.public_mutation(args=InRoom, returns=None, error=NoSuchRoom)
