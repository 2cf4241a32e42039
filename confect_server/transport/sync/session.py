"""The sync protocol's state machine of one socket, without the socket.

The driver tells the session what happened (a frame came, a query ran, a mutation committed) and
does what the returned effects ask for, in their order. The session reads no clock, starts no task
and never waits.

Pushing is driven from outside, because only the driver knows the newest commit and whether the
socket takes more: whenever `is_behind`, and at best once per loop tick, it calls `advance` with the
newest timestamp. That takes the snapshot of what there is to answer and asks for the queries to run
at that one timestamp; `queries_ran` turns their results into one Transition. While that is under
way, everything else that happens only makes the session behind again. A driver whose socket is full
lets the session stay behind; it then catches up in one step.

What holds at every moment:

- each Transition starts at the version where the last one ended, and its ts is never smaller;
- a mutation's response is sent before any Transition that holds its commit, and one follows it;
- mutations run one at a time, in the order of their arrival;
- a result equal to the one that the client has is not sent again;
- what is held for the client stays within the limits of its socket;
- after `Close` there is nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Generic

from confect_core.errors import ProtocolError
from confect_core.protocol import (
    INITIAL_VERSION,
    LONGEST_FRAME,
    Action,
    Authenticate,
    AuthError,
    BaseVersionMismatch,
    ClientMessage,
    Clocks,
    Connect,
    EncodedValue,
    Event,
    FatalError,
    MalformedMessage,
    ModifyQuerySet,
    Mutation,
    MutationFailed,
    MutationSucceeded,
    Ping,
    QueryIdMisused,
    ServerMessage,
    StateVersion,
    Transition,
    encode_server_message,
    encode_update,
    parse_client_message,
    record,
    transition_chunks,
)
from confect_server.runtime.outcome import Failed, QueryRun, RunOutcome, Succeeded
from confect_server.settings import Sockets
from confect_server.transport.sync.answers import action_answer, mutation_failure
from confect_server.transport.sync.effects import (
    CLIENT_SILENT,
    INTERNAL_ERROR,
    RESTARTING,
    TOO_MANY_BYTES,
    TOO_MANY_MUTATIONS,
    Close,
    Drop,
    Effect,
    I,
    RunAction,
    RunMutation,
    RunQueries,
    Send,
    Verify,
)
from confect_server.transport.sync.liveness import Liveness
from confect_server.transport.sync.query_set import LONGEST_KEPT, QuerySet
from confect_server.transport.sync.waiting import (
    ResultsTooLarge,
    TooManySubscriptions,
    Waiting,
    weigh,
)


class SyncSession(Generic[I]):
    """One client's connection: what it subscribed to, who it is, and what it is owed."""

    __slots__ = (
        "_awaits_token",
        "_client_skew_ms",
        "_held",
        "_identity",
        "_identity_version",
        "_is_closed",
        "_is_draining",
        "_is_verifying",
        "_knows_chunks",
        "_lapses_at_ms",
        "_least_ts",
        "_limits",
        "_liveness",
        "_next",
        "_owes_transition",
        "_queries",
        "_session_id",
        "_version",
        "_waiting",
    )

    def __init__(
        self, anonymous: I, limits: Sockets | None = None, *, knows_chunks: bool = False
    ) -> None:
        self._limits = limits or Sockets()
        self._knows_chunks = knows_chunks
        self._session_id = ""  # empty until the client has connected
        self._client_skew_ms: int | None = None
        self._identity = anonymous
        self._identity_version = 0
        self._queries = QuerySet()
        self._version = INITIAL_VERSION  # where the last Transition ended
        self._next: _NextTransition | None = None  # the one that is under way
        self._owes_transition = False
        self._least_ts = 0  # no Transition may be older than what the client was told of
        self._waiting = Waiting[I](self._limits)
        self._lapses_at_ms: int | None = None  # when the token no longer vouches for the identity
        self._is_verifying = False
        self._awaits_token = False  # the old one has lapsed, the next one is being checked
        self._held: list[tuple[ClientMessage, int]] = []  # what arrived behind an Authenticate
        self._liveness = Liveness()
        self._is_draining = False
        self._is_closed = False

    @property
    def is_behind(self) -> bool:
        """Whether `advance` has something to do."""
        is_idle = self._next is None and not self._awaits_token and not self._is_closed
        return is_idle and (self._owes_transition or self._queries.is_stale)

    @property
    def is_closed(self) -> bool:
        """Whether the session has asked for its socket to be closed."""
        return self._is_closed

    @property
    def version(self) -> StateVersion:
        """Where the last Transition ended."""
        return self._version

    @property
    def stands_at(self) -> StateVersion | None:
        """Where the client is, if nothing but a commit can lead to the next Transition."""
        has_more = self._owes_transition or self._next is not None or self._queries.has_changed
        is_waiting = self._is_verifying or self._awaits_token or not self._waiting.is_empty
        is_ending = self._is_closed or self._is_draining
        return None if has_more or is_waiting or is_ending else self._version

    @property
    def lapses_at_ms(self) -> int | None:
        """When the token no longer vouches for the client."""
        return self._lapses_at_ms

    # What the client says.

    def receive(self, frame: str | bytes, now_ms: int, newest_ts: int) -> list[Effect[I]]:
        """A text frame came; `newest_ts` is the newest commit that can be read."""
        if self._is_closed or self._is_draining:
            return []
        self._liveness.has_heard = True
        try:
            message = parse_client_message(frame)
        except ProtocolError as error:
            return self.reject(error)
        if not self._session_id:
            return self._open(message, now_ms, newest_ts)
        weight = weigh(frame)
        return self._hold(message, weight) if self._is_verifying else self._handle(message, weight)

    def reject(self, error: ProtocolError) -> list[Effect[I]]:
        """The client broke the protocol (a binary frame, for example): tell it so, and close."""
        if self._is_closed:
            return []
        return [self._send(FatalError(str(error))), *self.close(Close())]

    def close(self, close: Close) -> list[Effect[I]]:
        """End the session from this side, for example with `INTERNAL_ERROR`."""
        if self._is_closed:
            return []
        self._is_closed = True
        return [close]

    def drain(self) -> None:
        """Take no more messages; what has come is answered, and then `drained` closes the socket.

        Clients send again what was not answered, wherever they come back to.
        """
        self._is_draining = True

    def drained(self) -> list[Effect[I]]:
        """What closes the socket once a session that drains owes its client nothing more."""
        owes = self._owes_transition or self._next is not None or self._is_verifying
        if not self._is_draining or owes or not self._waiting.is_empty:
            return []
        return self.close(RESTARTING)

    def _open(self, message: ClientMessage, now_ms: int, newest_ts: int) -> list[Effect[I]]:
        if not isinstance(message, Connect):
            return self.reject(MalformedMessage("the first message of a connection is a Connect"))
        if message.max_observed_ts is not None and message.max_observed_ts > newest_ts:
            # The client has seen commits that are not here (yet): it must not see older results.
            return self.close(INTERNAL_ERROR)
        self._session_id = message.session_id
        if message.client_ts_ms:
            self._client_skew_ms = message.client_ts_ms - now_ms
        return []

    def _hold(self, message: ClientMessage, weight: int) -> list[Effect[I]]:
        # What follows an Authenticate happens under the identity that it leads to.
        if len(self._held) >= self._limits.mutations:
            return self.close(TOO_MANY_MUTATIONS)
        if not self._waiting.hold(weight):
            return self.close(TOO_MANY_BYTES)
        self._held.append((message, weight))
        return []

    def _handle(self, message: ClientMessage, weight: int) -> list[Effect[I]]:
        match message:
            case Mutation():
                return self._enqueue(message, weight)
            case ModifyQuerySet():
                return self._modify_query_set(message, weight)
            case Action():
                return self._start(message, weight)
            case Authenticate():
                return self._verify(message)
            case Event():
                return []
            case Connect():
                return self.reject(MalformedMessage("a connection has one Connect"))

    # Queries.

    def _modify_query_set(self, message: ModifyQuerySet, weight: int) -> list[Effect[I]]:
        try:
            removed, more = self._queries.modify(message, weight)
        except QueryIdMisused:
            return self.close(INTERNAL_ERROR)  # a reconnect mends it; a FatalError would be final
        except BaseVersionMismatch as error:
            return self.reject(error)
        if len(self._queries) > self._limits.subscriptions:
            return self.reject(TooManySubscriptions(self._limits.subscriptions))
        is_much_removed = self._queries.unacknowledged > self._limits.subscriptions
        if is_much_removed or not self._waiting.hold(more):
            return self.close(TOO_MANY_BYTES)
        self._owes_transition = True
        return [Drop(removed)] if removed else []

    def invalidated(self, query_ids: Iterable[int], ts: int) -> None:
        """The commit at `ts` wrote what these queries read. Unknown ids are ignored."""
        if self._queries.invalidate(query_ids, ts) and ts > self._least_ts:
            self._least_ts = ts

    def rerun_all(self) -> None:
        """Every query runs again, those too that are running: their functions are others now."""
        self._queries.invalidate_all()

    def advance(self, ts: int, now_ms: int) -> list[Effect[I]]:
        """Begin the next Transition at `ts`, the newest commit that can be read.

        Does nothing unless the session is behind, nor while `ts` is older than what the client was
        told of. Every invalidation up to `ts` must have been reported before.
        """
        if not self.is_behind or ts < self._least_ts:
            return []
        if self._is_past(now_ms):
            self._awaits_token = self._is_verifying
            return [] if self._awaits_token else self.expire()
        self._least_ts = ts
        end = StateVersion(self._queries.version, self._identity_version, ts)
        self._next = _NextTransition(end, self._owes_transition)
        self._owes_transition = False
        queries = self._queries.begin(ts)
        if not queries:
            return self.queries_ran({}, now_ms)
        return [RunQueries(ts, queries, self._identity)]

    def only_stale(self, now_ms: int) -> int | None:
        """The query whose answer is all that the client is owed, if that is so."""
        has_more = self._owes_transition or self._next is not None or self._awaits_token
        has_lapsed = self._lapses_at_ms is not None and self._is_past(now_ms)
        return None if has_more or has_lapsed or self._is_closed else self._queries.only_stale

    def answer_alone(
        self, ts: int, query_id: int, outcome: RunOutcome, journal: str | None
    ) -> bytes | None:
        """What to send now that the only stale query has run at `ts`: nothing if it is not new.

        The same as `advance` and `queries_ran`, without all that may be there besides: 2 µs instead
        of 8 for each socket that is pushed to. None if it has to go that way, and nothing is done.
        """
        if not isinstance(outcome, Succeeded) or outcome.log_lines or ts < self._least_ts:
            return None
        if len(outcome.value) > LONGEST_KEPT:
            return None
        self._least_ts = ts
        if not self._queries.take_alone(outcome, journal):
            return b""
        self._liveness.has_sent = True
        self._version, frame = encode_update(self._version, ts, query_id, outcome.value, journal)
        return frame

    def was_told(self, version: StateVersion, ts: int, query_id: int, outcome: RunOutcome) -> None:
        """While it stood, the client was brought to this version, which was still right at `ts`.

        Nothing else may have happened to the session meanwhile.
        """
        self._least_ts = max(ts, self._least_ts)
        if version != self._version:
            self._liveness.has_sent = True
            self._version = version
            self._queries.was_told(query_id, outcome)

    def put_off(self) -> None:
        """The ts of the last `RunQueries` can no longer be read: advance again, at a newer one."""
        transition, self._next = self._next, None
        if transition is not None:
            self._queries.put_off()
            self._owes_transition |= transition.is_owed

    def queries_ran(self, runs: Mapping[int, QueryRun], now_ms: int) -> list[Effect[I]]:
        """Every query of the last `RunQueries` that was not dropped has run at its ts.

        Those that ran are enough if their results are too long already, or if one is unavailable.
        """
        transition, self._next = self._next, None
        if transition is None or self._is_closed:
            return []
        outcomes = [run.outcome for run in runs.values()]
        for outcome in outcomes:
            if outcome.unavailable is not None:
                return self.close(Close(1013, outcome.unavailable))
        if sum(outcome.length for outcome in outcomes) > self._limits.unsent_bytes:
            return self.reject(ResultsTooLarge(self._limits.unsent_bytes))
        modifications = self._queries.finish(runs)
        if not modifications and not transition.is_owed:
            return []  # nothing that the client could notice
        start, self._version = self._version, transition.end
        clocks = self._clocks(start, now_ms)
        sent = self._send(Transition(start, self._version, modifications, clocks))
        if not self._knows_chunks or len(sent.frame) <= LONGEST_FRAME:
            return [sent]
        return [Send(chunk) for chunk in transition_chunks(sent.frame)]

    def _clocks(self, start: StateVersion, now_ms: int) -> Clocks | None:
        # Only what answers the client tells the time, because a push without it is the same bytes
        # on every socket that stands at the same version.
        is_answer = start[:2] != self._version[:2]
        if self._client_skew_ms is None or not is_answer:
            return None
        return Clocks(self._client_skew_ms, now_ms * 1_000_000)

    # Mutations and actions.

    def _enqueue(self, request: Mutation, weight: int) -> list[Effect[I]]:
        is_next = self._waiting.next_mutation is None
        run = RunMutation(request, self._session_id, self._identity, self._lapses_at_ms)
        too_much = self._waiting.add_mutation(run, weight)
        if too_much is not None:
            return self.close(too_much)
        return [run] if is_next else []

    def mutation_committed(self, request_id: int, outcome: Succeeded, ts: int) -> list[Effect[I]]:
        """The running mutation is durable, perhaps since an earlier run that committed at `ts`."""
        if ts > self._least_ts:
            self._least_ts = ts
        return self._mutation_answered(
            MutationSucceeded(request_id, outcome.value, ts, outcome.log_lines)
        )

    def mutation_failed(self, request_id: int, outcome: Failed) -> list[Effect[I]]:
        """The running mutation's function failed; nothing was written.

        If it is not the function that failed, its client is to come back and send it again, and
        has the answer of then should it have happened after all.
        """
        if outcome.is_unsure:
            return self.close(INTERNAL_ERROR)
        if outcome.unavailable is not None:
            return self.close(Close(1013, outcome.unavailable))
        return self._mutation_answered(mutation_failure(request_id, outcome))

    def _mutation_answered(
        self, response: MutationSucceeded[EncodedValue] | MutationFailed[EncodedValue]
    ) -> list[Effect[I]]:
        if self._is_closed:
            return []
        self._waiting.end_mutation(response.request_id)
        self._owes_transition = True
        effects: list[Effect[I]] = [self._send(response)]
        following = self._waiting.next_mutation
        if following is not None:
            effects.append(following)
        return effects

    def _start(self, request: Action, weight: int) -> list[Effect[I]]:
        run = RunAction(request, self._session_id, self._identity)
        too_much = self._waiting.add_action(run, weight)
        return [run] if too_much is None else self.close(too_much)

    def action_finished(self, request_id: int, outcome: RunOutcome) -> list[Effect[I]]:
        """An action has ended."""
        if self._is_closed:
            return []
        self._waiting.end_action(request_id)
        self._owes_transition = True
        return [self._send(action_answer(request_id, outcome))]

    # Identity.

    def _verify(self, message: Authenticate) -> list[Effect[I]]:
        if message.base_version != self._identity_version:
            return self.reject(
                BaseVersionMismatch("identity", message.base_version, self._identity_version)
            )
        self._is_verifying = True
        return [Verify(message.token)]

    def authenticated(self, identity: I, lapses_at_ms: int | None = None) -> list[Effect[I]]:
        """The token of the last `Verify` is good: every query runs again, as this identity.

        If the token says until when, nothing is done on its behalf after that.
        """
        if self._is_closed:
            return []
        self._identity = identity
        self._lapses_at_ms = lapses_at_ms
        self._awaits_token = False
        self._identity_version += 1
        self._is_verifying = False
        self._queries.invalidate_all()
        self._owes_transition = True
        return self._handle_held()

    def _handle_held(self) -> list[Effect[I]]:
        effects: list[Effect[I]] = []
        while self._held and not self._is_verifying and not self._is_closed:
            message, weight = self._held.pop(0)
            self._waiting.let_go(weight)
            effects += self._handle(message, weight)
        return effects

    def auth_failed(self, error: str, *, attempted: bool = True) -> list[Effect[I]]:
        """The token of the last `Verify` is refused, or (not `attempted`) the old one lapsed."""
        if self._is_closed:
            return []
        refusal = AuthError(error, self._version.identity, attempted)
        return [self._send(refusal), *self.close(Close())]

    def has_lapsed(self, now_ms: int) -> bool:
        """Is the token no longer good? Then the driver expires the session and runs nothing more.

        A client that has shown another token already is not turned away while that is checked.
        """
        return self._is_past(now_ms) and (self._is_closed or not self._is_verifying)

    def _is_past(self, now_ms: int) -> bool:
        return self._lapses_at_ms is not None and now_ms > self._lapses_at_ms

    def expire(self) -> list[Effect[I]]:
        """The token has lapsed: the client hears of it, and comes back with another one."""
        return self.auth_failed("The token has expired", attempted=False)

    # Signs of life.

    def heard(self) -> None:
        """The client gave a sign of life that is not a message, such as a pong."""
        self._liveness.has_heard = True

    def tick(self, now_ms: int) -> list[Effect[I]]:
        """Time has passed; call it every second or few. Pings the client, or gives it up."""
        if self._is_closed:
            return []
        self._liveness.tick(now_ms)
        if self._liveness.is_silent(now_ms):
            return self.close(CLIENT_SILENT)
        return [self._send(Ping())] if self._liveness.is_quiet(now_ms) else []

    def _send(self, message: ServerMessage[EncodedValue]) -> Send:
        self._liveness.has_sent = True
        return Send(encode_server_message(message))


@record
class _NextTransition:
    """The Transition that is under way: where it will end, and whether it is sent even if empty."""

    end: StateVersion
    is_owed: bool
