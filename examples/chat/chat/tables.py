"""What is stored."""

from __future__ import annotations

from confect_core import Id, Index, StoredFile, Table


class User(Table, name="users"):
    """Somebody who has signed in; `token_identifier` is the same in all tokens of that person."""

    token_identifier: str
    name: str

    by_token = Index("token_identifier")


class Room(Table, name="rooms"):
    """Where people talk; everybody who has signed in sees every room."""

    name: str
    created_by: Id[User]

    by_name = Index("name")


class Message(Table, name="messages"):
    """What somebody said; `key` is what their client calls it, from before it was sent."""

    room: Id[Room]
    author: Id[User]
    text: str
    key: str
    picture: Id[StoredFile] | None = None

    by_room = Index("room")
    by_picture = Index("picture")


class ReadMark(Table, name="read_marks"):
    """Up to which message somebody has read a room."""

    user: Id[User]
    room: Id[Room]
    up_to: float

    by_user = Index("user", "room")


class Presence(Table, name="presences"):
    """Somebody is here. It changes only when people come and go, so that it may be watched."""

    user: Id[User]

    by_user = Index("user")


class Heartbeat(Table, name="heartbeats"):
    """When a client of somebody last said that it is there, in milliseconds since the epoch.

    Beside the presence, because this is written every few seconds, and no query reads it.
    """

    user: Id[User]
    at: float

    by_user = Index("user")


class Typing(Table, name="typings"):
    """Somebody writes a message."""

    room: Id[Room]
    user: Id[User]

    by_room = Index("room", "user")
