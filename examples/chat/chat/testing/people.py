"""People who have signed in, and a room to meet in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

from chat._generated import refs
from chat.messages.spec import ShownMessage
from chat.tables import Message, Room, User
from confect_core import Id, Outcome, PaginationOptions, StoredFile, TaggedError
from confect_server.testing import AppClient, TestApp

T = TypeVar("T")
E = TypeVar("E", bound=TaggedError)
public = refs.public


def got(outcome: Outcome[T, E]) -> T:
    """What is in the outcome of a call that should succeed."""
    return outcome.unwrap()


@dataclass(frozen=True)
class Person:
    """Somebody who has signed in, and calls as a browser would."""

    user: Id[User]
    calls: AppClient

    async def room(self, name: str = "General") -> Id[Room]:
        """A new room."""
        return got(await self.calls.mutation(public.rooms.create, name=name))

    async def says(self, room: Id[Room], text: str) -> Id[Message]:
        """A message of this person."""
        send = public.messages.send
        return got(await self.calls.mutation(send, room=room, text=text, key=text))

    async def sees(self, room: Id[Room], count: int = 100) -> list[ShownMessage]:
        """The last messages of a room, the newest first."""
        options = PaginationOptions(num_items=count)
        page = public.messages.page
        return got(await self.calls.page(page, options, room=room)).page


async def person(t: TestApp, name: str) -> Person:
    """Somebody who signs in for the first time."""
    calls = t.as_user(subject=name.lower(), name=name).as_client()
    return Person(got(await calls.mutation(public.account.sign_in)), calls)


async def uploaded(
    t: TestApp, by: Person, content: bytes = b"red", content_type: str = "image/png"
) -> Id[StoredFile]:
    """A file that somebody uploads, as a browser would."""
    url = got(await by.calls.mutation(public.messages.upload_url))
    headers = {"content-type": content_type}
    response = await t.fetch("POST", url, content=content, headers=headers)
    return Id[StoredFile](response.json()["storageId"])
