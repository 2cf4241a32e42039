"""The clients of PyPI's `convex`, unmodified, against a real server."""

from __future__ import annotations

from typing import cast

import pytest

from tests.clients.official_client import OfficialClient, pypi_client
from tests.serving import Server

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
