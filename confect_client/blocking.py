"""`Client`: `AsyncClient` for programs that block."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from typing_extensions import ParamSpec, TypeVar

from confect_client.aio import AsyncClient
from confect_client.blocking_iterator import BlockingIterator
from confect_client.blocking_token import BlockingFetchToken, fetching
from confect_client.loop_thread import LoopThread
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
        """Let go of connection and thread; calls that are under way end with `ClientClosed`."""
        self._loop.close()

    def set_auth(self, fetch_token: BlockingFetchToken) -> None:
        """Call as whoever's token is fetched; what was called before goes on as it was.

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

    def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers now; an `Outcome` if it declares errors."""
        return self._loop.call(lambda: self._client.query(ref, *args, **kwargs))

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

    def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers now; a declared error is raised."""
        return self._loop.call(lambda: self._client.query_or_raise(ref, *args, **kwargs))

    def mutation(self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a mutation answers, once it is durable and every subscription shows it."""
        return self._loop.call(lambda: self._client.mutation(ref, *args, **kwargs))

    def action(self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What an action answers; `ConnectionLost` if the connection breaks while it runs."""
        return self._loop.call(lambda: self._client.action(ref, *args, **kwargs))

    def subscribe(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> BlockingIterator[Out]:
        """What a query answers, now and after every change; a slow reader gets the newest only."""
        return BlockingIterator(self._loop, self._client.subscribe(ref, *args, **kwargs))
