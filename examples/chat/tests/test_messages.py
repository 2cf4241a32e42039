"""What people say, and show."""

from __future__ import annotations

from datetime import timedelta

import pytest
from returns.result import Failure

from chat._generated import refs
from chat.access import NotSignedIn
from chat.messages.spec import EmptyMessage, NoSuchUpload, NotAPicture
from chat.rooms.spec import NoSuchRoom
from chat.tables import Room
from chat.testing.people import got, person, uploaded
from confect_core import Id, PaginationOptions, StoredFile
from confect_core.values.codec import Mismatch
from confect_server.testing import TestApp

public = refs.public
FIRST = PaginationOptions(num_items=2)


async def test_the_newest_message_comes_first_with_its_author(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room = await ada.room()
    await ada.says(room, "hello")
    await bob.says(room, "hi")
    seen = [(each.author_name, each.text, each.key) for each in await bob.sees(room)]
    assert seen == [("Bob", "hi", "hi"), ("Ada", "hello", "hello")]


async def test_others_are_told_of_what_somebody_says(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room = await ada.room()
    async with bob.calls.subscribe(public.rooms.list) as told:
        assert [each.last for each in got(await anext(told))] == [None]
        await ada.says(room, "hello")
        (shown,) = got(await anext(told))
        assert (shown.unread, shown.last and shown.last.text) == (1, "hello")


async def test_older_messages_come_page_by_page(t: TestApp) -> None:
    ada = await person(t, "Ada")
    room = await ada.room()
    for text in ("one", "two", "three"):
        await ada.says(room, text)
    page = public.messages.page
    newer = got(await ada.calls.page(page, FIRST, room=room))
    rest = PaginationOptions(num_items=2, cursor=newer.continue_cursor)
    older = got(await ada.calls.page(page, rest, room=room))
    assert [each.text for each in newer.page] == ["three", "two"]
    assert [each.text for each in older.page] == ["one"]
    assert older.is_done


async def test_a_message_says_or_shows_something(t: TestApp) -> None:
    ada = await person(t, "Ada")
    room = await ada.room()
    send = public.messages.send
    refused = await ada.calls.mutation(send, room=room, text=" \n ", key="1")
    assert refused == Failure(EmptyMessage())
    with pytest.raises(Mismatch, match="at most 4000 characters"):
        await ada.calls.mutation(send, room=room, text="x" * 4001, key="1")


async def test_a_picture_is_read_by_who_sees_the_message(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room, picture = await ada.room(), await uploaded(t, ada, b"red")
    send = public.messages.send
    got(await ada.calls.mutation(send, room=room, text="", key="1", picture=picture))
    (message,) = await bob.sees(room)
    assert message.picture is not None
    response = await t.fetch("GET", message.picture)
    assert (response.content, response.headers["content-type"]) == (b"red", "image/png")


async def test_only_pictures_of_ones_own_are_shown(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room, picture = await ada.room(), await uploaded(t, ada)
    send = public.messages.send
    got(await ada.calls.mutation(send, room=room, text="", key="1", picture=picture))
    again = await bob.calls.mutation(send, room=room, text="", key="2", picture=picture)
    assert again == Failure(NoSuchUpload(picture=picture))
    page = await uploaded(t, bob, b"<script>", "text/html")
    shown = await bob.calls.mutation(send, room=room, text="", key="3", picture=page)
    assert shown == Failure(NotAPicture(content_type="text/html"))


async def test_what_was_uploaded_and_never_sent_is_forgotten(t: TestApp) -> None:
    ada = await person(t, "Ada")
    room, sent = await ada.room(), await uploaded(t, ada)
    send = public.messages.send
    got(await ada.calls.mutation(send, room=room, text="", key="1", picture=sent))
    await t.advance(timedelta(days=2))
    unsent = await uploaded(t, ada)
    await t.advance(timedelta(hours=20))
    assert await is_stored(t, unsent)
    await t.advance(timedelta(days=2))
    assert (await is_stored(t, sent), await is_stored(t, unsent)) == (True, False)


async def test_nothing_is_said_where_there_is_no_room(t: TestApp) -> None:
    ada = await person(t, "Ada")
    room = await ada.room()

    await t.run(lambda ctx: ctx.db.table(Room).delete(room))
    gone = Failure(NoSuchRoom(room=room))
    send = public.messages.send
    assert await ada.calls.mutation(send, room=room, text="hello", key="1") == gone
    assert await ada.calls.mutation(public.rooms.read, room=room) == gone
    assert await ada.calls.mutation(public.presence.type, room=room) == gone


async def test_who_has_not_signed_in_hears_and_says_nothing(t: TestApp) -> None:
    ada, nobody = await person(t, "Ada"), t.as_client()
    room = await ada.room()
    refused = Failure(NotSignedIn())
    assert await nobody.query(public.rooms.list) == refused
    assert await nobody.query(public.presence.people) == refused
    assert await nobody.mutation(public.account.sign_in) == refused
    send = public.messages.send
    assert await nobody.mutation(send, room=room, text="hello", key="1") == refused


async def is_stored(t: TestApp, file: Id[StoredFile]) -> bool:
    return await t.read(lambda ctx: ctx.storage.metadata(file)) is not None
