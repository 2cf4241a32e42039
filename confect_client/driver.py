"""`Driver`: one session at work, kept connected, and everybody who waits for what it reports."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Protocol

import anyio
import anyio.lowlevel
from typing_extensions import TypeVar

from confect_client.background import Background
from confect_client.connection import Connection
from confect_client.connection_state import ConnectionState
from confect_client.errors import ClientClosed, ClientNotOpen
from confect_client.identity import Identity
from confect_client.latest import Latest
from confect_client.local_store import LocalStore, as_json
from confect_client.log_lines import log_lines
from confect_client.session.events import (
    ClientEvent,
    Ended,
    FunctionResult,
    IdentityRefused,
    QueryChanged,
    Raised,
    Returned,
    Settled,
    UpdateFailed,
)
from confect_client.session.session import ClientSession
from confect_client.watches import Callback, Deliveries, Part, Reader, Told, Watch, Watches, Whole
from confect_core import ActionRef, Ref
from confect_core.protocol import FunctionPath, NoToken, UserToken
from confect_core.values import Value

_log = logging.getLogger("confect_client")

WatchT = TypeVar("WatchT", Reader, Callback, Part)


class StateObserver(Protocol):
    """Is told of the connection's state."""

    def put(self, newest: ConnectionState, /) -> None:
        """The state is another one."""
        ...

    def fail(self, error: Exception, /) -> None:
        """The client is closed."""
        ...


class Driver:
    """Makes the calls of a client on its session, and hands out what comes back."""

    def __init__(self, url: str) -> None:
        self._session = ClientSession(str(uuid.uuid4()))
        self.identity = Identity(self._show, self._renew)
        self._connection = Connection(
            url, self._session, self._told, self.identity.renew_refused, self._note_state
        )
        self._requests: dict[int, Request] = {}
        self._watches = Watches()
        self._deliveries = Deliveries()
        self._paginations = 0
        self._states: dict[StateObserver, ConnectionState] = {}
        self._is_open = False
        self._is_closed = False
        self._has_begun = anyio.Event()
        self._closes = anyio.Event()
        self._background: Background | None = None

    # Its life.

    @property
    def is_open(self) -> bool:
        """Was it opened, and is not closed?"""
        return self._is_open and not self._is_closed

    def open(self) -> None:
        """Calls may be made from now on; whoever opens it runs it, too."""
        if self._is_closed:
            raise ClientClosed
        self._is_open = True

    async def open_in_background(self) -> None:
        """Calls may be made from now on, until `close`, which any task may call."""
        self.open()
        self._background = Background(self.run)
        try:
            await self._has_begun.wait()
        except BaseException:  # nobody will have it to close
            self.close()
            raise

    async def run(self) -> None:
        """Stay connected, until closed or cancelled."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._connection.run)
                tasks.start_soon(self.identity.keep_fresh)
                tasks.start_soon(self._deliveries.run)
                # a loop that ends now would find children that never ran, and warn of them
                await anyio.lowlevel.checkpoint()
                await anyio.lowlevel.checkpoint()
                self._has_begun.set()
                await self._closes.wait()
                tasks.cancel_scope.cancel()
        finally:
            self.close()

    async def wait_closed(self) -> None:
        """Close it, and wait until nothing of it is left if it runs in the background."""
        if self._background is None or self._background.is_running:
            self.close()
        if self._background is not None:
            await self._background.wait()

    def close(self) -> None:
        """End whatever waits; `run` returns soon."""
        self._is_closed = True
        for waiting in [*self._requests.values(), *self._watches, *self._states]:
            if not isinstance(waiting, Callback):  # there is nothing wrong that it could be told
                waiting.fail(ClientClosed())
        self._closes.set()

    def check_open(self) -> None:
        """Raise `ClientNotOpen` or `ClientClosed` if calls cannot be made."""
        has_ended = self._background is not None and not self._background.is_running
        if self._is_closed or has_ended:
            raise ClientClosed
        if not self._is_open:
            raise ClientNotOpen

    # Calls.

    def request(self, ref: Ref[..., Any], args: Value) -> Request:
        """Run a mutation or an action, whether or not somebody waits for its answer."""
        path, arguments = FunctionPath.parse(ref.path), as_json(args)
        self.check_open()
        is_action = isinstance(ref, ActionRef)
        request_id = (self._session.act if is_action else self._session.mutate)(path, arguments)
        return self._requested(request_id, ref)

    def mutate_optimistically(
        self, ref: Ref[..., Any], args: Value, update: Callable[[LocalStore], None]
    ) -> Request:
        """Run a mutation, and show at once what an update makes of the results."""
        path, arguments = FunctionPath.parse(ref.path), as_json(args)
        self.check_open()
        request_id, events = self._session.mutate_optimistically(
            path, arguments, lambda overlay: update(LocalStore(overlay))
        )
        request = self._requested(request_id, ref)
        self._told(events)
        return request

    def _requested(self, request_id: int, ref: Ref[..., Any]) -> Request:
        request = self._requests[request_id] = Request(ref.path)
        self._connection.wake()
        self._note_state()
        return request

    def read(self, ref: Ref[..., Any], args: Value) -> Reader:
        """Read a query until `unwatch`."""
        query_id = self._subscribe(ref, args)
        return self._watch(Reader(ref.path, query_id))

    def call_back(self, ref: Ref[..., Any], args: Value, call: Told) -> Callback:
        """Be called with each result of a query until `unwatch`, soon if one is there already."""
        query_id = self._subscribe(ref, args)
        return self._watch(Callback(ref.path, query_id, call, self._deliveries))

    def whole(self, look: Callable[[], None], fail: Callable[[Exception], None]) -> Whole:
        """Several queries that `part` adds to; `look` is called once for all that has changed."""
        self.check_open()
        return Whole(look, fail, self._deliveries)

    def part(self, ref: Ref[..., Any], args: Value, whole: Whole) -> Part:
        """Watch a query as one of several until `unwatch`."""
        return self._watch(Part(ref.path, self._subscribe(ref, args), whole))

    def shown(self, watch: Watch) -> FunctionResult | None:
        """What is shown of a query that is watched."""
        return self._session.result_of(watch.query_id)

    def new_pagination_id(self) -> float:
        """An id for pages that no other subscription of this client has."""
        self._paginations += 1
        return float(self._paginations)

    def unwatch(self, watch: Watch) -> None:
        """Watch no more; more than once is fine."""
        if isinstance(watch, Callback):
            watch.is_over = True
        if self._watches.discard(watch):
            self._session.unsubscribe(watch.query_id)
            self._connection.wake()

    def known(self, ref: Ref[..., Any], args: Value) -> FunctionResult | None:
        """What those who watch a query see now."""
        self.check_open()
        query_id = self._session.find(FunctionPath.parse(ref.path), as_json(args))
        return None if query_id is None else self._session.result_of(query_id)

    def _subscribe(self, ref: Ref[..., Any], args: Value) -> int:
        self.check_open()
        return self._session.subscribe(FunctionPath.parse(ref.path), as_json(args))

    def _watch(self, watch: WatchT) -> WatchT:
        self._watches.add(watch)
        known = self._session.result_of(watch.query_id)
        if known is not None:
            watch.put(known)
        self._connection.wake()
        return watch

    def _show(self, token: str | None) -> None:
        self._deliveries.deliver()  # what is due was asked for by whoever called before
        self._session.set_token(_token(token))
        for watch in self._watches:
            watch.lapse()
        self._deliveries.deliver()
        self._connection.wake()

    def _renew(self, token: str | None) -> None:
        self._session.renew_token(_token(token))
        self._connection.wake()

    # What the session reports.

    def _told(self, events: Iterable[ClientEvent]) -> None:
        for event in events:
            match event:
                case QueryChanged():
                    self._changed(event)
                case Settled():
                    self._settled(event)
                case UpdateFailed():
                    self._update_failed(event)
                case IdentityRefused():
                    self.identity.refused()
                case Ended():
                    for waiting in [*self._watches, *self._states]:
                        waiting.fail(event.error)
                case _:
                    pass
        self._deliveries.deliver()

    def _changed(self, event: QueryChanged) -> None:
        watching = self._watches.of(event.query_id)
        for watch in watching:
            if event.is_new or watch.is_waiting:
                watch.put(event.result)
        for watch in watching[:1]:  # each line once, however many watch
            log_lines(watch.path, event.result.log_lines)

    def _settled(self, event: Settled) -> None:
        request = self._requests.pop(event.request_id, None)
        if request is None:
            return
        if isinstance(event.outcome, Returned | Raised):
            request.put(event.outcome)
            log_lines(request.path, event.outcome.log_lines)
        else:
            request.fail(event.outcome)
        self._note_state()

    def _update_failed(self, event: UpdateFailed) -> None:
        path = self._requests[event.request_id].path
        _log.error("the optimistic update of %s failed", path, exc_info=event.error)

    # The connection's state.

    @property
    def state(self) -> ConnectionState:
        """How the session is connected now."""
        connection = self._connection
        mutations, actions = self._session.in_flight
        oldest = next(iter(self._requests.values()), None)
        return ConnectionState(
            is_connected=connection.is_connected,
            has_ever_connected=connection.connections > 0,
            connections=connection.connections,
            retries=connection.retries,
            last_error=connection.last_error,
            mutations_in_flight=mutations,
            actions_in_flight=actions,
            oldest_in_flight_since=None if oldest is None else oldest.since,
        )

    def observe_state(self, observer: StateObserver) -> None:
        """Tell somebody of the state now and after each change, until `forget_state`."""
        self.check_open()
        self._session.check_not_ended()
        self._states[observer] = state = self.state
        observer.put(state)

    def forget_state(self, observer: StateObserver) -> None:
        """Tell somebody no more."""
        self._states.pop(observer, None)

    def _note_state(self) -> None:
        if not self._states:
            return  # nearly always, and each call would pay for it
        state = self.state
        for observer, last in list(self._states.items()):
            if state != last and observer in self._states:
                self._states[observer] = state
                observer.put(state)


def _token(text: str | None) -> NoToken | UserToken:
    return NoToken() if text is None else UserToken(text)


class Request(Latest[FunctionResult]):
    """A mutation or an action that has not settled, whether or not anybody still waits for it."""

    def __init__(self, path: str) -> None:
        super().__init__()
        self.path = path
        self.since = datetime.now(UTC)
