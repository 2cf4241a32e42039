"""`Client`: `AsyncClient` for programs that block."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from types import TracebackType
from typing import Concatenate, Generic, Self

from typing_extensions import ParamSpec, TypeVar

from confect_client.aio import AsyncClient, OptimisticMutation
from confect_client.blocking.callback_thread import Callback, CallbackThread
from confect_client.blocking.iterator import BlockingIterator
from confect_client.blocking.loop_thread import LoopThread
from confect_client.blocking.pages import BlockingPages
from confect_client.blocking.token import BlockingFetchToken, fetching
from confect_client.connection_state import ConnectionState
from confect_client.local_store import LocalStore, PageOf
from confect_client.options import OnError
from confect_client.paged import PagedSubscription
from confect_core import (
    Outcome,
    PaginationOptions,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    TaggedError,
)

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=TaggedError)
Out = TypeVar("Out")
Item = TypeVar("Item")
T = TypeVar("T")


class Client:
    """A blocking client of one server: typed by refs, reconnecting, its mutations exactly once.

    with Client("http://127.0.0.1:3210") as client:
        client.mutation(refs.public.notes.insert, text="hi")
        for notes in client.subscribe(refs.public.notes.list):
            print(notes)

    Threads may share it. It works like `AsyncClient`, in a thread of its own that the first call
    starts and `close` ends; a loop that runs in the caller's thread, as in a notebook, does not
    matter. A process that was forked after the first call needs a client of its own.
    """

    def __init__(self, url: str) -> None:
        self._client = AsyncClient(url)
        self._loop = LoopThread(self._client)
        self._callbacks = CallbackThread()

    # Its life.

    def __enter__(self) -> Self:
        self._loop.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of connection and threads; calls that are under way end with `ClientClosed`.

        A callback that is under way is waited for, a few seconds at most.
        """
        self._loop.close()
        self._callbacks.close()

    def with_options(
        self, *, timeout_s: float | None = None, on_error: OnError | None = None
    ) -> Self:
        """A view of this client whose calls are made otherwise; both have one connection.

            notes = client.with_options(timeout_s=3).query(refs.public.notes.list)

        `timeout_s` is how long a call waits before it raises `CallTimedOut`; a mutation still runs
        then, exactly once. `on_error` is told why a callback of `on_update` has no result, in the
        thread of callbacks.
        """
        view = copy(self)
        told = None if on_error is None else self._later("on_error", on_error)
        view._client = self._client.with_options(
            timeout_s=timeout_s, on_error=None if told is None else told.put
        )
        return view

    # Who calls.

    def set_auth(self, fetch_token: BlockingFetchToken) -> None:
        """Call as whoever's token is fetched, from the moment on in which it is.

        Nothing that was asked for by whoever called before is told or `known` after that. What they
        called and has no answer goes on; if the connection breaks, it is sent again as this caller.

        Each is fetched in a thread of its own, so that it may block. The next token is fetched a
        while before the last one lapses, and whenever the server refuses one; what then fails is
        tried again later. What the first fetch raises is raised.
        """
        self._loop.call(lambda: self._client.set_auth(fetching(fetch_token)))

    def clear_auth(self) -> None:
        """Call as nobody in particular."""

        async def clear() -> None:
            self._client.clear_auth()

        self._loop.call(clear)

    # Queries.

    def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers now; an `Outcome` if it declares errors.

        If this client watches it, that is what it shows, even while there is no connection.
        """
        return self._loop.call(lambda: self._client.query(ref, *args, **kwargs))

    def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers now; a declared error is raised."""
        return self._loop.call(lambda: self._client.query_or_raise(ref, *args, **kwargs))

    def query_page(
        self,
        ref: PublicPaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query."""
        return self._loop.call(lambda: self._client.query_page(ref, options, *args, **kwargs))

    def subscribe(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> BlockingIterator[Out]:
        """What a query answers, now and after every change; a slow reader gets the newest only.

        Closing the iterator, from whatever thread, ends the subscription and whoever waits.
        """
        return BlockingIterator(self._loop, self._client.subscribe(ref, *args, **kwargs))

    def subscribe_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> BlockingIterator[R]:
        """The same of a query that declares errors: the first one is raised, and ends it."""
        return BlockingIterator(self._loop, self._client.subscribe_or_raise(ref, *args, **kwargs))

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

        Callbacks are called in a thread of the client, one after the other and in order, so that
        they may block and call the client. One that is slower than the changes gets the newest
        only. What it raises is logged. If the query fails, `with_options(on_error=...)` is told.
        """
        later = self._later(ref.path, callback)

        async def begin() -> Callable[[], None]:
            return self._client.on_update(ref, later.put, *args, **kwargs)

        return self._ending(later, self._loop.call(begin))

    def known(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out | None:
        """What the subscriptions of this client to a query show now.

        None if there are none, or none for whoever calls now yet.
        """

        async def known() -> Out | None:
            return self._client.known(ref, *args, **kwargs)

        return self._loop.call(known)

    def subscribe_pages(
        self,
        ref: PublicPaginatedQueryRef[P, PageOf[Item]],
        initial_items: int,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> BlockingPages[Item]:
        """The items of a paginated query, now and after every change, page by page.

        with client.subscribe_pages(refs.public.notes.page, 20) as notes:
            notes.wait_loaded()
            notes.load_more(20)
        """

        async def begin() -> PagedSubscription[Item]:
            return self._client.subscribe_pages(ref, initial_items, *args, **kwargs)

        return BlockingPages(self._loop, self._loop.call(begin))

    # Mutations and actions.

    def mutation(self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a mutation answers, once it is durable and every subscription shows it."""
        return self._loop.call(lambda: self._client.mutation(ref, *args, **kwargs))

    def mutation_or_raise(
        self, ref: PublicMutationRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same; a declared error is raised."""
        return self._loop.call(lambda: self._client.mutation_or_raise(ref, *args, **kwargs))

    def optimistic(self, ref: PublicMutationRef[P, Out], /) -> BlockingOptimisticMutation[P, Out]:
        """A mutation that all subscribers are shown at once, before the server has answered.

        def add(store: LocalStore, *, text: str) -> None:
            notes = store.query(refs.public.notes.texts)
            if notes.is_known:
                notes.set([*notes.value, text])

        client.optimistic(refs.public.notes.insert).run(add, text="hi")
        """
        return BlockingOptimisticMutation(self._loop, self._client.optimistic(ref))

    def action(self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What an action answers; `ConnectionLost` if the connection breaks while it runs."""
        return self._loop.call(lambda: self._client.action(ref, *args, **kwargs))

    def action_or_raise(
        self, ref: PublicActionRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """The same; a declared error is raised."""
        return self._loop.call(lambda: self._client.action_or_raise(ref, *args, **kwargs))

    # The connection.

    @property
    def connection(self) -> ConnectionState:
        """How this client is connected now, and what it is still waiting for."""

        async def state() -> ConnectionState:
            return self._client.connection

        return self._loop.call(state)

    def connection_states(self) -> BlockingIterator[ConnectionState]:
        """How this client is connected, now and after every change."""
        return BlockingIterator(self._loop, self._client.connection_states())

    def on_connection_change(
        self, callback: Callable[[ConnectionState], None]
    ) -> Callable[[], None]:
        """Call back with how this client is connected, like `on_update`."""
        later = self._later("the connection", callback)

        async def begin() -> Callable[[], None]:
            return self._client.on_connection_change(later.put)

        return self._ending(later, self._loop.call(begin))

    def wait_connected(self, timeout_s: float | None = None) -> None:
        """Until there is a connection; raises `NotConnected` if that takes too long."""
        self._loop.call(lambda: self._client.wait_connected(timeout_s))

    def _later(self, of: str, function: Callable[[T], None]) -> Callback[T]:
        self._callbacks.start()
        return Callback(self._callbacks, of, function)

    def _ending(self, callback: Callback[T], end: Callable[[], None]) -> Callable[[], None]:
        async def ended() -> None:
            end()

        def stop() -> None:
            callback.is_over = True
            self._loop.call_soon(ended)

        return stop


class BlockingOptimisticMutation(Generic[P, Out]):
    """A mutation that an update shows before it has run."""

    def __init__(self, loop: LoopThread, mutation: OptimisticMutation[P, Out]) -> None:
        self._loop = loop
        self._mutation = mutation

    def run(
        self,
        update: Callable[Concatenate[LocalStore, P], None],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """What the mutation answers; what the update sets is shown until then.

        The update is given the arguments of the mutation, and runs where the client itself does:
        it reads and sets its store, and must not call the client (`CallFromOwnLoop`).
        """
        return self._loop.call(lambda: self._mutation.run(update, *args, **kwargs))
