"""Who is here, and who is about to say something."""

from __future__ import annotations

from datetime import timedelta

from chat._generated import refs
from chat.presence.impl import GONE_AFTER, TYPING_ENDS_AFTER
from chat.testing.people import Person, got, person
from confect_server.testing import TestApp

presence = refs.public.presence
SECOND = timedelta(seconds=1)


async def here(who: Person) -> list[str]:
    people = got(await who.calls.query(presence.people))
    return [each.name for each in people if each.is_here]


async def test_who_beats_is_here_and_comes_first(t: TestApp) -> None:
    await person(t, "Ada")
    bob = await person(t, "Bob")
    got(await bob.calls.mutation(presence.beat))
    people = got(await bob.calls.query(presence.people))
    assert [(each.name, each.is_here) for each in people] == [("Bob", True), ("Ada", False)]


async def test_who_stops_to_beat_is_gone_and_others_are_told(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    got(await bob.calls.mutation(presence.beat))
    async with ada.calls.subscribe(presence.people) as told:
        assert [each.is_here for each in got(await anext(told))] == [True, False]
        await t.advance(GONE_AFTER)
        assert [each.is_here for each in got(await anext(told))] == [False, False]


async def test_who_goes_on_beating_stays_and_nobody_is_told_anything(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    async with ada.calls.subscribe(presence.people) as told:
        await anext(told)
        for _ in range(10):
            got(await bob.calls.mutation(presence.beat))
            await t.advance(GONE_AFTER - SECOND)
        assert await here(ada) == ["Bob"]
        assert [each.is_here for each in got(await anext(told))] == [True, False]
        await t.advance(GONE_AFTER)
        # the next thing that is told, after nine more heartbeats, is the end
        assert [each.is_here for each in got(await anext(told))] == [False, False]


async def test_there_is_one_look_at_each_who_is_here(t: TestApp) -> None:
    bob = await person(t, "Bob")
    got(await bob.calls.mutation(presence.beat))
    got(await bob.calls.mutation(presence.leave))
    for _ in range(5):
        got(await bob.calls.mutation(presence.beat))
        await t.advance(GONE_AFTER / 2)
    assert await here(bob) == ["Bob"]
    scheduled = await t.read(lambda ctx: ctx.db.system.scheduled_functions.collect())
    pending = [each.name for each in scheduled if each.state.kind == "pending"]
    assert pending.count(refs.internal.absence.end_presence.path) == 1


async def test_who_leaves_is_gone_at_once(t: TestApp) -> None:
    bob = await person(t, "Bob")
    got(await bob.calls.mutation(presence.beat))
    got(await bob.calls.mutation(presence.leave))
    assert await here(bob) == []


async def test_who_types_is_seen_by_others_until_they_stop_or_send(t: TestApp) -> None:
    ada, bob = await person(t, "Ada"), await person(t, "Bob")
    room = await ada.room()

    async def typing(who: Person) -> list[str]:
        return got(await who.calls.query(presence.typing, room=room))

    got(await bob.calls.mutation(presence.type, room=room))
    assert (await typing(ada), await typing(bob)) == (["Bob"], [])
    await t.advance(TYPING_ENDS_AFTER - SECOND)
    got(await bob.calls.mutation(presence.type, room=room))
    await t.advance(TYPING_ENDS_AFTER - SECOND)
    assert await typing(ada) == ["Bob"]
    await t.advance(SECOND)
    assert await typing(ada) == []
    got(await bob.calls.mutation(presence.type, room=room))
    await bob.says(room, "hello")
    assert await typing(ada) == []
