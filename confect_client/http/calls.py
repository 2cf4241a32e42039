"""`HttpCalls`: one request for each call, over connections that are kept and shared.

What is sent again, and what is not: a call that never left is, and one that the server refused with
a word for "nothing has happened"; a query is whenever its answer did not come, and anything else is
not, because over HTTP nothing tells a server that it has had a mutation before. A refused token is
replaced once; the server looks at it before it runs anything.
"""

from __future__ import annotations

import random
from http import HTTPStatus
from importlib.metadata import version
from urllib.parse import urlsplit, urlunsplit

import anyio
import httpx2
import orjson

from confect_client.connection import socket_url
from confect_client.errors import (
    CallRefused,
    CallTimedOut,
    ClientClosed,
    ConnectionLost,
    Unreachable,
)
from confect_client.http.held_token import HeldToken
from confect_client.log_lines import log_lines
from confect_client.session.events import FunctionResult, Raised, Returned
from confect_core.protocol import BadJsonBody, CallFailed, CallSucceeded, parse_call_response
from confect_core.protocol import CallRefused as Refusal
from confect_core.values.wire import Json

_CONNECT_TIMEOUT_S = 10.0
_PAUSES_S = (0.1, 0.2, 0.4, 0.8)
"""How long is waited before each time that a call is sent again."""

_PASSING = frozenset({429, 502, 503, 504})
"""The statuses of servers that are busy, and of proxies whose server is away."""

_NOTHING_HAPPENED = frozenset(
    {
        "TooManyConcurrentRequests",
        "OptimisticConcurrencyControlFailure",
        "OutOfRetention",
        "DatabaseBusy",
        "DatabaseClosed",
        "StoreFailed",
    }
)
"""The codes with status 503 by which our server says that the call has not run, or was undone."""

_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
)
_MOST_SHOWN = 200


class HttpCalls:
    """Calls the functions of one server, on behalf of whoever its token names."""

    def __init__(self, url: str, http: httpx2.AsyncClient | None) -> None:
        self.token = HeldToken()
        self._url = api_url(url)
        self._is_mine = http is None
        self._http = httpx2.AsyncClient() if http is None else http
        self._headers = {
            "Content-Type": "application/json",
            "Convex-Client": f"confect-py-{version('confect-py')}",
        }
        self._is_closed = False
        self._under_way: set[anyio.CancelScope] = set()
        self._is_idle = anyio.Event()

    async def close(self) -> None:
        """End what is under way, and let go of the connections."""
        self._is_closed = True
        for scope in self._under_way:
            scope.cancel()
        if self._under_way:
            await self._is_idle.wait()
        if self._is_mine:
            await self._http.aclose()

    async def run(
        self, endpoint: str, path: str, body: bytes, *, is_query: bool, timeout_s: float | None
    ) -> FunctionResult:
        """What the function of that path answered."""
        response = await self._ask(endpoint, path, body, is_query, timeout_s)
        try:
            answer = parse_call_response(response.content)
        except BadJsonBody:
            raise _strange(path, response) from None
        if isinstance(answer, Refusal):
            raise CallRefused(path, response.status_code, answer.code, answer.message)
        log_lines(path, answer.log_lines)
        return _result(answer)

    async def newest_ts(self, timeout_s: float | None) -> str:
        """The timestamp of the newest snapshot, as the server writes it."""
        response = await self._ask("query_ts", "query_ts", b"", True, timeout_s)
        try:
            match orjson.loads(response.content):
                case {"ts": str(ts)}:
                    return ts
                case _:
                    raise _strange("query_ts", response)
        except orjson.JSONDecodeError:
            raise _strange("query_ts", response) from None

    async def _ask(
        self, endpoint: str, path: str, body: bytes, is_query: bool, timeout_s: float | None
    ) -> httpx2.Response:
        self._check_open()
        with anyio.move_on_after(timeout_s) as scope:
            self._under_way.add(scope)
            try:
                return await self._insist(endpoint, path, body, is_query)
            finally:
                self._under_way.discard(scope)
                if self._is_closed and not self._under_way:
                    self._is_idle.set()
        self._check_open()
        assert timeout_s is not None, "time ran out"
        raise CallTimedOut(path, timeout_s, may_still_run=not is_query)

    async def _insist(
        self, endpoint: str, path: str, body: bytes, is_query: bool
    ) -> httpx2.Response:
        for pause_s in _PAUSES_S:
            try:
                response = await self._post(endpoint, path, body)
            except Unreachable:
                pass
            except ConnectionLost:
                if not is_query:
                    raise
            else:
                if not _may_be_sent_again(response, is_query=is_query):
                    return response
            await anyio.sleep(pause_s * (0.5 + random.random() / 2))
        return await self._post(endpoint, path, body)

    async def _post(self, endpoint: str, path: str, body: bytes) -> httpx2.Response:
        token = await self.token.current()
        response = await self._send(endpoint, path, body, token)
        if response.status_code == 401 and await self.token.replace(token):
            response = await self._send(endpoint, path, body, await self.token.current())
        return response

    async def _send(
        self, endpoint: str, path: str, body: bytes, token: str | None
    ) -> httpx2.Response:
        headers = self._headers if token is None else self._headers | _authorization(token)
        timeout = httpx2.Timeout(None, connect=_CONNECT_TIMEOUT_S)
        try:
            return await self._http.post(
                f"{self._url}/{endpoint}", content=body, headers=headers, timeout=timeout
            )
        except httpx2.RequestError as error:
            reason = f"{type(error).__name__}: {error}"
            if isinstance(error, _NEVER_SENT):
                raise Unreachable(self._url, reason) from error
            raise ConnectionLost(path, reason) from error

    def _check_open(self) -> None:
        if self._is_closed:
            raise ClientClosed


def api_url(url: str) -> str:
    """Where the HTTP API of a server is, for the URL that people know the server by."""
    socket = urlsplit(socket_url(url))
    scheme = {"ws": "http", "wss": "https"}[socket.scheme]
    return urlunsplit((scheme, socket.netloc, socket.path.removesuffix("/sync"), "", ""))


def _may_be_sent_again(response: httpx2.Response, *, is_query: bool) -> bool:
    if is_query:
        return response.status_code in _PASSING
    if response.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
        return False
    try:
        answer = parse_call_response(response.content)
    except BadJsonBody:
        return False  # of a proxy, which cannot know
    return isinstance(answer, Refusal) and answer.code in _NOTHING_HAPPENED


def _authorization(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _result(answer: CallSucceeded[Json] | CallFailed[Json]) -> FunctionResult:
    if isinstance(answer, CallSucceeded):
        return Returned(answer.value, answer.log_lines)
    return Raised(answer.message, answer.error_data, answer.log_lines)


def _strange(path: str, response: httpx2.Response) -> CallRefused:
    said = response.text[:_MOST_SHOWN] or response.reason_phrase
    return CallRefused(path, response.status_code, None, said)
