"""A table whose documents are of several variants, as tests of it read and write them."""

from __future__ import annotations

from typing import Literal, TypeAlias

from confect_core import ABSENT, COMMIT_TS, Absent, CommitTs, Id, Index, Table


class Room(Table, name="rooms"):
    title: str
    pinned: Id[Message] | None = None


class Message(Table, name="messages", discriminator="kind"):
    room: Id[Room]
    likes: int = 0
    sent_at: CommitTs = COMMIT_TS

    by_room = Index("room")
    by_kind = Index("kind", "likes")
    by_size = Index("size")
    by_url = Index("url")
    by_sent_at = Index("sent_at")


class TextMessage(Message):
    kind: Literal["text"] = "text"
    body: str
    size: int | None = None


class ImageMessage(Message):
    kind: Literal["image", "drawing"]
    url: str
    size: float | Absent = ABSENT


class JoinMessage(Message):
    kind: Literal["join"] = "join"
    at: CommitTs = COMMIT_TS


AnyMessage: TypeAlias = TextMessage | ImageMessage | JoinMessage
