"""What notes offers; clients import this and nothing of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from app.tables import Note
from confect_core import Args, FunctionSpec, GroupSpec, Id, TaggedError

if TYPE_CHECKING:
    from app.notes.plain import search as _search


class InsertNote(Args):
    text: str = Field(max_length=100)
    tag: str | None = None


class ByNote(Args):
    note_id: Id[Note]


class NoteNotFound(TaggedError):
    note_id: Id[Note]


class Forbidden(TaggedError):
    reason: str = "no"


class Notes(GroupSpec):
    list_ = FunctionSpec.public_query(returns=list[Note])
    insert = FunctionSpec.public_mutation(args=InsertNote, returns=Id[Note])
    get = FunctionSpec.public_query(args=ByNote, returns=Note, error=NoteNotFound)
    remove = FunctionSpec.public_mutation(args=ByNote, returns=None, error=NoteNotFound | Forbidden)
    first = FunctionSpec.public_query(returns=Note | None)
    page = FunctionSpec.public_paginated_query(item=Note)
    search = FunctionSpec.plain_public_query(lambda: _search)
    clear = FunctionSpec.internal_mutation(returns=None)
    email = FunctionSpec.public_action(args=ByNote, returns=bool)
