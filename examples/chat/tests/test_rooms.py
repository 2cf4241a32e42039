"""Rooms, and what in them somebody has not read."""

from __future__ import annotations

from returns.result import Failure

from chat._generated import refs
from chat.rooms.spec import MOST_UNREAD, NameTaken
from chat.testing.people import Person, got, person
from confect_server.testing import TestApp

rooms = refs.public.rooms


async def unread(who: Person) -> dict[str, int]:
    return {each.name: each.unread for each in got(await who.calls.query(rooms.list))}


async def test_rooms_come_by_their_names_with_what_was_said_last(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    await ada.room("Music")
    art = await bob.room("Art")
    await ada.says(art, "one")
    await bob.says(art, "two")
    first, second = got(await ada.calls.query(rooms.list))
    assert (first.name, second.name, second.last) == ("Art", "Music", None)
    assert first.last is not None
    assert (first.last.author, first.last.text) == ("Bob", "two")


async def test_there_are_no_two_rooms_of_one_name(t: TestApp) -> None:
    ada = await person(t, "Ada")
    await ada.room("Art")
    for name in ("Art", " Art "):
        again = await ada.calls.mutation(rooms.create, name=name)
        assert again == Failure(NameTaken(name="Art"))


async def test_what_others_say_is_unread_until_it_is_read(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room = await ada.room("Art")
    await ada.says(room, "one")
    await ada.says(room, "two")
    assert (await unread(ada), await unread(bob)) == ({"Art": 0}, {"Art": 2})
    got(await bob.calls.mutation(rooms.read, room=room))
    assert await unread(bob) == {"Art": 0}
    await ada.says(room, "three")
    assert await unread(bob) == {"Art": 1}


async def test_so_much_that_nobody_counts_it_is_counted_no_further(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room = await ada.room("Art")
    for number in range(MOST_UNREAD + 5):
        await ada.says(room, str(number))
    assert await unread(bob) == {"Art": MOST_UNREAD + 1}
