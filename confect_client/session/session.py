"""The client's side of the sync protocol, without the socket.

The driver reports what happens to its connection (`connected`, `receive`, `disconnected`, `tick`)
and gets the events that follow from it; whenever the socket takes more, it sends what `outgoing`
gives. Calls (`subscribe`, `mutate`, …) may come at any time, connected or not. The events of one
`receive` belong together: they are one consistent snapshot, and a program should see all of them or
none.

What holds at every moment:

- a mutation runs exactly once, over however many connections: the session and its request ids
  outlive them, and the server remembers both;
- a mutation settles only when all results include it, so that callers read their own writes;
- results never go back in time, because each connection says what the last one has seen;
- nothing is told or known of the results of whoever called before, from the moment on in which
  somebody else does;
- what an optimistic update shows lasts until the results include its mutation, or it fails, and is
  never seen beside what the mutation did.
"""

from __future__ import annotations

from dataclasses import replace

from confect_client.errors import ServerRefused
from confect_client.session.events import (
    ClientEvent,
    Ended,
    FunctionResult,
    IdentityConfirmed,
    IdentityRefused,
    QueryChanged,
    Reconnect,
    Settled,
    UpdateFailed,
)
from confect_client.session.optimistic import OptimisticResults, Update
from confect_client.session.requests import Requests
from confect_client.session.subscriptions import Subscriptions
from confect_core.errors import ProtocolError
from confect_core.protocol import (
    INITIAL_VERSION,
    Action,
    Authenticate,
    AuthError,
    ClientMessage,
    Connect,
    FatalError,
    FunctionPath,
    JsonObject,
    Mutation,
    MutationSucceeded,
    NoToken,
    Ping,
    Response,
    Token,
    Transition,
    encode_client_message,
    parse_server_message,
)
from confect_core.values.wire import Json

SILENT_AFTER_MS = 60_000
"""How long nothing is heard before the server is taken for gone; it pings every 15 s."""


LONGEST_DOUBT_MS = 10_000
"""How long an update whose mutation is not answered again may hold back what the server says."""


class ClientSession:
    """One client's subscriptions, requests and identity, over as many connections as it takes."""

    def __init__(self, session_id: str) -> None:
        self._session_id = session_id
        self._queries = Subscriptions()
        self._shown = OptimisticResults(self._queries)
        self._requests = Requests()
        self._token: Token = NoToken()
        self._max_observed_ts: int | None = None
        self._connection_count = 0
        self._last_close_reason: str | None = "InitialConnect"
        self._ended: ServerRefused | None = None
        # Of the connection that there is:
        self._is_open = False
        self._version = INITIAL_VERSION
        self._identity_version = 0
        self._outbox: list[ClientMessage] = []
        self._waiting: list[Transition[Json]] = []
        self._has_heard = False
        self._heard_at_ms = 0
        self._doubts_since_ms: int | None = None

    # Calls.

    def subscribe(self, path: FunctionPath, args: JsonObject) -> int:
        """Watch a query; its changes are reported under the id that is returned.

        Equal subscriptions share an id, so a result may be there already: see `result_of`.
        """
        self.check_not_ended()
        return self._queries.subscribe(path, args)

    def unsubscribe(self, query_id: int) -> None:
        """Undo one `subscribe`."""
        if self._queries.unsubscribe(query_id):
            self._shown.forget(query_id)

    def find(self, path: FunctionPath, args: JsonObject) -> int | None:
        """The id of a query that is watched, if it is."""
        return self._queries.find(path, args)

    def result_of(self, query_id: int) -> FunctionResult | None:
        """What to show of a query that is watched, or None before there is anything."""
        return self._shown.result_of(query_id)

    def mutate(self, path: FunctionPath, args: JsonObject) -> int:
        """Run a mutation; it settles under the id that is returned."""
        self.check_not_ended()
        return self._request(self._requests.mutate(path, args))

    def mutate_optimistically(
        self, path: FunctionPath, args: JsonObject, update: Update
    ) -> tuple[int, list[ClientEvent]]:
        """The same, and show what an update makes of the results until the mutation settles.

        What the update raises is raised, and nothing runs.
        """
        self.check_not_ended()
        overlay = self._shown.try_out(update)
        request_id = self.mutate(path, args)
        return request_id, self._shown.add(request_id, update, overlay)

    def act(self, path: FunctionPath, args: JsonObject) -> int:
        """Run an action; it settles under the id that is returned."""
        self.check_not_ended()
        return self._request(self._requests.act(path, args))

    def _request(self, message: Mutation | Action) -> int:
        if self._is_open:
            self._queue_changes()  # so that it settles with results of all that was watched before
            self._outbox.append(message)
        return message.request_id

    def _queue_changes(self) -> None:
        changes = self._queries.changes()
        if changes is not None:
            self._outbox.append(changes)

    def set_token(self, token: Token) -> None:
        """Be somebody else from now on; nothing is known before the server has answered that."""
        self._shown.lapse()
        self._queries.lapse()
        self.renew_token(token)

    def renew_token(self, token: Token) -> None:
        """Show the next token of the same person; the server's answer is an event."""
        self._token = token
        if self._is_open:
            self._authenticate()

    def _authenticate(self) -> None:
        self._outbox.append(Authenticate(self._identity_version, self._token))
        self._identity_version += 1

    def check_not_ended(self) -> None:
        """Raise `ServerRefused` if the server has ended the session."""
        if self._ended is not None:
            raise self._ended

    @property
    def in_flight(self) -> tuple[int, int]:
        """How many mutations and how many actions have not settled."""
        return self._requests.in_flight

    # The connection.

    @property
    def is_caught_up(self) -> bool:
        """Whether all that was open when the connection began is answered: time to trust it."""
        version = self._version
        return (
            self._is_open
            and version.query_set > 0  # the server has heard of the queries
            and version.identity == self._identity_version
            and self._queries.are_current
            and self._requests.are_current
        )

    def connected(self, now_ms: int) -> None:
        """A socket is open."""
        self._is_open = True
        self._version = INITIAL_VERSION
        self._identity_version = 0
        self._waiting = []
        self._doubts_since_ms = None
        self._has_heard = True
        connect = Connect(
            self._session_id,
            self._connection_count,
            self._last_close_reason,
            self._max_observed_ts,
            now_ms,
        )
        self._outbox = [connect]
        if not isinstance(self._token, NoToken):
            self._authenticate()
        self._outbox.append(self._queries.restart())
        self._outbox += self._requests.restart()

    def disconnected(self, reason: str) -> list[ClientEvent]:
        """The socket is closed, or could not be opened."""
        self._is_open = False
        self._connection_count += 1
        self._last_close_reason = reason
        return [*self._requests.lose_connection(reason)]

    def outgoing(self) -> list[bytes]:
        """The text frames to send now; they are not given twice."""
        if not self._is_open:
            return []
        self._queue_changes()
        messages, self._outbox = self._outbox, []
        for message in messages:
            if isinstance(message, Mutation | Action):
                self._requests.sent(message.request_id)
        return [encode_client_message(message) for message in messages]

    def tick(self, now_ms: int) -> list[ClientEvent]:
        """Time has passed; call it every few seconds."""
        if not self._is_open:
            return []
        if self._has_heard:
            self._has_heard, self._heard_at_ms = False, now_ms
        if now_ms - self._heard_at_ms >= SILENT_AFTER_MS:
            return self._give_up("InactiveServer")
        return self._bound_doubts(now_ms)

    def _bound_doubts(self, now_ms: int) -> list[ClientEvent]:
        """Give up the updates that have held everything back for too long.

        What they foresaw is not seen for a moment then, until their mutations are answered.
        """
        doubtful = self._doubtful_updates if self._waiting else []
        if not doubtful:
            self._doubts_since_ms = None
            return []
        if self._doubts_since_ms is None:
            self._doubts_since_ms = now_ms
        if now_ms - self._doubts_since_ms < LONGEST_DOUBT_MS:
            return []
        self._shown.give_up(doubtful)
        return [] if self._is_in_doubt else self._take_in_waiting([])

    def _give_up(self, reason: str) -> list[ClientEvent]:
        self._is_open = False
        return [Reconnect(reason)]

    # What the server says.

    def receive(self, frame: str | bytes) -> list[ClientEvent]:
        """A text frame came."""
        if not self._is_open:
            return []  # what a connection still says that was given up
        self._has_heard = True
        try:
            message = parse_server_message(frame)
        except ProtocolError as error:
            return self._give_up(error.message)
        match message:
            case Transition():
                return self._transition(message)
            case AuthError():
                return self._identity_refused(message)
            case FatalError():
                return self.refuse(message.error)
            case Ping():
                return []
            case _:
                return self._answer(message)

    def _transition(self, message: Transition[Json]) -> list[ClientEvent]:
        if message.start != self._version:
            return self._give_up("VersionMismatch")
        self._version = message.end
        self._observe(message.end.ts)
        self._waiting.append(message)
        return [] if self._is_in_doubt else self._take_in_waiting([])

    @property
    def _is_in_doubt(self) -> bool:
        """Does nobody know yet whether new results can be shown?"""
        is_for_another = self._version.identity != self._identity_version
        return (self._queries.are_lapsed and is_for_another) or bool(self._doubtful_updates)

    @property
    def _doubtful_updates(self) -> list[int]:
        """The mutations of which nobody knows whether new results include what their updates show.

        One that was sent on an earlier connection may have run by then or not, until it is answered
        on this one: shown at once, its effect could be seen twice.
        """
        return self._requests.unanswered(self._shown.request_ids)

    def _take_in_waiting(self, failed: list[Settled]) -> list[ClientEvent]:
        """Take in the transitions that wait as one, and forget the updates that they include."""
        waiting, self._waiting = self._waiting, []
        changes: dict[int, QueryChanged] = {}
        for modification in (each for message in waiting for each in message.modifications):
            change = self._queries.apply(modification)
            if change is not None:
                changes[change.query_id] = change
        start, end = waiting[0].start, waiting[-1].end
        # Before the server has heard of the queries, their results are the last connection's.
        reflected = self._requests.reflect(end.ts) if end.query_set else []
        known = self._queries.renew() if self._queries.are_lapsed and end.query_set else []
        settled = [*failed, *reflected]
        told = self._take_in([*changes.values()], settled)
        events: list[ClientEvent] = [*told, *self._repeated(known, told)]
        if end.identity == self._identity_version > start.identity:
            events.append(IdentityConfirmed())
        return [*events, *settled]

    def _repeated(
        self, known: list[int], told: list[QueryChanged | UpdateFailed]
    ) -> list[QueryChanged]:
        """What is so for somebody else, too, for those who came while that was not known."""
        changed = {event.query_id for event in told if isinstance(event, QueryChanged)}
        results = [(each, self.result_of(each)) for each in known if each not in changed]
        return [
            QueryChanged(query_id, replace(result, log_lines=()), is_new=False)
            for query_id, result in results
            if result is not None
        ]

    def _take_in(
        self, changes: list[QueryChanged], settled: list[Settled]
    ) -> list[QueryChanged | UpdateFailed]:
        return self._shown.take_in(changes, [each.request_id for each in settled])

    def _answer(self, response: Response[Json]) -> list[ClientEvent]:
        if isinstance(response, MutationSucceeded):
            self._observe(response.ts)
        answered = self._requests.answer(response)
        settled = [] if answered is None else [answered]
        if self._waiting and not self._is_in_doubt:
            return self._take_in_waiting(settled)
        return [*self._take_in([], settled), *settled] if settled else []

    def _observe(self, ts: int) -> None:
        if self._max_observed_ts is None or ts > self._max_observed_ts:
            self._max_observed_ts = ts

    def _identity_refused(self, message: AuthError) -> list[ClientEvent]:
        if message.base_version + 1 < self._identity_version:
            return []  # about a token that has been replaced since
        return [IdentityRefused(message.error, message.attempted)]

    def refuse(self, error: str) -> list[ClientEvent]:
        """The server wants nothing of this client, on this connection or on any other."""
        self._is_open = False
        self._ended = ServerRefused(error)
        return [*self._requests.end(self._ended), Ended(self._ended)]
