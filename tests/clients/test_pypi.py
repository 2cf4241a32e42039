"""The clients of PyPI's `convex`, unmodified, against a real server."""

from __future__ import annotations

from typing import Any, cast

import anyio
import anyio.lowlevel
import pytest

from confect_core.values.wire import Json
from confect_server import ActionCtx, Impl
from confect_server.settings import Limits, Settings
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.clients.gallery import gallery as gallery
from tests.clients.gallery import served
from tests.clients.official_client import EVENT_TIMEOUT_S, OfficialClient, pypi_client
from tests.server.runtime.workshop import workshop
from tests.serving import Server
from tests.wire import wire_to

VALUES: list[Json] = [
    None,
    True,
    -0.5,
    {"$integer": "+/////////8="},
    {"$float": "AAAAAAAA+H8="},
    {"$bytes": "AP8="},
    ["a", {"b": [{"$integer": "AQAAAAAAAAA="}, None]}],
]
BOTH = pytest.mark.parametrize("kind", ["socket", "http"])


async def inserted(client: OfficialClient, text: str) -> str:
    event = await client.call("mutation", "notes:insert", text=text)
    assert event.event == "resolved", event
    return cast("str", event.value)


@BOTH
async def test_every_kind_of_function_answers(server: Server, kind: str) -> None:
    async with pypi_client(kind, server.url) as client:
        note_id = await inserted(client, "from Python")
        got = await client.call("query", "notes:get", note_id=note_id)
        assert (got.document["_id"], got.document["text"]) == (note_id, "from Python")
        assert isinstance(got.document["at"], float)
        assert (await client.call("action", "notes:email", note_id=note_id)).value is True
        assert (await client.call("query", "notes:search", text="Python", limit=1)).value == [
            "from Python"
        ]


@BOTH
async def test_declared_errors_carry_their_data(server: Server, kind: str) -> None:
    async with pypi_client(kind, server.url) as client:
        gone = await inserted(client, "goes")
        assert (await client.call("mutation", "notes:remove", note_id=gone)).value is None
        for kind_called, path in (("query", "notes:get"), ("mutation", "notes:remove")):
            error = (await client.call(kind_called, path, note_id=gone)).failure
            assert error["data"] == {"_tag": "NoteNotFound", "note_id": gone}
        assert await inserted(client, "and it goes on") in {
            note["_id"] for note in server.call("query", "notes:list").json()["value"]
        }


@BOTH
async def test_failures_that_nobody_declared_carry_no_data(server: Server, kind: str) -> None:
    async with pypi_client(kind, server.url) as client:
        wrong_args = (await client.call("mutation", "notes:insert", words="hi")).failure
        assert "ArgumentValidationError" in wrong_args["message"]
        assert "data" not in wrong_args
        unknown = (await client.call("query", "notes:nothing")).failure
        assert "Could not find public function for 'notes:nothing'" in unknown["message"]


async def test_a_subscription_hears_of_every_commit(server: Server) -> None:
    async with (
        pypi_client("socket", server.url) as reader,
        pypi_client("socket", server.url) as writer,
    ):
        await reader.subscribe("notes", "notes:list")
        assert (await reader.next()).texts == []
        for expected in (["a"], ["b", "a"]):
            await inserted(writer, expected[0])
            await reader.ask_next("notes")
            assert (await reader.next()).texts == expected
        await inserted(reader, "c")
        await reader.ask_next("notes")
        assert (await reader.next()).texts == ["c", "b", "a"]


async def test_a_subscription_goes_from_value_to_declared_error(server: Server) -> None:
    async with pypi_client("socket", server.url) as client:
        note_id = await inserted(client, "short-lived")
        await client.subscribe("note", "notes:get", note_id=note_id)
        assert (await client.next()).document["text"] == "short-lived"
        await client.call("mutation", "notes:remove", note_id=note_id)
        await client.ask_next("note")
        assert (await client.next()).failure["data"] == {"_tag": "NoteNotFound", "note_id": note_id}


async def test_a_subscription_outlives_the_server(mortal_server: Server) -> None:
    async with pypi_client("socket", mortal_server.url) as client:
        await inserted(client, "before")
        await client.subscribe("notes", "notes:list")
        assert (await client.next()).texts == ["before"]
        mortal_server.restart()
        await inserted(client, "after")
        await client.ask_next("notes")
        while (event := await client.next()).texts == ["before"]:  # asked again after the reconnect
            await client.ask_next("notes")
        assert event.texts == ["after", "before"]


@BOTH
async def test_values_of_every_type_come_back(gallery: Impl[Any], kind: str) -> None:
    async with served(gallery) as url, pypi_client(kind, url) as client:
        for value in VALUES:
            assert (await client.call("query", "values:anything", value=value)).value == value


async def test_an_answer_is_taken_that_is_longer_than_the_longest_frame_of_the_client() -> None:
    length, runs = 20 * 1024 * 1024, 0

    async def wait(_: ActionCtx) -> str:
        nonlocal runs
        runs += 1
        return "é" * (length // 2)

    async with (
        workshop(Settings(limits=Limits(result_bytes=2 * length))) as at,
        serving(ConfectAsgi(at.backend, AdminKey("key")), "127.0.0.1", 0) as port,
        pypi_client("socket", f"http://127.0.0.1:{port}") as client,
    ):
        at.script.wait = wait
        answer = await client.call("action", "work:wait")
        assert answer.value == "é" * (length // 2)
        assert runs == 1


async def test_only_an_admin_calls_what_is_internal(server: Server) -> None:
    async with pypi_client("socket", server.url) as client:
        await inserted(client, "goes")
        refused = (await client.call("mutation", "notes:clear")).failure
        assert "Could not find public function for 'notes:clear'" in refused["message"]
        await client.set_admin_auth(server.admin_key)
        assert (await client.next())[:2] == ("set", "auth")
        assert (await client.call("mutation", "notes:clear")).event == "resolved"
        assert server.texts() == []
        await client.clear_auth()
        assert (await client.next())[:2] == ("set", "auth")
        assert (await client.call("mutation", "notes:clear")).event == "failed"


async def test_a_wrong_admin_key_is_refused_over_http(server: Server) -> None:
    async with pypi_client("http", server.url) as client:
        for key, event in (("no such key", "failed"), (server.admin_key, "resolved")):
            await client.set_admin_auth(key)
            assert (await client.next())[:2] == ("set", "auth")
            assert (await client.call("query", "notes:list")).event == event


async def test_all_subscriptions_are_seen_together(server: Server) -> None:
    async with pypi_client("socket", server.url) as client:
        await client.subscribe("list", "notes:list")
        assert (await client.next()).value == []
        await client.subscribe("first", "notes:first")
        assert (await client.next()).value is None
        await client.watch_all("all")
        assert (await client.next()).event == "watched"
        for text in ("a", "b"):
            await inserted(client, text)
        seen: list[Any] = []
        while not seen or len(seen[-1][0]) < 2:
            await client.ask_next_of_all("all")
            seen.append((await client.next()).value)
        for notes, first in seen:
            assert first == (notes[-1] if notes else None)


async def test_a_mutation_whose_answer_is_lost_is_answered_after_the_reconnect(
    server: Server,
) -> None:
    async with wire_to(server.port) as wire, pypi_client("socket", wire.url) as client:
        await inserted(client, "before")
        wire.lose_answers()
        await client.begin("after", "mutation", "notes:insert", text="after")
        with anyio.fail_after(EVENT_TIMEOUT_S):
            while server.texts() == ["before"]:
                await anyio.lowlevel.checkpoint()
        wire.cut()
        assert (await client.next())[:2] == ("resolved", "after")
        # this client begins a new session with each connection, which makes it another mutation
        assert server.texts() == ["after", "after", "before"]
