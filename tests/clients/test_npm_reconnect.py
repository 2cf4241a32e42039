"""npm's `convex` across lost connections and restarts of the server."""

from __future__ import annotations

from collections.abc import Iterable

from tests.clients.official_client import Event, npm_client
from tests.serving import Server
from tests.wire import wire_to


def updates(events: Iterable[Event]) -> list[list[str]]:
    """The texts of every update of a list of notes."""
    return [event.texts for event in events if event.event == "update"]


def assert_never_shrinks(events: Iterable[Event]) -> None:
    """Notes are only added in these tests, so a shorter list would be an older one."""
    lengths = [len(texts) for texts in updates(events)]
    assert lengths == sorted(lengths)


async def test_a_committed_mutation_whose_answer_was_lost_runs_once(mortal_server: Server) -> None:
    async with (
        wire_to(mortal_server.port) as wire,
        npm_client("socket", wire.url) as client,
        npm_client("socket", mortal_server.url) as witness,
    ):
        for each in (client, witness):
            await each.subscribe("notes", "notes:list")
            assert (await each.next()).texts == []

        wire.lose_answers()
        await client.begin("once", "mutation", "notes:insert", text="once")
        assert (await witness.next()).texts == ["once"]  # so it is committed
        mortal_server.kill()
        wire.cut()
        mortal_server.start()

        events = await client.until("resolved", "once")
        assert updates(events)[-1] == ["once"]
        assert_never_shrinks(events)
        assert mortal_server.texts() == ["once"]


async def test_mutations_told_while_the_server_is_away_run_once_in_order(
    mortal_server: Server,
) -> None:
    async with npm_client("socket", mortal_server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        await client.begin("before", "mutation", "notes:insert", text="before")
        await client.until("resolved", "before")

        mortal_server.kill()
        texts = ["a", "b", "c"]
        for text in texts:
            await client.begin(text, "mutation", "notes:insert", text=text)
        mortal_server.start()

        events = await client.until("resolved", "c")
        assert [event.name for event in events if event.event == "resolved"] == texts
        assert updates(events)[-1] == ["c", "b", "a", "before"]
        assert_never_shrinks(events)
        assert mortal_server.texts() == ["c", "b", "a", "before"]


async def test_a_subscription_goes_on_after_a_restart(mortal_server: Server) -> None:
    async with npm_client("socket", mortal_server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        for text in ("one", "two"):
            mortal_server.restart()
            # from elsewhere: only the subscription can tell the client
            assert mortal_server.call("mutation", "notes:insert", text=text).status_code == 200
            events = [await client.next()]
            while events[-1].texts[:1] != [text]:
                events.append(await client.next())
            assert_never_shrinks(events)


async def test_an_action_in_flight_fails_when_the_connection_is_lost(
    mortal_server: Server,
) -> None:
    note_id = mortal_server.call("mutation", "notes:insert", text="mail").json()["value"]
    async with (
        wire_to(mortal_server.port) as wire,
        npm_client("socket", wire.url) as client,
    ):
        assert (await client.call("action", "notes:email", note_id=note_id)).value is True
        wire.lose_answers()
        await client.begin("lost", "action", "notes:email", note_id=note_id)
        await client.begin("fence", "mutation", "notes:insert", text="fence")
        async with npm_client("socket", mortal_server.url) as witness:
            await witness.subscribe("notes", "notes:list")
            events = [await witness.next()]
            while events[-1].texts[:1] != ["fence"]:
                events.append(await witness.next())
        wire.cut()
        failed = (await client.until("failed", "lost"))[-1]
        assert "Connection lost while action was in flight" in failed.failure["message"]
        await client.until("resolved", "fence")
        assert (await client.call("action", "notes:email", note_id=note_id)).value is True
