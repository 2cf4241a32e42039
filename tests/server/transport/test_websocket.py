"""The sync protocol on the wire of a running server: its order, and what bad clients get."""

from __future__ import annotations

from base64 import b64decode
from contextlib import suppress

import anyio
import orjson
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.serving import Server
from tests.sync_socket import Frame, SyncSocket, sync_socket

INITIAL: Frame = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
ADD_LIST: Frame = {"type": "Add", "queryId": 0, "udfPath": "notes:list", "args": [{}]}


def ts_of(text: str) -> int:
    return int.from_bytes(b64decode(text, validate=True), "little")


def texts(transition: Frame, query_id: int = 0) -> list[str]:
    (update,) = transition["modifications"]
    assert (update["type"], update["queryId"]) == ("QueryUpdated", query_id)
    return [note["text"] for note in update["value"]]


def check_conversation(frames: list[Frame]) -> None:
    """Everything that clients rely on in the order and the form of what a server says."""
    version: Frame = INITIAL
    unsettled: list[int] = []  # the commits that were answered, but that no Transition holds yet
    for frame in frames:
        if frame["type"] == "Transition":
            assert frame["startVersion"] == version
            version = frame["endVersion"]
            assert ts_of(version["ts"]) >= ts_of(frame["startVersion"]["ts"])
            unsettled = [ts for ts in unsettled if ts > ts_of(version["ts"])]
            check_transition(frame)
        elif frame["type"] == "MutationResponse":
            assert isinstance(frame["logLines"], list)
            ts = ts_of(frame["ts"]) if frame["success"] else 0
            assert not ts or ts > ts_of(version["ts"]), "a Transition was faster than the answer"
            assert ts >= max(unsettled, default=0) or not ts
            unsettled.append(ts)
        else:
            assert frame["type"] in ("ActionResponse", "Ping")
    assert unsettled == [], "every mutation is followed by a Transition that holds it"


def check_transition(frame: Frame) -> None:
    assert ("clientClockSkew" in frame) == ("serverTs" in frame)
    assert None not in (frame.get("clientClockSkew", 0), frame.get("serverTs", 0))
    for change in frame["modifications"]:
        if change["type"] != "QueryRemoved":
            assert isinstance(change["logLines"], list)
            assert change["journal"] is None


async def test_the_first_transition_answers_the_first_query_set(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify(ADD_LIST)
        transition = await socket.hear()
        assert texts(transition) == []
        assert transition["startVersion"] == INITIAL
        assert transition["endVersion"]["querySet"] == 1
        check_conversation([transition])


async def test_an_empty_query_set_is_acknowledged_too(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify()
        transition = await socket.hear()
        assert transition["modifications"] == []
        assert transition["endVersion"]["querySet"] == 1


async def test_a_mutation_is_answered_before_the_transition_that_holds_it(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify(ADD_LIST)
        heard = [await socket.hear()]
        for request_id in range(20):
            await socket.mutate(request_id, "notes:insert", text=str(request_id))
            response, transition = await socket.hear(), await socket.hear()
            assert response["type"] == "MutationResponse"
            assert response["requestId"] == request_id
            assert texts(transition)[0] == str(request_id)
            assert ts_of(transition["endVersion"]["ts"]) >= ts_of(response["ts"])
            heard += [response, transition]
        check_conversation(heard)


async def test_the_order_holds_while_many_write_at_once(server: Server) -> None:
    writers, mutations = 4, 25

    async def write(name: str) -> None:
        async with sync_socket(server.socket_url) as socket:
            await socket.modify(ADD_LIST)
            for request_id in range(mutations):
                await socket.mutate(request_id, "notes:insert", text=f"{name}{request_id}")
                if request_id % 5 == 4:  # some of them fail
                    await socket.mutate(1000 + request_id, "notes:insert", text=0)
            heard: list[Frame] = []
            # the list shows the newest hundred, and its last state shows all that are written
            while not heard or not _shows_all(heard[-1], writers * mutations):
                heard.append(await socket.hear())
            heard += await everything_more(socket)
        check_conversation(heard)
        answered = [each["requestId"] for each in heard if each["type"] == "MutationResponse"]
        assert [each for each in answered if each < 1000] == list(range(mutations))

    with anyio.fail_after(30):
        async with anyio.create_task_group() as tasks:
            for name in "abcd"[:writers]:
                tasks.start_soon(write, name)


def _shows_all(frame: Frame, count: int) -> bool:
    changes: list[Frame] = frame.get("modifications", [])
    return any(len(change.get("value") or ()) == count for change in changes)


async def everything_more(socket: SyncSocket) -> list[Frame]:
    """What is still to come: the query set is acknowledged after it."""
    await socket.add(1, "notes:first")
    heard = [await socket.hear()]
    while heard[-1].get("endVersion", {}).get("querySet") != 2:
        heard.append(await socket.hear())
    return heard


async def test_a_failed_mutation_is_followed_by_a_transition(server: Server) -> None:
    # Python's client waits for one when the failure carries data
    async with sync_socket(server.socket_url) as socket:
        note_id = server.call("mutation", "notes:insert", text="pin", tag="pinned").json()["value"]
        await socket.mutate(0, "notes:remove", note_id=note_id)
        response, transition = await socket.hear(), await socket.hear()
        assert (response["success"], response["ts"]) == (False, None)
        assert response["errorData"] == {"_tag": "Forbidden", "reason": "the note is pinned"}
        assert transition["type"] == "Transition"
        check_conversation([response, transition])


async def test_an_unchanged_result_is_not_sent_again(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify(
            {"type": "Add", "queryId": 0, "udfPath": "notes:search", "args": [{"text": "needle"}]}
        )
        assert (await socket.hear())["modifications"][0]["value"] == []
        await socket.mutate(0, "notes:insert", text="hay")
        _, transition = await socket.hear(), await socket.hear()
        assert transition["modifications"] == []
        await socket.mutate(1, "notes:insert", text="needle")
        _, transition = await socket.hear(), await socket.hear()
        assert transition["modifications"][0]["value"] == ["needle"]


async def test_one_transition_shows_every_query_at_the_same_moment(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        search = {"type": "Add", "queryId": 1, "udfPath": "notes:search", "args": [{"text": ""}]}
        await socket.modify(ADD_LIST, search)
        await socket.hear()
        for request_id in range(5):
            await socket.mutate(request_id, "notes:insert", text=str(request_id))
        shown = 0
        while shown < 5:
            frame = await socket.hear()
            values = {each["queryId"]: each["value"] for each in frame.get("modifications", [])}
            if values:
                assert [note["text"] for note in values[0]] == values[1]
                shown = len(values[1])


async def test_a_removed_query_is_acknowledged_and_silent(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify(ADD_LIST)
        await socket.hear()
        await socket.remove(0)
        assert (await socket.hear())["modifications"] == [{"type": "QueryRemoved", "queryId": 0}]
        await socket.mutate(0, "notes:insert", text="unseen")
        _, transition = await socket.hear(), await socket.hear()
        assert transition["modifications"] == []


@pytest.mark.parametrize("path", ["notes:nothing", "nowhere:nothing", "notes:clear", "notes"])
async def test_a_query_that_is_not_there_fails_and_the_socket_lives(
    server: Server, path: str
) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.add(0, path)
        (failed,) = (await socket.hear())["modifications"]
        assert (failed["type"], failed["queryId"]) == ("QueryFailed", 0)
        spelled = path if ":" in path else f"{path}:default"
        message = f"Could not find public function for '{spelled}'"
        assert message in failed["errorMessage"]
        assert "errorData" not in failed
        await socket.mutate(0, path)
        response = await socket.hear()
        assert (response["success"], "errorData" in response) == (False, False)
        assert message in response["result"]
        await socket.hear_until("Transition")
        await socket.act(1, path)
        response = await socket.hear()
        assert (response["type"], response["success"]) == ("ActionResponse", False)
        assert message in response["result"]
        await socket.hear_until("Transition")
        await socket.add(1, "notes:list")
        assert texts(await socket.hear(), query_id=1) == []


async def test_arguments_that_do_not_fit_fail_the_call_only(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.add(0, "notes:search", text=1)
        (failed,) = (await socket.hear())["modifications"]
        assert "ArgumentValidationError" in failed["errorMessage"]
        await socket.mutate(0, "notes:insert", text={"$integer": "?"})
        assert (await socket.hear())["success"] is False


async def test_the_id_of_a_request_is_the_same_after_a_reconnect(server: Server) -> None:
    messages: list[str] = []
    for _ in range(2):
        async with sync_socket(server.socket_url, session_id=SESSION_ID) as socket:
            await socket.mutate(0, "notes:nothing")
            messages.append((await socket.hear())["result"])
    assert messages[0] == messages[1]


SESSION_ID = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"

MUTATION: Frame = {
    "type": "Mutation",
    "requestId": 0,
    "udfPath": "notes:insert",
    "args": [{"text": "a"}],
}
CONNECT: Frame = {
    "type": "Connect",
    "sessionId": SESSION_ID,
    "connectionCount": 0,
    "lastCloseReason": None,
    "clientTs": 0,
}


def modify(base: int, new: int, *changes: Frame) -> Frame:
    return {
        "type": "ModifyQuerySet",
        "baseVersion": base,
        "newVersion": new,
        "modifications": list(changes),
    }


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "no JSON",
        "[]",
        "null",
        "{}",
        b"\x00\x01",
        orjson.dumps(CONNECT),  # right, but binary
        "[" * 100_000,
        orjson.dumps({"type": "Nonsense"}).decode(),
        orjson.dumps({**MUTATION, "requestId": -1}).decode(),
        orjson.dumps({**MUTATION, "requestId": 2**32}).decode(),
        orjson.dumps({**MUTATION, "args": {}}).decode(),
        orjson.dumps({**MUTATION, "udfPath": "../x"}).decode(),
        orjson.dumps(CONNECT).decode(),  # a second one
        orjson.dumps(modify(1, 2)).decode(),  # the last version was 0
        orjson.dumps(modify(0, 0)).decode(),
        orjson.dumps({"type": "Authenticate", "baseVersion": 3, "tokenType": "None"}).decode(),
    ],
)
async def test_a_frame_that_breaks_the_protocol_is_fatal_to_its_socket_only(
    server: Server, frame: str | bytes
) -> None:
    async with (
        sync_socket(server.socket_url) as bystander,
        sync_socket(server.socket_url) as socket,
    ):
        await bystander.modify(ADD_LIST)
        await bystander.hear()
        await socket.say_raw(frame)
        heard, closed = await socket.hear_end()
        assert [each["type"] for each in heard] == ["FatalError"]
        assert heard[0]["error"]
        assert closed.rcvd is not None
        assert closed.rcvd.code in (1000, 1005)
        await assert_still_served(server, bystander)


async def assert_still_served(server: Server, bystander: SyncSocket) -> None:
    server.call("mutation", "notes:insert", text="and yet it moves")
    assert texts(await bystander.hear()) == ["and yet it moves"]
    await bystander.mutate(0, "notes:insert", text="and more")
    assert (await bystander.hear())["success"] is True


async def test_a_frame_may_be_as_long_as_the_longest_arguments(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.say("Event", eventType="Long", event="x" * 30_000_000)
        await socket.modify(ADD_LIST)
        assert texts(await socket.hear()) == []


async def test_a_frame_that_is_longer_ends_its_socket_only(server: Server) -> None:
    async with (
        sync_socket(server.socket_url) as bystander,
        sync_socket(server.socket_url) as socket,
    ):
        await bystander.modify(ADD_LIST)
        await bystander.hear()
        with suppress(ConnectionClosed):  # the server may have hung up before it is sent
            await socket.say("Event", eventType="Long", event="x" * 40_000_000)
        heard, closed = await socket.hear_end()
        assert heard == []
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1009
        await assert_still_served(server, bystander)


async def test_whoever_does_not_connect_first_is_told_so(server: Server) -> None:
    async with sync_socket(server.socket_url, connects=False) as socket:
        await socket.mutate(0, "notes:insert", text="never")
        heard, _ = await socket.hear_end()
        assert [each["type"] for each in heard] == ["FatalError"]
    assert server.texts() == []


async def test_what_a_client_says_after_a_fatal_mistake_is_not_done(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.say_raw("no JSON")
        await socket.mutate(0, "notes:insert", text="never")
        heard, _ = await socket.hear_end()
        assert [each["type"] for each in heard] == ["FatalError"]
    assert server.texts() == []


@pytest.mark.parametrize(
    "misuse",
    [
        modify(1, 2, ADD_LIST),  # added twice
        modify(1, 2, {"type": "Remove", "queryId": 7}),
    ],
)
async def test_a_misused_query_id_is_an_error_that_a_reconnect_mends(
    server: Server, misuse: Frame
) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.modify(ADD_LIST)
        await socket.hear()
        await socket.say(**misuse)
        heard, closed = await socket.hear_end()
        assert heard == []
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (1011, "InternalServerError")


async def test_a_client_from_the_future_has_to_come_back_later(server: Server) -> None:
    # it has seen commits that this server does not know: it must not be shown older ones
    async with sync_socket(server.socket_url, connects=False) as socket:
        await socket.say(**{**CONNECT, "maxObservedTimestamp": "/////////38="})
        heard, closed = await socket.hear_end()
        assert heard == []
        assert closed.rcvd is not None
        assert closed.rcvd.code == 1011


async def test_a_token_that_nobody_accepts_is_refused(server: Server) -> None:
    async with sync_socket(server.socket_url) as socket:
        await socket.say("Authenticate", baseVersion=0, tokenType="User", value="a.b.c")
        heard, _ = await socket.hear_end()
        assert [each["type"] for each in heard] == ["AuthError"]
        assert heard[0]["authUpdateAttempted"] is True
        assert heard[0]["baseVersion"] == 0


async def test_a_socket_that_vanishes_takes_nothing_with_it(server: Server) -> None:
    async with sync_socket(server.socket_url) as bystander:
        await bystander.modify(ADD_LIST)
        await bystander.hear()
        async with sync_socket(server.socket_url) as socket:
            await socket.modify(ADD_LIST)
            await socket.hear()
            socket.vanish()
        await assert_still_served(server, bystander)


@pytest.mark.parametrize(
    ("path", "client"),
    [
        ("/api/1.48.0/sync", None),
        ("/api/1.0.0/sync", None),
        ("/api/1.48.0-alpha.1/sync", None),
        ("/api/sync", "python-0.8.1"),
        ("/api/sync", "rust-0.10.4"),
        ("/api/sync", None),
    ],
)
async def test_clients_of_today_are_let_in(server: Server, path: str, client: str | None) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    async with connect(server.socket_url + path, additional_headers=headers) as connection:
        await connection.send(orjson.dumps(CONNECT).decode())
        await connection.send(orjson.dumps(modify(0, 1)).decode())
        assert orjson.loads(await connection.recv())["type"] == "Transition"


@pytest.mark.parametrize(
    ("path", "client", "code"),
    [
        ("/api/0.19.1/sync", None, "ClientVersionUnsupported"),
        ("/api/sync", "python-0.0.2", "ClientVersionUnsupported"),
        ("/api/sync", "rust-0.0.1", "ClientVersionUnsupported"),
        ("/api/banana/sync", None, "InvalidClientVersion"),
        ("/api/sync", "banana", "InvalidClientVersion"),
    ],
)
async def test_a_client_that_cannot_be_served_is_refused(
    server: Server, path: str, client: str | None, code: str
) -> None:
    headers = {} if client is None else {"Convex-Client": client}
    with pytest.raises(InvalidStatus) as refusal:
        await connect(server.socket_url + path, additional_headers=headers)
    response = refusal.value.response
    assert response.status_code == 400
    assert orjson.loads(response.body)["code"] == code
    is_told = response.headers.get("x-convex-deprecation-state") == "Unsupported"
    assert is_told == (code == "ClientVersionUnsupported")
    assert ("x-convex-deprecation-message" in response.headers) == is_told


@pytest.mark.parametrize("path", ["/", "/api/1.48.0", "/api/1.48.0/sync/more", "/sync"])
async def test_there_are_no_sockets_at_other_paths(server: Server, path: str) -> None:
    with pytest.raises(InvalidStatus) as refusal:
        await connect(server.socket_url + path)
    assert refusal.value.response.status_code == 404
