"""`Connection`: the driver of one session: its socket, tasks and subscriptions around it.

One task of a socket hears. There are others only while there is something to do: one writes, one
runs a mutation. The `Pusher` is woken by commits, and pushes to one socket after the other: at the
newest snapshot what is stale is run, and sent. A client that does not take what it was sent is
pushed to when it has, so a slow reader costs the server one Transition and catches up in one step.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from functools import partial

import anyio

from confect_core.protocol import (
    AddQuery,
    MalformedMessage,
    StateVersion,
    Token,
    UserToken,
)
from confect_server.auth.errors import TokenRefused
from confect_server.engine import NoPauses, OutOfRetention, PausePoint
from confect_server.runtime import CLIENT, Backend, Caller, QueryResult
from confect_server.runtime.function_runner import NEWEST_ATTEMPTS
from confect_server.runtime.outcome import Failed, QueryRun
from confect_server.runtime.requests import SessionRequest
from confect_server.transport.admin import NotAdmin
from confect_server.transport.callers import Callers
from confect_server.transport.sync.audience import Audience, Audiences, Told
from confect_server.transport.sync.burst import Outlet
from confect_server.transport.sync.effects import (
    INTERNAL_ERROR,
    PROVIDERS_CHANGED,
    SLOW_READER,
    Close,
    Drop,
    Effect,
    RunAction,
    RunMutation,
    RunQueries,
    Send,
    Verify,
)
from confect_server.transport.sync.pusher import Pusher
from confect_server.transport.sync.session import SyncSession
from confect_server.transport.sync.short_tasks import ShortTasks
from confect_server.transport.sync.socket import Socket
from confect_server.transport.sync.subscribed import Subscribed, path_of

_NS_PER_MS = 1_000_000
_log = logging.getLogger("confect")


class Connection:
    """One socket with its session, and what the session has asked for."""

    __slots__ = (
        "_audience",
        "_audiences",
        "_callers",
        "_clock",
        "_database",
        "_executor",
        "_is_draining",
        "_is_mutating",
        "_is_pushing",
        "_is_queued",
        "_is_users",
        "_is_writing",
        "_limits",
        "_pauses",
        "_pusher",
        "_put_off",
        "_queries",
        "_running",
        "_session",
        "_socket",
        "_subscribed",
        "_tasks",
        "_was_closed",
    )

    def __init__(
        self,
        socket: Socket,
        backend: Backend,
        callers: Callers,
        pusher: Pusher,
        audiences: Audiences,
        *,
        knows_chunks: bool,
    ) -> None:
        self._socket = socket
        self._pusher = pusher
        self._audiences = audiences
        self._audience: Audience | None = None
        self._executor = backend.executor
        self._queries = backend.queries
        self._database = backend.database
        pauses = backend.database.pauses
        self._pauses = None if isinstance(pauses, NoPauses) else pauses
        self._clock = backend.clock
        self._callers = callers
        self._limits = backend.database.settings.sockets
        self._session = SyncSession[Caller](CLIENT, self._limits, knows_chunks=knows_chunks)
        self._subscribed: dict[int, Subscribed] = {}
        self._is_users = False  # has it shown a token that was taken?
        self._put_off = 0  # how often in a row the queries had to run at a newer snapshot
        self._running: set[int] = set()  # queries under way that were not dropped meanwhile
        self._is_mutating = False
        self._is_queued = False  # at the pusher
        self._is_pushing = False
        self._is_writing = False
        self._is_draining = False
        self._was_closed = False  # when it was last looked at
        self._tasks = ShortTasks()

    async def run(self) -> None:
        """Serve until the socket is closed."""
        try:
            await self._tasks.around(self._hear())
        except Exception:
            _log.exception("a socket failed; its client is told to come back")
            if self._session.close(INTERNAL_ERROR):
                self._socket.cut(INTERNAL_ERROR.code, INTERNAL_ERROR.reason, keeps=0)
                await self._socket.write()
        finally:
            self.step_out()
            self._audiences.forget(self)
            self._release(list(self._subscribed))

    def rerun_all(self) -> None:
        """Let every query of this socket run again."""
        self.step_out()
        self._session.rerun_all()
        self._look_whether_behind()

    def tick(self) -> None:
        """Time has passed. A client that takes nothing is cut, and what it leaves is let go."""
        self.step_out()
        now_ms = self._now_ms()
        if self._was_closed:  # for a while, and its client has not even taken that
            self._socket.abort()
            self._tasks.stop()
        elif self._socket.stuck_ms(now_ms) > self._limits.unsent_s * 1_000:
            self._cut()
        else:
            if self._socket.take_heard():
                self._session.heard()
            self._do(self._session.tick(now_ms))
        self._was_closed = self._session.is_closed

    def forget_user(self) -> None:
        """Close the socket if it is a user's."""
        if self._is_users:
            self.close(PROVIDERS_CHANGED)

    def close(self, close: Close) -> None:
        """Close the socket after everything that was sent."""
        self.step_out()
        self._do(self._session.close(close))

    def drain(self) -> None:
        """Close the socket once everything that it was told is answered."""
        self.step_out()
        self._session.drain()
        self._is_draining = True
        self._do(())

    # The tasks.

    async def _hear(self) -> None:
        frame = await self._socket.receive()
        # The first one says what its client has seen, perhaps in another process. Takes 3.5 us.
        await self._database.refresh()
        while frame is not None:
            self.step_out()
            if isinstance(frame, bytes):
                self._do(self._session.reject(MalformedMessage("it is a binary frame")))
            else:
                newest_ts = self._database.newest_ts
                self._do(self._session.receive(frame, self._now_ms(), newest_ts))
            frame = await self._socket.receive()

    async def _write(self) -> None:
        self._is_writing = True
        if await self._socket.write():
            self._is_writing = False
            self._look_whether_behind()
        else:  # it is closed, and nothing may be written to it any more
            self._tasks.stop()

    async def _mutate(self, run: RunMutation[Caller]) -> None:
        effects = await self._run_mutation(run)
        self._is_mutating = False
        self._begin(effects)
        # In this step, in which its next mutation has not committed: all of its own are answered.
        await self.push(self._database.newest_ts)
        await self._write_rest()

    def push_at_once(self, newest_ts: int, answered_ts: int, now_ms: int) -> int:
        """Send what is owed if that is the answer of one query, and it is in the cache."""
        query_id = self._session.only_stale(now_ms)
        if query_id is None or self._is_pushing or self._socket.unsent_bytes:
            return 0
        ts = answered_ts if self._is_mutating else newest_ts
        subscribed = self._subscribed.get(query_id)
        if subscribed is None:
            return 0
        answer = self._queries.known(subscribed.question, subscribed.caller, ts)
        if answer is None or answer.journal != subscribed.journal:
            return 0
        frame = self._session.answer_alone(ts, query_id, answer.outcome, answer.journal)
        if frame is None:
            return 0
        self._is_queued = False
        subscribed.subscription.renew(answer.reads, answer.ts)
        if frame:
            self._socket.send(frame)
        if self._socket.unsent_bytes or self._is_draining:
            self._do(())
        elif frame:
            told = Told(self._session.version, query_id, answer)
            self._audiences.was_told(self, subscribed, told)
        return 1

    async def push(self, answered_ts: int) -> None:
        """Send what is owed, unless the client has yet to take what it was sent.

        Up to `answered_ts` the mutations of this socket have been answered.
        """
        self._is_queued = False
        if self._is_pushing or self._tasks.is_over:
            return
        self._is_pushing = True
        while self._session.is_behind and not self._socket.has_outgoing:
            if self._pauses is not None:
                await self._pauses.reached(PausePoint.PUSH_WOKEN)
            ts = answered_ts if self._is_mutating else self._database.newest_ts
            effects = self._session.advance(ts, self._now_ms())
            if not effects and self._session.is_behind:  # by a commit after `answered_ts`
                break
            for effect in effects:
                if isinstance(effect, RunQueries):
                    effects = await self._ran(effect)
            self._begin(effects)
            await self._write_rest()
        self._is_pushing = False
        if self._is_mutating:
            self._look_whether_behind()

    @property
    def stands_at(self) -> StateVersion | None:
        """Where its client is; None if it is owed or waits for anything but updates."""
        is_busy = self._is_pushing or self._socket.has_outgoing or self._tasks.is_over
        return None if is_busy or self._audience is not None else self._session.stands_at

    @property
    def lapses_at_ms(self) -> int | None:
        """Until when it may be told anything, if that is limited."""
        return self._session.lapses_at_ms

    @property
    def outlet(self) -> Outlet | None:
        """What writes to it, where that is done at once."""
        return self._socket.outlet

    def enter(self, audience: Audience, query_id: int) -> None:
        """Leave it to the audience to watch this query; nothing else has happened since."""
        self._audience = audience
        self._subscribed[query_id].subscription.release()

    def step_out(self) -> None:
        """Go on alone, from where the audience has brought the client."""
        audience, self._audience = self._audience, None
        if audience is None:
            return
        version, query_id, answer = audience.told
        self._session.was_told(version, audience.told_ts, query_id, answer.outcome)
        if audience.stale_ts is None:  # what is watched without a gap is not looked up in the log
            self._subscribed[query_id].subscription.renew(answer.reads, answer.ts)
        else:
            self._written(query_id, audience.stale_ts)
        audience.leave(self)

    def keep(self, scope: anyio.CancelScope) -> None:
        """A push waits: the current task, which ends with this scope, is one of this socket."""
        self._tasks.keep(scope)

    def fail(self, error: Exception) -> None:
        """End the socket with this error."""
        self._tasks.fail(error)

    async def _ran(self, run: RunQueries[Caller]) -> list[Effect[Caller]]:
        """What follows once queries have run; nothing if they have to run at a newer snapshot."""
        runs: dict[int, QueryRun] | None = None
        with suppress(OutOfRetention):  # the schema was changed while others of them ran
            runs = await self._run_queries(run)
        if self._pauses is not None:
            await self._pauses.reached(PausePoint.PUSH_RAN)
        if runs is not None:
            self._put_off = 0
            return self._session.queries_ran(runs, self._now_ms())
        self._put_off += 1
        await self._database.refresh()
        self._session.put_off()
        return []

    def _look_whether_behind(self) -> None:
        """Be pushed to if there is something to send; while the client takes nothing, there is not.

        Whoever pushes or writes at the moment looks at its end.
        """
        is_seen_to = self._is_queued or self._is_pushing or self._socket.has_outgoing
        if not is_seen_to and self._session.is_behind:
            self._is_queued = True
            self._pusher.add(self)

    # What the session asks for.

    def _do(self, effects: Iterable[Effect[Caller]]) -> None:
        self._begin(effects)
        if self._socket.has_outgoing and not self._is_writing:
            self._is_writing = True
            self._tasks.start(self._write())
        self._look_whether_behind()

    async def _write_rest(self) -> None:
        if self._socket.has_outgoing and not self._is_writing:
            await self._write()

    def _begin(self, effects: Iterable[Effect[Caller]]) -> None:
        for effect in effects:
            match effect:
                case Send():
                    self._send(effect.frame)
                case RunMutation():
                    self._is_mutating = True
                    self._tasks.start(self._mutate(effect))
                case RunAction():
                    self._tasks.start(self._run_action(effect))
                case Drop():
                    self._release(effect.query_ids)
                case Verify():
                    self._tasks.start(self._verify(effect.token))
                case Close():
                    self._socket.close(effect.code, effect.reason)
                case RunQueries():
                    raise AssertionError("only a push advances a session")
        if self._is_draining:
            self._end_if_drained()

    def _end_if_drained(self) -> None:
        for close in self._session.drained():
            self._is_draining = False
            self._begin((close,))

    def _send(self, frame: bytes) -> None:
        if self._socket.unsent_bytes > self._limits.unsent_bytes:
            self._cut()
        else:
            self._socket.send(frame)

    def _cut(self) -> None:
        """Close the socket without what its client has yet to take."""
        if self._session.close(SLOW_READER):
            self._socket.cut(SLOW_READER.code, SLOW_READER.reason)

    async def _run_queries(self, run: RunQueries[Caller]) -> dict[int, QueryRun] | None:
        """How the queries ended; None if their snapshot is out of retention, for a few times."""
        runs: dict[int, QueryRun] = {}
        length = 0
        self._running = {to_run.query.query_id for to_run in run.queries}
        for to_run in run.queries:
            query = to_run.query
            subscribed = self._subscribed.get(query.query_id)
            if subscribed is not None and subscribed.is_for(query, run.identity, to_run.journal):
                result = await self._queries.answer(
                    subscribed.question, query.args, run.identity, run.ts
                )
            else:
                result = await self._queries.run(
                    path_of(query), query.args, run.identity, run.ts, to_run.journal
                )
            if self._pauses is not None:
                await self._pauses.reached(PausePoint.QUERY_RAN)
            if result.is_out_of_retention and self._put_off < NEWEST_ATTEMPTS:
                return None
            runs[query.query_id] = QueryRun(result.outcome, result.journal)
            if query.query_id in self._running:
                self._subscribe(query, run.identity, result)
            length += result.outcome.length
            if length > self._limits.unsent_bytes or result.outcome.unavailable is not None:
                break  # the session closes the socket, whatever the others give
        return runs

    def _subscribe(self, query: AddQuery, caller: Caller, result: QueryResult) -> None:
        query_id, journal = query.query_id, result.journal
        subscribed = self._subscribed.get(query_id)
        if subscribed is None or not subscribed.is_for(query, caller, journal):
            if subscribed is not None:
                subscribed.subscription.release()
            question = self._queries.question(path_of(query), query.args, caller, journal)
            subscription = self._database.subscription(partial(self._written, query_id))
            subscribed = Subscribed(query, question, caller, subscription)
            self._subscribed[query_id] = subscribed
        subscribed.subscription.renew(result.reads, result.ts)

    def _written(self, query_id: int, ts: int) -> None:
        self.step_out()
        self._session.invalidated((query_id,), ts)
        if not (self._is_queued or self._is_pushing):
            self._is_queued = True
            self._pusher.add(self)

    async def _run_mutation(self, run: RunMutation[Caller]) -> list[Effect[Caller]]:
        if self._has_lapsed(run.lapses_at_ms):
            return []
        request = run.request
        named = SessionRequest(run.session_id, request.request_id)
        path = path_of(request)
        result = await self._executor.run_mutation(path, request.args, run.identity, named)
        if isinstance(result.outcome, Failed):
            return self._session.mutation_failed(request.request_id, result.outcome)
        assert result.ts is not None, "a mutation that succeeded has a timestamp"
        return self._session.mutation_committed(request.request_id, result.outcome, result.ts)

    async def _run_action(self, run: RunAction[Caller]) -> None:
        if self._has_lapsed():
            return
        request = run.request
        named = SessionRequest(run.session_id, request.request_id)
        path = path_of(request)
        outcome = await self._executor.run_action(path, request.args, run.identity, named)
        self._do(self._session.action_finished(request.request_id, outcome))

    def _has_lapsed(self, lapses_at_ms: int | None = None) -> bool:
        """Has the token of the session lapsed, or the one of before under which a request came?"""
        now_ms = self._now_ms()
        is_past = lapses_at_ms is not None and now_ms > lapses_at_ms
        if not is_past and not self._session.has_lapsed(now_ms):
            return False
        self._do(self._session.expire())
        return True

    async def _verify(self, token: Token) -> None:
        try:
            caller, lapses_at_ms = await self._callers.showing(token)
        except (TokenRefused, NotAdmin) as refused:
            self._do(self._session.auth_failed(refused.message))
        else:
            self._is_users = isinstance(token, UserToken)
            self._do(self._session.authenticated(caller, lapses_at_ms))

    def _release(self, query_ids: Iterable[int]) -> None:
        self._running.difference_update(query_ids)
        for query_id in query_ids:
            subscribed = self._subscribed.pop(query_id, None)
            if subscribed is not None:
                subscribed.subscription.release()

    def _now_ms(self) -> int:
        return self._clock.now_ns() // _NS_PER_MS
