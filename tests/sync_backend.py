"""A backend of named counters behind real sync sessions, every step of which a test chooses.

It does for a session what the driver, the executor and the database do, but only when told to:
what a session asks to be run waits in `Socket.to_run` until `run` is called, in any order.

- query `counters:get {name}` gives `{"count", "who"}`, and fails at every multiple of 5;
- mutation `counters:add {name}` gives the new count; `counters:fail` fails with data;
- action `counters:double {x}`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import chain

import orjson

from confect_core.protocol import EncodedValue, FunctionPath, JsonObject, UserToken
from confect_server.runtime.outcome import Failed, QueryRun, RunOutcome, Succeeded
from confect_server.transport.sync.effects import (
    Close,
    Drop,
    Effect,
    RunAction,
    RunMutation,
    RunQueries,
    Send,
    Verify,
)
from confect_server.transport.sync.session import SyncSession

GET = FunctionPath.parse("counters:get")
ADD = FunctionPath.parse("counters:add")
FAIL = FunctionPath.parse("counters:fail")
DOUBLE = FunctionPath.parse("counters:double")

ToRun = RunQueries[str] | RunMutation[str] | RunAction[str] | Verify


def encoded(value: object) -> EncodedValue:
    return EncodedValue(orjson.dumps(value))


@dataclass
class Backend:
    """Counters, their history, and who subscribes to them."""

    ts: int = 1000
    now_ms: int = 1_795_188_240_000
    history: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    committed: dict[tuple[str, int], tuple[Succeeded, int]] = field(
        default_factory=dict[tuple[str, int], tuple[Succeeded, int]]
    )
    sockets: list[Socket] = field(default_factory=list["Socket"])

    def connect(self) -> Socket:
        socket = Socket(self)
        self.sockets.append(socket)
        return socket

    def count(self, name: str, ts: int) -> int:
        return sum(1 for commit_ts in self.history.get(name, []) if commit_ts <= ts)

    def result(self, name: str, who: str, ts: int) -> RunOutcome:
        count = self.count(name, ts)
        if count and count % 5 == 0:
            return Failed(f"[Request ID: {ts:016x}] Server Error\n{name} at {count}")
        return Succeeded(encoded({"count": float(count), "who": who}))

    def add(self, name: str) -> int:
        """Commit one addition, and tell every session whose result it changes."""
        self.ts += 1
        self.history.setdefault(name, []).append(self.ts)
        for socket in self.sockets:
            hit = [query_id for query_id, read in socket.reads.items() if read == name]
            socket.session.invalidated(hit, self.ts)
        return self.count(name, self.ts)

    def committed_once(self, effect: RunMutation[str]) -> tuple[Succeeded, int]:
        """What a mutation gave, now or when it was run for this request before, and as of when."""
        named = effect.session_id, effect.request.request_id
        if named not in self.committed:
            count = self.add(name_in(effect.request.args))
            self.committed[named] = Succeeded(encoded(float(count))), self.ts
        return self.committed[named]


class Socket:
    """The server's end of one connection."""

    def __init__(self, backend: Backend) -> None:
        self.backend = backend
        self.session = SyncSession("nobody")
        self.sent: list[bytes] = []
        self.to_run: list[ToRun] = []
        self.reads: dict[int, str] = {}
        self.readers: dict[int, str] = {}  # on whose behalf it was read
        self.closed: Close | None = None

    def receive(self, frame: str | bytes) -> None:
        backend = self.backend
        self.perform(self.session.receive(frame, backend.now_ms, backend.ts))

    def perform(self, effects: list[Effect[str]]) -> None:
        for effect in chain(effects, self.session.drained()):
            assert self.closed is None, "nothing follows a Close"
            match effect:
                case Send():
                    self.sent.append(effect.frame)
                case Drop():
                    for query_id in effect.query_ids:
                        self.reads.pop(query_id, None)
                case Close():
                    self.closed = effect
                case _:
                    self.to_run.append(effect)

    def advance(self) -> None:
        self.perform(self.session.advance(self.backend.ts, self.backend.now_ms))

    def answer_alone(self) -> None:
        """Tell the client of the one query whose answer is all that it is owed, if that is so."""
        backend, session = self.backend, self.session
        query_id = session.only_stale(backend.now_ms)
        if query_id is None or query_id not in self.reads:
            return
        outcome = backend.result(self.reads[query_id], self.readers[query_id], backend.ts)
        frame = session.answer_alone(backend.ts, query_id, outcome, None)
        self.perform([Send(frame)] if frame else [])

    def run(self, index: int = 0) -> None:
        """Do one thing that the session waits for."""
        effect = self.to_run.pop(index)
        match effect:
            case RunQueries():
                self.perform(self._run_queries(effect))
            case RunMutation():
                self.perform(self._run_mutation(effect))
            case RunAction():
                x = effect.request.args["x"]
                assert isinstance(x, float | int)
                doubled = Succeeded(encoded(2.0 * x))
                self.perform(self.session.action_finished(effect.request.request_id, doubled))
            case Verify():
                token = effect.token
                who = token.value if isinstance(token, UserToken) else "nobody"
                self.perform(self.session.authenticated(who))

    def drain(self) -> None:
        """Answer what the client has said, and send it away."""
        self.session.drain()
        self.perform([])

    def lose(self, index: int = 0) -> None:
        """Let a mutation or an action end for a client that is not told of it any more."""
        effect = self.to_run.pop(index)
        if isinstance(effect, RunMutation) and effect.request.path != FAIL:
            self.backend.committed_once(effect)

    def put_off(self) -> None:
        """Refuse to run the queries that wait, at their snapshot."""
        self.to_run = [effect for effect in self.to_run if not isinstance(effect, RunQueries)]
        self.session.put_off()

    def settle(self) -> None:
        """Do all that there is to do."""
        while self.to_run or self.session.is_behind:
            self.advance()
            while self.to_run:
                self.run()

    def _run_queries(self, effect: RunQueries[str]) -> list[Effect[str]]:
        runs: dict[int, QueryRun] = {}
        for to_run in effect.queries:
            query_id, name = to_run.query.query_id, name_in(to_run.query.args)
            runs[query_id] = QueryRun(self.backend.result(name, effect.identity, effect.ts))
            self.reads[query_id], self.readers[query_id] = name, effect.identity
            if any(ts > effect.ts for ts in self.backend.history.get(name, [])):
                self.session.invalidated([query_id], self.backend.ts)
        return self.session.queries_ran(runs, self.backend.now_ms)

    def _run_mutation(self, effect: RunMutation[str]) -> list[Effect[str]]:
        request = effect.request
        if request.path == FAIL:
            failed = Failed("it failed", encoded({"code": 7.0}))
            return self.session.mutation_failed(request.request_id, failed)
        known = self.backend.committed_once(effect)
        return self.session.mutation_committed(request.request_id, *known)


def name_in(args: JsonObject) -> str:
    name = args["name"]
    assert isinstance(name, str)
    return name
