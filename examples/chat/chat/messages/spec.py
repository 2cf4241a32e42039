"""Messages: what is said in rooms, and pictures."""

from __future__ import annotations

from pydantic import BaseModel, Field

from chat.access import SignedIn
from chat.rooms.spec import InRoom, NoSuchRoom
from chat.tables import Message, User
from confect_core import FunctionSpec, GroupSpec, Id, StoredFile, TaggedError


class ShownMessage(BaseModel):
    """A message as rooms show it."""

    id: Id[Message]
    key: str
    at: float
    author: Id[User]
    author_name: str
    text: str
    picture: str | None
    """Where the picture is read, if there is one."""


class Send(InRoom):
    text: str = Field(max_length=4000)
    key: str = Field(min_length=1, max_length=64)
    """What the client calls the message: shown before it is sent, it is the same one after."""
    picture: Id[StoredFile] | None = None


class EmptyMessage(TaggedError):
    """It says nothing and shows nothing."""


class NoSuchUpload(TaggedError):
    """There is no file with this id, or another message has it."""

    picture: Id[StoredFile]


class NotAPicture(TaggedError):
    """What was uploaded is nothing that every browser can show."""

    content_type: str | None


class Messages(GroupSpec, behind=[SignedIn]):
    page = FunctionSpec.public_paginated_query(args=InRoom, item=ShownMessage, error=NoSuchRoom)
    send = FunctionSpec.public_mutation(
        args=Send,
        returns=Id[Message],
        error=NoSuchRoom | EmptyMessage | NoSuchUpload | NotAPicture,
    )
    upload_url = FunctionSpec.public_mutation(returns=str)


class Uploads(GroupSpec):
    """Files that no message has: somebody chose a picture and never sent it."""

    forget = FunctionSpec.internal_mutation(returns=None)
