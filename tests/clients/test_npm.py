"""The clients of npm's `convex`, unmodified, against a real server."""

from __future__ import annotations

from collections.abc import Iterable

from tests.clients.official_client import Event, OfficialClient, npm_client
from tests.serving import Server


def updates(events: Iterable[Event]) -> list[list[str]]:
    """The texts of every update of a list of notes."""
    return [event.texts for event in events if event.event == "update"]


async def everything_so_far(client: OfficialClient) -> list[Event]:
    """What happened until now, all of it: two more queries have made their way there and back."""
    happened: list[Event] = []
    for fence in ("one", "two"):
        await client.begin(fence, "query", "notes:search", text=f"no note has the text {fence}")
        happened += (await client.until("resolved", fence))[:-1]
    return happened


async def test_an_update_comes_once_and_before_its_mutation_resolves(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        await client.subscribe("notes", "notes:list")
        assert (await client.next()).texts == []
        await client.begin("insert", "mutation", "notes:insert", text="hi")
        update, resolved = await client.next(), await client.next()
        assert update.texts == ["hi"]
        assert resolved[:2] == ("resolved", "insert")
        assert update.value == server.call("query", "notes:list").json()["value"]
        assert await everything_so_far(client) == []
        assert client.complaints == ""


async def test_another_client_sees_the_update(server: Server) -> None:
    async with (
        npm_client("socket", server.url) as reader,
        npm_client("socket", server.url) as writer,
    ):
        await reader.subscribe("notes", "notes:list")
        assert (await reader.next()).texts == []
        for expected in (["a"], ["b", "a"]):
            assert (await writer.call("mutation", "notes:insert", text=expected[0])).event == (
                "resolved"
            )
            assert (await reader.next()).texts == expected
        assert await everything_so_far(reader) == []


async def test_who_has_unsubscribed_hears_nothing_more(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        await client.unsubscribe("notes")
        assert (await client.call("mutation", "notes:insert", text="unseen")).event == "resolved"
        assert await everything_so_far(client) == []


async def test_mutations_told_in_a_row_run_in_that_order(server: Server) -> None:
    texts = [str(number) for number in range(20)]
    async with npm_client("socket", server.url) as client:
        for text in texts:
            await client.begin(text, "mutation", "notes:insert", text=text)
        assert [(await client.next()).name for _ in texts] == texts
        assert server.texts() == texts[::-1]


async def test_an_optimistic_update_turns_into_the_real_one_without_a_flicker(
    server: Server,
) -> None:
    async with npm_client("socket", server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        await client.begin_optimistic_insert("a", "a")
        await client.begin_optimistic_insert("b", "b")
        seen = updates(await client.until("resolved", "b"))
        assert seen[0] == ["*a"]
        assert seen[-1] == ["b", "a"]
        # every state in between holds each note once, as a guess or for real
        for texts in seen:
            bare = [text.strip("*") for text in texts]
            assert bare in (["a"], ["b", "a"])


async def test_a_failed_mutation_takes_its_optimistic_update_back(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        too_long = "x" * 101
        await client.begin_optimistic_insert("long", too_long)
        events = await client.until("failed", "long")
        assert updates([*events, *await everything_so_far(client)]) == [[f"*{too_long}"], []]


async def test_an_action_answers(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        note_id = (await client.call("mutation", "notes:insert", text="mail me")).value
        sent = await client.call("action", "notes:email", note_id=note_id)
        assert sent == Event("resolved", "call", True)
        assert "[CONVEX A(notes:email)] [INFO] 'sent a note by somebody'" in client.complaints
        await client.call("mutation", "notes:remove", note_id=note_id)
        assert (await client.call("action", "notes:email", note_id=note_id)).value is False


async def test_a_declared_error_of_a_call_carries_its_data(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        pinned = (await client.call("mutation", "notes:insert", text="stays", tag="pinned")).value
        forbidden = (await client.call("mutation", "notes:remove", note_id=pinned)).failure
        assert forbidden["data"] == {"_tag": "Forbidden", "reason": "the note is pinned"}

        gone = (await client.call("mutation", "notes:insert", text="goes")).value
        await client.call("mutation", "notes:remove", note_id=gone)
        not_found = (await client.call("query", "notes:get", note_id=gone)).failure
        assert not_found["data"] == {"_tag": "NoteNotFound", "note_id": gone}


async def test_a_subscription_goes_from_value_to_declared_error(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        note_id = (await client.call("mutation", "notes:insert", text="short-lived")).value
        await client.subscribe("note", "notes:get", note_id=note_id)
        shown = await client.next()
        assert shown[:2] == ("update", "note")
        assert shown.document["text"] == "short-lived"
        await client.begin("remove", "mutation", "notes:remove", note_id=note_id)
        failed, removed = await client.next(), await client.next()
        assert failed.failure["data"] == {"_tag": "NoteNotFound", "note_id": note_id}
        assert removed == Event("resolved", "remove", None)


async def test_failures_that_nobody_declared_are_plain_errors(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        wrong_args = (await client.call("mutation", "notes:insert", text=1.0)).failure
        assert "ArgumentValidationError" in wrong_args["message"]
        assert "data" not in wrong_args
        for kind, path in (
            ("query", "notes:nothing"),
            ("mutation", "nowhere:nothing"),
            ("action", "notes:nothing"),
            ("mutation", "notes:clear"),  # internal
        ):
            unknown = (await client.call(kind, path)).failure
            assert f"Could not find public function for '{path}'" in unknown["message"]
            assert "data" not in unknown
        wrong_kind = (await client.call("query", "notes:email")).failure
        assert "Trying to execute" in wrong_kind["message"]


async def test_a_closed_client_lets_its_process_end(server: Server) -> None:
    async with npm_client("socket", server.url) as client:
        await client.subscribe("notes", "notes:list")
        await client.next()
        assert await client.close() == 0
        assert client.complaints == ""


async def test_the_http_client_calls_every_kind_of_function(server: Server) -> None:
    async with npm_client("http", server.url) as client:
        note_id = (await client.call("mutation", "notes:insert", text="by post")).value
        got = await client.call("query", "notes:get", note_id=note_id)
        assert (got.document["_id"], got.document["text"]) == (note_id, "by post")
        assert (await client.call("action", "notes:email", note_id=note_id)).value is True
        assert (await client.call("query", "notes:search", text="post")).value == ["by post"]


async def test_the_http_client_gets_the_data_of_declared_errors(server: Server) -> None:
    async with npm_client("http", server.url) as client:
        gone = (await client.call("mutation", "notes:insert", text="goes")).value
        await client.call("mutation", "notes:remove", note_id=gone)
        for kind, path in (("query", "notes:get"), ("mutation", "notes:remove")):
            error = (await client.call(kind, path, note_id=gone)).failure
            assert error["data"] == {"_tag": "NoteNotFound", "note_id": gone}


async def test_the_http_client_gets_plain_errors(server: Server) -> None:
    async with npm_client("http", server.url) as client:
        unknown = (await client.call("query", "notes:nothing")).failure
        assert "Could not find public function for 'notes:nothing'" in unknown["message"]
        assert "data" not in unknown
        wrong_args = (await client.call("mutation", "notes:insert", words="hi")).failure
        assert "ArgumentValidationError" in wrong_args["message"]


async def test_pages_adjoin_while_notes_come_and_go(server: Server) -> None:
    inserted = [
        server.call("mutation", "notes:insert", text=text).json()["value"] for text in "abcdef"
    ]
    async with npm_client("socket", server.url) as client:
        await client.subscribe_pages("notes", "notes:page", 2)
        await client.pages("notes", ["f", "e"], "CanLoadMore")
        await client.load_more("notes", 2)
        await client.pages("notes", ["f", "e", "d", "c"], "CanLoadMore")
        server.call("mutation", "notes:insert", text="g").raise_for_status()
        await client.pages("notes", ["g", "f", "e", "d", "c"], "CanLoadMore")
        for removed in (inserted[3], inserted[4]):  # d and e, on either side of the border
            server.call("mutation", "notes:remove", note_id=removed).raise_for_status()
        await client.pages("notes", ["g", "f", "c"], "CanLoadMore")
        await client.load_more("notes", 10)
        await client.pages("notes", ["g", "f", "c", "b", "a"], "Exhausted")
        server.call("mutation", "notes:remove", note_id=inserted[0]).raise_for_status()
        await client.pages("notes", ["g", "f", "c", "b"], "Exhausted")
        assert client.complaints == ""
