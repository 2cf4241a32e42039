"""`HttpClient`: `AsyncHttpClient` for programs that block."""

from __future__ import annotations

import copy
from types import TracebackType
from typing import Self

from typing_extensions import ParamSpec, TypeVar

from confect_client.blocking.loop_thread import LoopThread
from confect_client.blocking.token import BlockingFetchToken, fetching
from confect_client.http.client import AsyncHttpClient, AsyncReads
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


class Reads:
    """The queries of a blocking client, or of one moment of its server."""

    def __init__(self, loop: LoopThread, reads: AsyncReads) -> None:
        self._loop = loop
        self._reads = reads

    def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers; an `Outcome` if it declares errors."""
        return self._loop.call(lambda: self._reads.query(ref, *args, **kwargs))

    def query_page(
        self,
        ref: PublicPaginatedQueryRef[P, Out],
        options: PaginationOptions,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Out:
        """One page of a paginated query."""
        return self._loop.call(lambda: self._reads.query_page(ref, options, *args, **kwargs))

    def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers; a declared error is raised."""
        return self._loop.call(lambda: self._reads.query_or_raise(ref, *args, **kwargs))


class Snapshot(Reads):
    """One moment of a server's data: all queries see the same, whatever is written meanwhile."""


class HttpClient(Reads):
    """A blocking client that holds no socket: one HTTP request for each call, typed by refs.

    with HttpClient("http://127.0.0.1:3210") as client:
        client.mutation(refs.public.notes.insert, text="hi")
        notes = client.query(refs.public.notes.list)

    Threads may share it. It works like `AsyncHttpClient`, in a thread of its own that the first
    call starts and `close` ends. A process that was forked needs a client of its own.
    """

    def __init__(self, url: str) -> None:
        self._client = AsyncHttpClient(url)
        super().__init__(LoopThread(self._client), self._client)

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
        """Let go of connections and thread; calls that are under way end with `ClientClosed`."""
        self._loop.close()

    def with_options(self, *, timeout_s: float | None) -> Self:
        """This client with another time for each call; None is as long as it takes.

        They share connections, token and end: closing one closes both.
        """
        view = copy.copy(self)
        view._reads = view._client = self._client.with_options(timeout_s=timeout_s)
        return view

    def set_auth(self, fetch_token: BlockingFetchToken) -> None:
        """Call as whoever's token is fetched, in a thread of its own, so that it may block.

        The next token is fetched by the first call that finds the last one about to lapse, or
        refused. What the first fetch raises is raised, and what later ones raise by that call.
        """
        self._loop.call(lambda: self._client.set_auth(fetching(fetch_token)))

    def clear_auth(self) -> None:
        """Call as nobody in particular."""

        async def clear() -> None:
            self._client.clear_auth()

        self._loop.call(clear)

    def snapshot(self) -> Snapshot:
        """The newest state of the server's data, for queries that have to fit together.

        The server keeps it readable for a short while only.
        """
        return Snapshot(self._loop, self._loop.call(self._client.snapshot))

    def mutation(self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a mutation answers, once it is durable; it never runs twice."""
        return self._loop.call(lambda: self._client.mutation(ref, *args, **kwargs))

    def mutation_or_raise(
        self, ref: PublicMutationRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a mutation answers, once it is durable; a declared error is raised."""
        return self._loop.call(lambda: self._client.mutation_or_raise(ref, *args, **kwargs))

    def action(self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What an action answers; it never runs twice."""
        return self._loop.call(lambda: self._client.action(ref, *args, **kwargs))

    def action_or_raise(
        self, ref: PublicActionRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What an action answers; a declared error is raised."""
        return self._loop.call(lambda: self._client.action_or_raise(ref, *args, **kwargs))
