"""`AsyncClient`: calls functions by their refs, over one socket."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from copy import copy
from functools import partial
from types import TracebackType
from typing import Any, Concatenate, Generic, Self, cast

import anyio
from anyio.abc import TaskGroup
from typing_extensions import ParamSpec, TypeVar

from confect_client.answers import decoded, unwrapped
from confect_client.connection_state import ConnectionState
from confect_client.driver import Driver
from confect_client.errors import CallTimedOut, NotConnected
from confect_client.identity import FetchToken
from confect_client.latest import Latest
from confect_client.local_store import LocalStore, PageOf
from confect_client.options import CallOptions, OnError
from confect_client.paged import PagedSubscription
from confect_client.session.events import FunctionResult
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
from confect_core.spec.call import with_pagination
from confect_core.values import Value

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=TaggedError)
Out = TypeVar("Out")
Item = TypeVar("Item")

_log = logging.getLogger("confect_client")


class AsyncClient:
    """A client of one server: typed by refs, reconnecting, its mutations exactly once.

        async with AsyncClient("http://127.0.0.1:3210") as client:
            await client.mutation(refs.public.notes.insert, text="hi")
            async for notes in client.subscribe(refs.public.notes.list):
                print(notes)

    In a notebook, where no block spans two cells::

        client = await AsyncClient.open("http://127.0.0.1:3210")
        ...
        await client.close()
    """

    def __init__(self, url: str) -> None:
        self._driver = Driver(url)
        self._block = _Block()
        self._options = CallOptions()

    # Its life.

    @classmethod
    async def open(cls, url: str) -> Self:
        """A client that is open until `close`, which any other task may call."""
        client = cls(url)
        await client._driver.open_in_background()
        return client

    async def close(self) -> None:
        """End every call and subscription; nothing of the client is left. Again is fine."""
        await self._driver.wait_closed()

    async def __aenter__(self) -> Self:
        if not self._driver.is_open:
            self._driver.open()
            self._block.tasks = anyio.create_task_group()
            await self._block.tasks.__aenter__()
            self._block.tasks.start_soon(self._driver.run)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        tasks = self._block.tasks
        if tasks is None:
            await self.close()
            return None
        self._driver.close()
        tasks.cancel_scope.cancel()
        if not isinstance(error, Exception):
            return await tasks.__aexit__(kind, error, traceback)
        # it is the caller's own, which the task group would wrap in a group
        await tasks.__aexit__(None, None, None)
        return None

    def with_options(
        self, *, timeout_s: float | None = None, on_error: OnError | None = None
    ) -> Self:
        """A view of this client whose calls are made otherwise; both have one connection.

            notes = await client.with_options(timeout_s=3).query(refs.public.notes.list)

        `timeout_s` is how long a call waits before it raises `CallTimedOut`; a mutation still runs
        then, exactly once. `on_error` is told why a callback of `on_update` has no result.
        """
        view = copy(self)
        view._options = CallOptions(timeout_s=timeout_s, on_error=on_error)
        return view

    # Who calls.

    async def set_auth(self, fetch_token: FetchToken) -> None:
        """Call as whoever's token is fetched, from the moment on in which it is.

        Nothing that was asked for by whoever called before is told or `known` after that. What they
        called and has no answer goes on; if the connection breaks, it is sent again as this caller.

        The next token is fetched a while before the last one lapses, and whenever the server
        refuses one; what then fails is tried again later. What the first fetch raises is raised.
        """
        await self._driver.identity.sign_in(fetch_token)

    def clear_auth(self) -> None:
        """Call as nobody in particular."""
        self._driver.identity.sign_out()

    # Queries.

    async def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers now; an `Outcome` if it declares errors.

        If this client watches it, that is what it shows, even while there is no connection.
        """
        return cast("Out", await self._first(ref, ref.call.encode_args(args, kwargs)))

    async def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers now; a declared error is raised."""
        outcome = await self._first(ref, ref.call.encode_args(args, kwargs))
        return cast("R", unwrapped(outcome))

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

    async def subscribe(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[Out]:
        """What a query answers, now and after every change; a slow reader gets the newest only.

        Leaving the loop ends the subscription soon, `contextlib.aclosing` around it at once.
        """
        reader = self._driver.read(ref, ref.call.encode_args(args, kwargs))
        try:
            while True:
                yield cast("Out", decoded(ref, await reader.next()))
        finally:
            self._driver.unwatch(reader)

    async def subscribe_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> AsyncGenerator[R]:
        """The same of a query that declares errors: the first one is raised, and ends it."""
        reader = self._driver.read(ref, ref.call.encode_args(args, kwargs))
        try:
            while True:
                yield cast("R", unwrapped(decoded(ref, await reader.next())))
        finally:
            self._driver.unwatch(reader)

    def on_update(
        self,
        ref: PublicQueryRef[P, Out],
        callback: Callable[[Out], None],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Callable[[], None]:
        """Call back with what a query answers, each time that it changes; gives what ends that.

            stop = client.on_update(refs.public.notes.list, show)

        The results come in order, and none is left out. All that changed at one moment is there
        before anybody is called, so that `known` in a callback tells of the same moment. The
        client waits for a callback, so a slow one belongs into a task or a thread of its own.
        What it raises is logged. If the query fails, `with_options(on_error=...)` is told.
        """
        on_error = self._options.on_error or partial(_cannot_call_back, ref.path)

        def told(result: FunctionResult | Exception) -> None:
            try:
                if isinstance(result, Exception):
                    raise result
                answer = cast("Out", decoded(ref, result))
            except Exception as error:
                return on_error(error)
            callback(answer)

        watch = self._driver.call_back(ref, ref.call.encode_args(args, kwargs), told)
        return lambda: self._driver.unwatch(watch)

    def known(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out | None:
        """What the subscriptions of this client to a query show now.

        None if there are none, or none for whoever calls now yet. Whatever is read without an
        `await` in between is of one moment in the database.
        """
        result = self._driver.known(ref, ref.call.encode_args(args, kwargs))
        return None if result is None else cast("Out", decoded(ref, result))

    def subscribe_pages(
        self,
        ref: PublicPaginatedQueryRef[P, PageOf[Item]],
        initial_items: int,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> PagedSubscription[Item]:
        """The items of a paginated query, now and after every change, page by page.

        async with client.subscribe_pages(refs.public.notes.page, 20) as notes:
            await notes.wait_loaded()
            notes.load_more(20)
        """
        encoded = ref.call.encode_args(args, kwargs)
        return PagedSubscription(self._driver, ref, encoded, initial_items)

    # Mutations and actions.

    async def mutation(
        self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, once it is durable and every subscription shows it."""
        return cast("Out", await self._answer(ref, ref.call.encode_args(args, kwargs)))

    async def mutation_or_raise(
        self, ref: PublicMutationRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same; a declared error is raised."""
        return cast("R", unwrapped(await self._answer(ref, ref.call.encode_args(args, kwargs))))

    def optimistic(self, ref: PublicMutationRef[P, Out], /) -> OptimisticMutation[P, Out]:
        """A mutation that all subscribers are shown at once, before the server has answered.

        def add(store: LocalStore, *, text: str) -> None:
            notes = store.query(refs.public.notes.texts)
            if notes.is_known:
                notes.set([*notes.value, text])

        await client.optimistic(refs.public.notes.insert).run(add, text="hi")
        """
        return OptimisticMutation(self, ref)

    async def action(
        self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What an action answers; `ConnectionLost` if the connection breaks while it runs."""
        return cast("Out", await self._answer(ref, ref.call.encode_args(args, kwargs)))

    async def action_or_raise(
        self, ref: PublicActionRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same; a declared error is raised."""
        return cast("R", unwrapped(await self._answer(ref, ref.call.encode_args(args, kwargs))))

    async def _first(self, ref: Ref[..., Any], args: Value) -> object:
        reader = self._driver.read(ref, args)
        try:
            return decoded(ref, await self._in_time(reader, ref, may_still_run=False))
        finally:
            self._driver.unwatch(reader)

    async def _answer(self, ref: Ref[..., Any], args: Value) -> object:
        request = self._driver.request(ref, args)
        return decoded(ref, await self._in_time(request, ref, may_still_run=True))

    async def _in_time(
        self, waiting: Latest[FunctionResult], ref: Ref[..., Any], *, may_still_run: bool
    ) -> FunctionResult:
        timeout_s = self._options.timeout_s
        if timeout_s is None:
            return await waiting.next()
        with anyio.move_on_after(timeout_s):
            return await waiting.next()
        now = self.connection
        raise CallTimedOut(
            ref.path,
            timeout_s,
            may_still_run=may_still_run,
            unconnected=None if now.is_connected else now.last_error or "it is being opened",
        )

    # The connection.

    @property
    def connection(self) -> ConnectionState:
        """How this client is connected now, and what it is still waiting for."""
        return self._driver.state

    async def connection_states(self) -> AsyncGenerator[ConnectionState]:
        """How this client is connected, now and after every change."""
        latest = Latest[ConnectionState]()
        self._driver.observe_state(latest)
        try:
            while True:
                yield await latest.next()
        finally:
            self._driver.forget_state(latest)

    def on_connection_change(
        self, callback: Callable[[ConnectionState], None]
    ) -> Callable[[], None]:
        """Call back with how this client is connected, now and after every change."""
        observer = _StateCallback(callback)
        self._driver.observe_state(observer)
        return lambda: self._driver.forget_state(observer)

    async def wait_connected(self, timeout_s: float | None = None) -> None:
        """Until there is a connection; raises `NotConnected` if that takes too long.

        Raises `ServerRefused` if there never will be one.
        """
        latest = Latest[ConnectionState]()
        self._driver.observe_state(latest)
        try:
            with anyio.move_on_after(timeout_s):
                while not (await latest.next()).is_connected:
                    pass
                return
        finally:
            self._driver.forget_state(latest)
        raise NotConnected(timeout_s or 0, self.connection.last_error)


class OptimisticMutation(Generic[P, Out]):
    """A mutation that an update shows before it has run.

    It is bound before the update is named, so that type checkers know the parameters by then:
    inferred from both at once, mypy accepts an update of another mutation.
    """

    def __init__(self, client: AsyncClient, ref: PublicMutationRef[P, Out]) -> None:
        self._client = client
        self._ref = ref

    async def run(
        self,
        update: Callable[Concatenate[LocalStore, P], None],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """What the mutation answers; what the update sets is shown until then.

        The update is given the arguments of the mutation. It is run again on each new result until
        the results include what the mutation did; that very moment its own are dropped, or as soon
        as the mutation fails. What it raises at first is raised, and then the mutation is not run.
        """
        ref, client = self._ref, self._client
        request = client._driver.mutate_optimistically(
            ref, ref.call.encode_args(args, kwargs), lambda store: update(store, *args, **kwargs)
        )
        result = await client._in_time(request, ref, may_still_run=True)
        return cast("Out", decoded(ref, result))


class _Block:
    """The tasks of a client and its views, if it was opened by `async with`."""

    def __init__(self) -> None:
        self.tasks: TaskGroup | None = None


class _StateCallback:
    def __init__(self, call: Callable[[ConnectionState], None]) -> None:
        self._call = call

    def put(self, newest: ConnectionState) -> None:
        try:
            self._call(newest)
        except Exception as error:
            _log.exception("a callback of the connection failed: %s", error)

    def fail(self, error: Exception) -> None:
        """There is nothing wrong that it could be told."""


def _cannot_call_back(path: str, error: Exception) -> None:
    _log.error("nobody is called back with %s: %s", path, error)
