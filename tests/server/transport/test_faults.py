"""What the official clients break at, and that a real server never does it.

One test for each row of the fault table of the protocol and for each rule that is easily got wrong:
what clients do about it stands in the comments. `Judge` insists on every one of them in every
conversation; here each is provoked, and the judge is shown to notice it.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest

from confect_server import QueryCtx
from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.server.runtime.ledger import Refs, Script, ledger
from tests.sync_judge import Frame, Judge
from tests.sync_socket import PATH, SyncSocket, sync_socket

JAVASCRIPT, PYTHON = PATH, "/api/sync"
CLIENTS = pytest.mark.parametrize("path", [JAVASCRIPT, PYTHON])
SESSION = "9208b169-0e8a-4fa7-9341-d27c8fd3dda8"


class Listener:
    """A socket with a judge who hears all of it."""

    def __init__(self, socket: SyncSocket, judge: Judge) -> None:
        self._socket = socket
        self.judge = judge

    async def add(self, query_id: int, path: str, **args: object) -> None:
        self.judge.adds(query_id)
        await self._socket.add(query_id, path, **args)

    async def mutate(
        self, request_id: int, path: str, *, again: bool = False, **args: object
    ) -> None:
        self.judge.mutates(request_id, again=again)
        await self._socket.mutate(request_id, path, **args)

    async def act(self, request_id: int, path: str, **args: object) -> None:
        self.judge.acts(request_id)
        await self._socket.act(request_id, path, **args)

    async def settle(self) -> list[Frame]:
        """Everything that comes until nothing is owed, one more subscription included."""
        begins = len(self.judge.frames)
        await self.add(999, "ledger:echo", text="settled")
        while 999 not in self.judge.results:
            self.judge.hears(json.dumps(await self._socket.hear()))
        self.judge.removes(999)
        await self._socket.remove(999)
        while self.judge.is_owed:
            self.judge.hears(json.dumps(await self._socket.hear()))
        self.judge.is_satisfied()
        return self.judge.frames[begins:]


class At:
    """The ledger on a port."""

    def __init__(self, script: Script, port: int) -> None:
        self.script = script
        self.url = f"ws://127.0.0.1:{port}"

    def answers(self, steps: Callable[[QueryCtx[Script]], Any]) -> None:
        """What the scripted query and mutation do from now on."""

        async def run(ctx: QueryCtx[Script]) -> str:
            return str(await steps(ctx))

        self.script.steps = run

    @asynccontextmanager
    async def listener(self, path: str, session_id: str | None = None) -> AsyncGenerator[Listener]:
        async with sync_socket(self.url, path, session_id=session_id) as socket:
            yield Listener(socket, Judge(knows_chunks=path == JAVASCRIPT))


@asynccontextmanager
async def served() -> AsyncGenerator[At]:
    script = Script()
    async with (
        Backend.open(ledger(script), MemoryStore()) as backend,
        serving(ConfectAsgi(backend, AdminKey("k")), "127.0.0.1", 0) as port,
    ):
        yield At(script, port)


@CLIENTS
async def test_a_transition_follows_every_mutation_however_it_ends(path: str) -> None:
    # without one: JavaScript waits for ever for a success, Python for a failure with data
    async with served() as at, at.listener(path) as listener:
        await listener.mutate(0, "ledger:add", text="one")
        await listener.mutate(1, "ledger:add", text="one")  # a declared failure, with data
        await listener.mutate(2, "ledger:nothing")
        await listener.mutate(3, "ledger:add", words="do not fit")
        await listener.act(4, "ledger:act", text="one")
        frames = await listener.settle()
        answers = [each for each in frames if each["type"] == "MutationResponse"]
        assert [each["success"] for each in answers] == [True, False, False, False]
        assert ["errorData" in each for each in answers] == [False, True, False, False]


@CLIENTS
async def test_a_response_is_faster_than_the_transition_that_shows_it(path: str) -> None:
    # the other way round, JavaScript waits for one more Transition for ever
    async with served() as at, at.listener(path) as listener, at.listener(path) as other:
        await listener.add(0, "ledger:texts")
        for number in range(50):
            await listener.mutate(number, "ledger:add", text=f"mine {number}")
            await other.mutate(number, "ledger:add", text=f"theirs {number}")
        await listener.settle()
        await other.settle()


@CLIENTS
async def test_a_mutation_that_is_sent_twice_on_one_socket_is_answered_for_each(path: str) -> None:
    # Python reconnects when it is answered what it does not wait for
    async with served() as at, at.listener(path) as listener:
        await listener.mutate(7, "ledger:add", text="once")
        await listener.mutate(7, "ledger:add", again=True, text="once")
        await listener.add(0, "ledger:texts")
        await listener.settle()
        assert listener.judge.results[0] == ("updated", '["once"]')


async def test_a_replayed_mutation_is_answered_as_it_was_and_settled() -> None:
    async with served() as at:
        answers: list[Frame] = []
        for again in (False, True):
            async with at.listener(JAVASCRIPT, SESSION) as listener:
                await listener.mutate(0, "ledger:add", again=again, text="once")
                frames = await listener.settle()
                answers += [each for each in frames if each["type"] == "MutationResponse"]
        assert answers[0] == answers[1]


@CLIENTS
async def test_whatever_a_function_does_the_socket_stays(path: str) -> None:
    # a FatalError ends JavaScript's client for good
    async def raises(_: object) -> None:
        raise RuntimeError("äöü \ud800 \x00")

    async def fails(ctx: QueryCtx[Script]) -> None:
        await ctx.run_query(Refs.deeper_query, count=100)

    async def groups(_: object) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(raises, None)

    async with served() as at, at.listener(path) as listener:
        for number, steps in enumerate((raises, fails, groups)):
            at.answers(steps)
            await listener.add(number, "ledger:query")
            await listener.mutate(number, "ledger:mutate")
            frames = await listener.settle()
            assert "FatalError" not in [each["type"] for each in frames]
            assert listener.judge.results[number][0] == "failed"
            async with at.listener(path):  # so that each of them is asked anew
                pass


@CLIENTS
async def test_what_functions_say_is_told_in_lines_that_clients_can_read(path: str) -> None:
    # JavaScript complains once for every line that does not begin with its level
    async def steps(ctx: QueryCtx[Script]) -> str:
        for level in (ctx.log.debug, ctx.log.info, ctx.log.warning, ctx.log.error):
            level("two\nlines", number=1, text="\ud800")
        return "said"

    async with served() as at, at.listener(path) as listener:
        at.answers(steps)
        await listener.add(0, "ledger:query")
        await listener.mutate(0, "ledger:mutate")
        frames = await listener.settle()
        said = [each for each in frames if each.get("logLines")]
        assert len(said) == 1


@CLIENTS
async def test_numbers_have_a_fraction(path: str) -> None:
    # Python's client refuses whole numbers
    async with served() as at, at.listener(path) as listener:
        await listener.add(0, "ledger:deeper_query", count=0)
        await listener.mutate(0, "ledger:deeper", count=0)
        await listener.settle()


@pytest.mark.parametrize("client_ts", [0, 1_795_188_240_149, None])
async def test_the_time_is_told_whole_or_not_at_all(client_ts: int | None) -> None:
    # JavaScript takes null for a slow network, and complains
    async with (
        served() as at,
        sync_socket(at.url, JAVASCRIPT, connects=False) as socket,
    ):
        clock = {} if client_ts is None else {"clientTs": client_ts}
        await socket.say(
            "Connect", sessionId=SESSION, connectionCount=0, lastCloseReason=None, **clock
        )
        listener = Listener(socket, Judge(tells_time=bool(client_ts)))
        await listener.mutate(0, "ledger:add", text="one")
        frames = await listener.settle()
        told = any("serverTs" in each for each in frames)
        assert told is bool(client_ts)


@pytest.mark.parametrize("path", [JAVASCRIPT, PYTHON, "/api/1.27.9/sync"])
async def test_only_who_knows_them_gets_transitions_in_parts(path: str) -> None:
    # others reconnect for ever
    async with served() as at, at.listener(path) as listener:
        await listener.add(0, "ledger:twice", text="ä" * 1_500_000)
        await listener.settle()


@pytest.mark.parametrize("spelled", ["ledger:echo", "ledger.js:echo"])
async def test_a_path_may_have_its_extension(spelled: str) -> None:
    # Python's client adds it when it comes back
    async with served() as at, at.listener(PYTHON) as listener:
        await listener.add(0, spelled, text="hi")
        await listener.settle()
        assert listener.judge.results[0] == ("updated", '"hi"')


def transition(start: int, end: int, *changes: Frame, **more: object) -> Frame:
    versions = [{"querySet": each, "identity": 0, "ts": "AAAAAAAAAAA="} for each in (start, end)]
    return {
        "type": "Transition",
        "startVersion": versions[0],
        "endVersion": versions[1],
        "modifications": list(changes),
        **more,
    }


ANSWER: Frame = {
    "type": "MutationResponse",
    "requestId": 0,
    "success": True,
    "result": None,
    "ts": "6AMAAAAAAAA=",
    "logLines": [],
}
UPDATE: Frame = {
    "type": "QueryUpdated",
    "queryId": 0,
    "value": 1.0,
    "logLines": [],
    "journal": None,
}
CHUNK: Frame = {
    "type": "TransitionChunk",
    "chunk": "{",
    "partNumber": 0,
    "totalParts": 2,
    "transitionId": "2",
}


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param([transition(1, 1)], id="a wrong start"),
        pytest.param([transition(0, 0, clientClockSkew=None, serverTs=None)], id="null clocks"),
        pytest.param([transition(0, 0, serverTs=1)], id="half a clock"),
        pytest.param([ANSWER], id="no Transition after a success"),
        pytest.param([{**ANSWER, "success": False, "result": "no", "ts": None}], id="nor failure"),
        pytest.param([ANSWER, ANSWER], id="answered twice"),
        pytest.param([{**ANSWER, "requestId": 5}], id="answered what was not asked"),
        pytest.param([{**ANSWER, "ts": None}], id="a success without time"),
        pytest.param([{**ANSWER, "ts": "AAAAAAAAAAA="}], id="the Transition was faster"),
        pytest.param([{**ANSWER, "logLines": ["hi"]}], id="a line without a level"),
        pytest.param([{**ANSWER, "result": [{"n": 1}]}], id="a whole number"),
        pytest.param([{**ANSWER, "errorData": None}], id="data where nothing failed"),
        pytest.param([{"type": "Hello"}], id="an unknown type"),
        pytest.param([CHUNK], id="parts for who knows none"),
        pytest.param([transition(0, 1, UPDATE), transition(1, 1, UPDATE)], id="told again"),
        pytest.param([transition(0, 1, {**UPDATE, "queryId": 3})], id="told unasked"),
        pytest.param([{"type": "FatalError", "error": "x"}, transition(0, 0)], id="goes on"),
    ],
)
def test_the_judge_notices(frames: list[Frame]) -> None:
    with pytest.raises(AssertionError):
        judged(frames)


def test_the_judge_has_nothing_against_what_is_right() -> None:
    shown = transition(0, 1, UPDATE)
    shown["endVersion"] = {**shown["endVersion"], "ts": ANSWER["ts"]}
    judged([ANSWER, shown, {"type": "Ping"}])


def judged(frames: list[Frame]) -> None:
    judge = Judge()
    judge.adds(0)
    if any(each["type"] == "MutationResponse" for each in frames):
        judge.mutates(0)
    for frame in frames:
        judge.hears(json.dumps(frame))
    judge.is_satisfied()


@pytest.mark.parametrize("code", [1011, 1013, 1006, 4000])
def test_the_judge_notices_a_close_that_clients_cannot_read(code: int) -> None:
    with pytest.raises(AssertionError):
        Judge().hears_close(code, "")
