"""`AsyncClient`: calls functions by their refs, over one socket."""

from __future__ import annotations

import uuid
from collections.abc import AsyncGenerator, Iterable
from types import TracebackType
from typing import Any, Self, cast

import anyio
from anyio.abc import TaskGroup
from typing_extensions import ParamSpec, TypeVar

from confect_client.answers import decoded, unwrapped
from confect_client.connection import Connection
from confect_client.errors import ClientClosed, ClientNotOpen
from confect_client.events import (
    ClientEvent,
    Ended,
    FunctionResult,
    IdentityRefused,
    QueryChanged,
    Raised,
    Returned,
    Settled,
)
from confect_client.identity import FetchToken, Identity
from confect_client.log_lines import log_lines
from confect_client.session import ClientSession
from confect_core import (
    Outcome,
    PaginationOptions,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    Ref,
    TaggedError,
)
from confect_core.protocol import FunctionPath, JsonObject, NoToken, UserToken
from confect_core.spec.call import with_pagination
from confect_core.values import Value, encode

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=TaggedError)
Out = TypeVar("Out")


class AsyncClient:
    """A client of one server: typed by refs, reconnecting, its mutations exactly once.

    async with AsyncClient("http://127.0.0.1:3210") as client:
        await client.mutation(refs.public.notes.insert, text="hi")
        async for notes in client.subscribe(refs.public.notes.list):
            print(notes)
    """

    def __init__(self, url: str) -> None:
        self._session = ClientSession(str(uuid.uuid4()))
        self._identity = Identity(self._show)
        self._connection = Connection(url, self._session, self._told, self._identity.renew_refused)
        self._tasks: TaskGroup | None = None
        self._is_closed = False
        self._requests: dict[int, _Request] = {}
        self._watches: dict[int, set[_Watch]] = {}

    async def __aenter__(self) -> Self:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._connection.run)
        self._tasks.start_soon(self._identity.keep_fresh)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        assert self._tasks is not None, "a context is left once, after it was entered"
        self._is_closed = True
        for waiting in self._waiting():
            waiting.fail(ClientClosed())
        self._tasks.cancel_scope.cancel()
        if not isinstance(error, Exception):
            return await self._tasks.__aexit__(kind, error, traceback)
        # it is the caller's own, which the task group would wrap in a group
        await self._tasks.__aexit__(None, None, None)
        return None

    async def set_auth(self, fetch_token: FetchToken) -> None:
        """Call as whoever's token is fetched; what was called before goes on as it was.

        The next token is fetched a while before the last one lapses, and whenever the server
        refuses one; what then fails is tried again later. What the first fetch raises is raised.
        """
        await self._identity.sign_in(fetch_token)

    def clear_auth(self) -> None:
        """Call as nobody in particular."""
        self._identity.sign_out()

    def _show(self, token: str | None) -> None:
        self._session.set_token(NoToken() if token is None else UserToken(token))
        self._connection.wake()

    async def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers now; an `Outcome` if it declares errors."""
        return cast("Out", await self._first(ref, ref.call.encode_args(args, kwargs)))

    async def query_page(
        self,
        ref: PublicPaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query."""
        encoded = with_pagination(ref.call.encode_args(args, kwargs), options)
        return cast("Out", await self._first(ref, encoded))

    async def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers now; a declared error is raised."""
        outcome = await self._first(ref, ref.call.encode_args(args, kwargs))
        return cast("R", unwrapped(outcome))

    async def mutation(
        self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, once it is durable and every subscription shows it."""
        arguments = _encoded(ref.call.encode_args(args, kwargs))
        self._check_open()
        request_id = self._session.mutate(FunctionPath.parse(ref.path), arguments)
        return cast("Out", decoded(ref, await self._settled(ref, request_id)))

    async def action(
        self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What an action answers; `ConnectionLost` if the connection breaks while it runs."""
        arguments = _encoded(ref.call.encode_args(args, kwargs))
        self._check_open()
        request_id = self._session.act(FunctionPath.parse(ref.path), arguments)
        return cast("Out", decoded(ref, await self._settled(ref, request_id)))

    async def subscribe(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[Out]:
        """What a query answers, now and after every change; a slow reader gets the newest only.

        Leaving the loop ends the subscription soon, `contextlib.aclosing` around it at once.
        """
        watch = self._watch(ref, ref.call.encode_args(args, kwargs))
        try:
            while True:
                yield cast("Out", decoded(ref, await watch.next()))
        finally:
            self._unwatch(watch)

    async def _first(self, ref: Ref[..., Any], args: Value) -> object:
        watch = self._watch(ref, args)
        try:
            return decoded(ref, await watch.next())
        finally:
            self._unwatch(watch)

    async def _settled(self, ref: Ref[..., Any], request_id: int) -> FunctionResult:
        request = self._requests[request_id] = _Request(ref.path)
        self._connection.wake()
        try:
            return await request.outcome()
        finally:
            self._requests.pop(request_id, None)

    def _watch(self, ref: Ref[..., Any], args: Value) -> _Watch:
        self._check_open()
        query_id = self._session.subscribe(FunctionPath.parse(ref.path), _encoded(args))
        watch = _Watch(ref.path, query_id)
        self._watches.setdefault(query_id, set()).add(watch)
        known = self._session.result_of(query_id)
        if known is not None:
            watch.take(known)
        self._connection.wake()
        return watch

    def _unwatch(self, watch: _Watch) -> None:
        watching = self._watches[watch.query_id]
        watching.discard(watch)
        if not watching:
            del self._watches[watch.query_id]
        self._session.unsubscribe(watch.query_id)
        self._connection.wake()

    def _told(self, events: Iterable[ClientEvent]) -> None:
        for event in events:
            if isinstance(event, QueryChanged):
                watches = self._watches.get(event.query_id, ())
                for watch in watches:
                    watch.take(event.result)
                for watch in [*watches][:1]:  # each line once, however many watch
                    log_lines(watch.path, event.result.log_lines)
            elif isinstance(event, Settled):
                request = self._requests.get(event.request_id)
                if request is not None:
                    request.settle(event.outcome)
                    if isinstance(event.outcome, Returned | Raised):
                        log_lines(request.path, event.outcome.log_lines)
            elif isinstance(event, IdentityRefused):
                self._identity.refused()
            elif isinstance(event, Ended):
                for waiting in self._waiting():
                    waiting.fail(event.error)

    def _waiting(self) -> list[_Request | _Watch]:
        watches = [watch for watching in self._watches.values() for watch in watching]
        return [*self._requests.values(), *watches]

    def _check_open(self) -> None:
        if self._tasks is None:
            raise ClientNotOpen
        if self._is_closed:
            raise ClientClosed


class _Request:
    """A mutation or an action that somebody waits for."""

    def __init__(self, path: str) -> None:
        self.path = path
        self._is_settled = anyio.Event()
        self._outcome: FunctionResult | Exception | None = None

    def settle(self, outcome: FunctionResult | Exception) -> None:
        self._outcome = outcome
        self._is_settled.set()

    def fail(self, error: Exception) -> None:
        self.settle(error)

    async def outcome(self) -> FunctionResult:
        await self._is_settled.wait()
        if isinstance(self._outcome, Exception):
            raise self._outcome
        assert self._outcome is not None, "what is settled has an outcome"
        return self._outcome


class _Watch:
    """One reader of a subscription, and the newest result that it has not seen."""

    def __init__(self, path: str, query_id: int) -> None:
        self.path = path
        self.query_id = query_id
        self._has_newer = anyio.Event()
        self._newest: FunctionResult | Exception | None = None

    def take(self, result: FunctionResult) -> None:
        self._newest = result
        self._has_newer.set()

    def fail(self, error: Exception) -> None:
        self._newest = error
        self._has_newer.set()

    async def next(self) -> FunctionResult:
        await self._has_newer.wait()
        self._has_newer = anyio.Event()
        newest = self._newest
        if isinstance(newest, Exception):
            self._has_newer.set()
            raise newest
        assert newest is not None, "a result came before the event"
        return newest


def _encoded(args: Value) -> JsonObject:
    return cast("JsonObject", encode(args))
