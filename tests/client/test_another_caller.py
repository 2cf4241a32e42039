"""Signing in and out: nobody is shown what was asked for by whoever called before."""

from __future__ import annotations

from contextlib import aclosing

import anyio

from confect_client import AsyncClient
from confect_client.session.events import (
    ClientEvent,
    FunctionResult,
    IdentityConfirmed,
    QueryChanged,
    Raised,
    Returned,
    Settled,
)
from confect_client.session.optimistic import Overlay
from confect_core.protocol import MutationFailed, NoToken, UserToken
from tests.client.test_optimistic import listening, send, shows
from tests.client.test_session import LIST, Conversation, updated
from tests.server.auth.guestbook import Calls, Served, served
from tests.wire import wire_to

BOB = UserToken("bob")


def again(*texts: str) -> QueryChanged:
    """What is told to those only who have not been told."""
    return QueryChanged(0, Returned([*texts]), is_new=False)


def known(talk: Conversation) -> FunctionResult | None:
    return talk.session.result_of(0)


def confirmed(*events: ClientEvent) -> list[ClientEvent]:
    return [*events, IdentityConfirmed()]


def test_nothing_is_known_until_the_server_has_said_what_is_so_for_the_next_caller() -> None:
    talk = listening()
    talk.session.set_token(BOB)
    assert known(talk) is None
    # still of whoever called before
    assert talk.move(updated(0, '["secret"]'), ts=11) == []
    assert known(talk) is None
    assert talk.move(updated(0, '["of bob"]'), identity=1, ts=12) == confirmed(shows("of bob"))
    assert known(talk) == Returned(["of bob"])
    assert talk.move(updated(0, '["newer"]'), ts=13) == [shows("newer")]


def test_what_is_the_same_for_both_is_told_to_those_who_came_between() -> None:
    talk = listening()
    talk.session.set_token(BOB)
    assert talk.session.subscribe(LIST, {}) == 0
    assert talk.move(identity=1) == confirmed(again("old"))
    assert known(talk) == Returned(["old"])


def test_what_changed_between_is_told_once() -> None:
    talk = listening()
    talk.session.set_token(BOB)
    talk.move(updated(0, '["for both"]'), ts=11)
    assert talk.move(identity=1) == confirmed(shows("for both"))


def test_the_next_token_of_the_same_person_changes_nothing() -> None:
    talk = listening()
    talk.session.renew_token(UserToken("later"))
    assert known(talk) == Returned(["old"])
    assert talk.move(updated(0, '["new"]'), ts=11) == [shows("new")]
    assert talk.move(identity=1) == [IdentityConfirmed()]


def test_without_a_connection_nothing_is_known_until_there_is_one() -> None:
    talk = listening()
    talk.session.disconnected("gone")
    talk.session.set_token(NoToken())
    assert known(talk) is None
    talk.connect()
    assert talk.move(ts=11) == []
    assert known(talk) is None
    assert talk.move(updated(0, '["old"]'), query_set=1, ts=12) == [again("old")]


def test_whoever_signs_in_twice_waits_for_the_second_time() -> None:
    talk = listening()
    talk.session.set_token(UserToken("alice"))
    talk.session.set_token(BOB)
    assert talk.move(updated(0, '["of alice"]'), identity=1) == []
    assert talk.move(updated(0, '["of bob"]'), identity=2) == confirmed(shows("of bob"))


def test_an_update_is_laid_over_what_is_so_for_the_next_caller() -> None:
    talk = listening()
    send(talk, "a")
    talk.session.set_token(BOB)
    assert known(talk) is None
    seen: list[FunctionResult | None] = []

    def looks(overlay: Overlay) -> None:
        seen.append(overlay.get(0))

    assert send(talk, "b", looks) == []
    assert seen == [None]
    assert send(talk, "c", lambda overlay: overlay.set(0, Returned(["c"]))) == [shows("c")]
    assert talk.hear(MutationFailed(2, "no", ())) == [Settled(2, Raised("no"))]
    assert known(talk) is None
    assert talk.move(updated(0, '["of bob"]'), identity=1) == confirmed(shows("of bob", "a"))


def test_what_an_update_showed_before_is_taken_back_for_the_next_caller() -> None:
    talk = listening()
    send(talk, "a")
    talk.session.set_token(BOB)
    talk.commit(0, "null", 12)
    settled = Settled(0, Returned(None))
    # the server says nothing of a result that is as it was, but "a" was shown on it
    assert talk.move(identity=1, ts=12) == [shows("old"), IdentityConfirmed(), settled]


# With a real server.


async def sign_in(at: Served, client: AsyncClient, name: str) -> None:
    async def fetch() -> str:
        return at.issuer.token(sub=name)

    await client.set_auth(fetch)


async def test_a_query_is_answered_for_whoever_calls_it_though_it_is_watched() -> None:
    async with served() as at, AsyncClient(at.url) as client:
        shown: list[str] = []
        async with aclosing(client.subscribe(Calls.who)) as whos:
            client.on_update(Calls.who, shown.append)
            assert await anext(whos) == "nobody"
            for name in ("alice", "bob", "alice"):
                await sign_in(at, client, name)
                assert client.known(Calls.who) is None
                assert await client.query(Calls.who) == name
                assert client.known(Calls.who) == name
            client.clear_auth()
            assert await client.query(Calls.who) == "nobody"
        assert shown == ["nobody", "alice", "bob", "alice", "nobody"]


async def test_whoever_knows_already_is_not_told_again_what_is_the_same_for_both() -> None:
    async with served() as at, AsyncClient(at.url) as client:
        shown: list[int] = []
        client.on_update(Calls.count, shown.append)
        assert await client.query(Calls.count) == 0
        await sign_in(at, client, "alice")
        assert await client.query(Calls.count) == 0
        await client.mutation(Calls.sign)
        assert shown == [0, 1]


async def test_a_slow_reader_does_not_get_what_was_for_somebody_else() -> None:
    async with (
        served() as at,
        AsyncClient(at.url) as client,
        aclosing(client.subscribe(Calls.who)) as whos,
        aclosing(client.subscribe(Calls.count)) as counts,
    ):
        assert (await anext(whos), await anext(counts)) == ("nobody", 0)
        await sign_in(at, client, "alice")
        await client.mutation(Calls.sign)  # both have something that nobody has read
        await sign_in(at, client, "bob")
        assert (await anext(whos), await anext(counts)) == ("bob", 1)


async def test_pages_are_loaded_again_for_whoever_signs_in() -> None:
    async with served() as at, AsyncClient(at.url) as client:
        await client.mutation(Calls.sign)
        async with client.subscribe_pages(Calls.page, 2) as pages:
            assert len((await pages.wait_loaded()).results) == 1
            await sign_in(at, client, "alice")
            assert (pages.results, pages.status) == ((), "loading first page")
            assert not pages.load_more(2)
            assert len((await pages.wait_loaded()).results) == 1


async def test_whoever_signs_in_without_a_connection_waits_for_one() -> None:
    async with (
        served() as at,
        wire_to(at.port) as wire,
        AsyncClient(wire.url) as client,
    ):
        assert await client.query(Calls.who) == "nobody"
        async with aclosing(client.subscribe(Calls.who)) as whos:
            await anext(whos)
            wire.cut()
            await sign_in(at, client, "alice")
            with anyio.fail_after(10):
                assert await client.query(Calls.who) == "alice"
                assert await anext(whos) == "alice"
