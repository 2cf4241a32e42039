"""`AsyncHttpClient`: calls functions by their refs, with one HTTP request for each call."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from types import TracebackType
from typing import Any, Self, cast

import httpx2
import orjson
from typing_extensions import ParamSpec, TypeVar

from confect_client.answers import decoded, unwrapped
from confect_client.http.calls import HttpCalls
from confect_client.identity import FetchToken
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
from confect_core.protocol import CallRequest, FunctionPath, JsonObject, ResultFormat, encode_call
from confect_core.spec.call import with_pagination
from confect_core.values import Value, encode

P = ParamSpec("P")
R = TypeVar("R")
E = TypeVar("E", bound=TaggedError)
Out = TypeVar("Out")

CALL_TIMEOUT_S = 60.0
"""How long a call may take unless `with_options` says otherwise.

A socket hears of a server that is gone within that time; a request would wait for it for ever.
"""


class AsyncReads(ABC):
    """The queries of a client, or of one moment of its server."""

    @abstractmethod
    async def _read(self, ref: Ref[..., Any], args: Value) -> object:
        """What the query answers, decoded."""

    async def query(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out:
        """What a query answers; an `Outcome` if it declares errors."""
        return cast("Out", await self._read(ref, ref.call.encode_args(args, kwargs)))

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
        return cast("Out", await self._read(ref, encoded))

    async def query_or_raise(
        self, ref: PublicQueryRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a query answers; a declared error is raised."""
        outcome = await self._read(ref, ref.call.encode_args(args, kwargs))
        return cast("R", unwrapped(outcome))


class AsyncHttpClient(AsyncReads):
    """A client that holds no socket: typed by refs, with one HTTP request for each call.

    async with AsyncHttpClient("http://127.0.0.1:3210") as client:
        await client.mutation(refs.public.notes.insert, text="hi")
        notes = await client.query(refs.public.notes.list)

    For scripts and for other servers, which ask once; whoever watches takes `AsyncClient`. A query
    is sent again when its answer does not come. A mutation or an action is only when it is sure
    that nothing has happened, because over HTTP nothing would keep it from running twice:
    `ConnectionLost` and `CallTimedOut` leave open whether it ran. It may be used from any task, and
    without a context if `close` is called.

    `http` has proxies, certificates and limits of its own; it is used as it is, and never closed.
    """

    def __init__(self, url: str, *, http: httpx2.AsyncClient | None = None) -> None:
        self._calls = HttpCalls(url, http)
        self._timeout_s: float | None = CALL_TIMEOUT_S

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections; calls that are under way end with `ClientClosed`."""
        await self._calls.close()

    def with_options(self, *, timeout_s: float | None) -> Self:
        """This client with another time for each call; None is as long as it takes.

        They share connections, token and end: closing one closes both.
        """
        view = copy.copy(self)
        view._timeout_s = timeout_s
        return view

    async def set_auth(self, fetch_token: FetchToken) -> None:
        """Call as whoever's token is fetched.

        The next token is fetched by the first call that finds the last one about to lapse, or
        refused. What the first fetch raises is raised, and what later ones raise by that call.
        """
        await self._calls.token.sign_in(fetch_token)

    def clear_auth(self) -> None:
        """Call as nobody in particular."""
        self._calls.token.sign_out()

    async def snapshot(self) -> AsyncSnapshot:
        """The newest state of the server's data, for queries that have to fit together.

        The server keeps it readable for a short while only.
        """
        ts = await self._calls.newest_ts(self._timeout_s)
        return AsyncSnapshot(self._calls, self._timeout_s, ts)

    async def mutation(
        self, ref: PublicMutationRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What a mutation answers, once it is durable; it never runs twice."""
        return cast("Out", await self._run("mutation", ref, ref.call.encode_args(args, kwargs)))

    async def mutation_or_raise(
        self, ref: PublicMutationRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What a mutation answers, once it is durable; a declared error is raised."""
        outcome = await self._run("mutation", ref, ref.call.encode_args(args, kwargs))
        return cast("R", unwrapped(outcome))

    async def action(
        self, ref: PublicActionRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> Out:
        """What an action answers; it never runs twice."""
        return cast("Out", await self._run("action", ref, ref.call.encode_args(args, kwargs)))

    async def action_or_raise(
        self, ref: PublicActionRef[P, Outcome[R, E]], /, *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """What an action answers; a declared error is raised."""
        outcome = await self._run("action", ref, ref.call.encode_args(args, kwargs))
        return cast("R", unwrapped(outcome))

    async def _read(self, ref: Ref[..., Any], args: Value) -> object:
        return await self._run("query", ref, args)

    async def _run(self, endpoint: str, ref: Ref[..., Any], args: Value) -> object:
        result = await self._calls.run(
            endpoint,
            ref.path,
            encode_call(_request(ref, args)),
            is_query=endpoint == "query",
            timeout_s=self._timeout_s,
        )
        return decoded(ref, result)


class AsyncSnapshot(AsyncReads):
    """One moment of a server's data: all queries see the same, whatever is written meanwhile."""

    def __init__(self, calls: HttpCalls, timeout_s: float | None, ts: str) -> None:
        self._calls = calls
        self._timeout_s = timeout_s
        self._ts = ts

    async def _read(self, ref: Ref[..., Any], args: Value) -> object:
        body = orjson.dumps({**orjson.loads(encode_call(_request(ref, args))), "ts": self._ts})
        result = await self._calls.run(
            "query_at_ts", ref.path, body, is_query=True, timeout_s=self._timeout_s
        )
        return decoded(ref, result)


def _request(ref: Ref[..., Any], args: Value) -> CallRequest:
    path = FunctionPath.parse(ref.path)
    return CallRequest(path, cast("JsonObject", encode(args)), ResultFormat.ENCODED)
