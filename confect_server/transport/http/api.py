"""The HTTP API: which part of it answers a request, and where there is none, who else does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from starlette.requests import ClientDisconnect

from confect_server.http import Documentation
from confect_server.impl import Impl
from confect_server.observe import Counter, asked_as
from confect_server.runtime import Backend
from confect_server.transport.admin import AdminKey
from confect_server.transport.callers import Callers
from confect_server.transport.http.about import TELEMETRY, About
from confect_server.transport.http.calls import NAMED, CallApi
from confect_server.transport.http.environment import PREFIX as VARIABLES
from confect_server.transport.http.environment import EnvironmentApi
from confect_server.transport.http.errors import TooManyRequests
from confect_server.transport.http.exchange import HTML, JSON, TEXT, Exchange
from confect_server.transport.http.front_page import front_page
from confect_server.transport.http.intake import Intake
from confect_server.transport.http.refusals import REFUSED, refuse, tell_failure
from confect_server.transport.http.snapshot_reads import SnapshotReads
from confect_server.transport.http.storage import PREFIX as FILES
from confect_server.transport.http.storage import StorageApi

Work: TypeAlias = Callable[[Exchange], Awaitable[bytes]]
"""Makes the JSON that answers a request; raises what keeps it from that."""

_OURS = (NAMED, FILES, VARIABLES, TELEMETRY)
"""What is below, or is there, is answered here, whatever is mounted."""

_UNCACHED = ((b"cache-control", b"no-store"),)
"""What is asked in a URL is no page that a browser, or a proxy, may keep."""


class HttpApi:
    """Answers requests with what functions answer."""

    def __init__(
        self, backend: Backend, admin_key: AdminKey, *, shows_functions: bool = False
    ) -> None:
        self._executor = backend.executor
        self._settings = backend.database.settings.http
        self._shows_functions = shows_functions
        self._callers = Callers(backend, admin_key)
        self._intake = intake = Intake(backend.database.settings.requests)
        self._calls = CallApi(backend, self._callers, intake)
        snapshots = SnapshotReads(backend, self._callers, intake)
        self._posted: dict[str, Work] = {**self._calls.posted, **snapshots.posted}
        self._environment = EnvironmentApi(backend, self._callers, intake)
        self._storage = StorageApi(backend, intake)
        self._about = About(intake)
        self.refused = Counter(("code",))
        """How many requests were refused."""
        self._documented: tuple[Impl[Any], Documentation] | None = None

    def known(self, exchange: Exchange) -> bytes | None:
        """The answer to a query that the cache has, for whoever shows nothing."""
        if exchange.request_id is not None or self._intake.is_full:
            return None
        return self._calls.known(exchange)

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request, unless there are too many."""
        try:
            self._intake.admit()
        except TooManyRequests as error:
            self.refused.add((error.code,))
            await refuse(exchange, error)
            return
        try:
            # beside a cached query, each call in between is a tenth of the time
            work = self._posted.get(exchange.path) if exchange.method == "POST" else None
            if exchange.request_id is not None:
                with asked_as(exchange.request_id):
                    await self._answer(exchange, work)
            elif work is not None:
                await self._work(exchange, work)
            else:
                await self._answer(exchange, None)
        finally:
            self._intake.release(exchange)
            if exchange.refused_as is not None:
                self.refused.add((exchange.refused_as,))

    async def _answer(self, exchange: Exchange, work: Work | None) -> None:
        work = work or self._rarer_work(exchange)
        if work is not None:
            await self._work(exchange, work)
        elif exchange.method == "OPTIONS" and self._is_open(exchange.path):
            await exchange.allow_cross_origin()
        elif await self._about.answer(exchange) or await self._storage.answer(exchange):
            return
        elif not await self._routed(exchange):
            await self._unrouted(exchange)

    def _is_open(self, path: str) -> bool:
        """May pages of any origin call there?

        They may wherever the API answers. What is mounted at the root says itself who may call it:
        it may know its users by cookies, which a page sends whoever has made it.
        """
        if not path.startswith("/api/"):
            return False
        is_ours = path in self._posted or path.startswith(_OURS)
        return is_ours or self._executor.application.mounts.find(path) is None

    def _rarer_work(self, exchange: Exchange) -> Work | None:
        """What answers a request with JSON, if it is for what has no path of its own."""
        if exchange.method == "POST" and exchange.path.startswith(NAMED):
            return self._calls.named
        if exchange.is_reading and exchange.path == "/api/query":
            return self._calls.asked
        return self._environment.answer if self._environment.serves(exchange) else None

    async def _work(self, exchange: Exchange, work: Work) -> None:
        try:
            body = await work(exchange)
        except REFUSED as error:
            await refuse(exchange, error)
        except ClientDisconnect:
            return  # nobody asks any more, and half a request is none
        except Exception as error:
            await tell_failure(exchange, error)
        else:
            uncached = _UNCACHED if exchange.is_reading else ()
            await exchange.respond(200, JSON, body, uncached)

    async def _routed(self, exchange: Exchange) -> bool:
        """Let the application's own route answer, if it has one there."""
        route = self._executor.application.routes.find(exchange.method, exchange.path)
        if route is None:
            return False
        caller = await self._callers.requesting(exchange.header(b"authorization"))
        params, most_bytes = route.params_in(exchange.path), self._settings.request_bytes
        patient = self._intake.patient(exchange).receive
        request = exchange.request_with(params, most_bytes, patient)
        response = await self._executor.run_route(route, request, caller)
        await exchange.stream(response, self._settings.response_bytes)
        return True

    async def _unrouted(self, exchange: Exchange) -> None:
        methods = self._executor.application.routes.methods_at(exchange.path)
        if methods:
            head = ("HEAD",) if "GET" in methods else ()
            allowed = [(b"allow", ", ".join((*methods, *head)).encode())]
            await exchange.respond(405, TEXT, b"Method not allowed", allowed)
        elif (mount := self._executor.application.mounts.find(exchange.path)) is not None:
            await exchange.hand_to(mount.app, mount.prefix, mount.state)
        elif exchange.path == "/" and exchange.is_reading:
            await self._front_page(exchange)
        elif (document := self._document(exchange)) is not None:
            media_type, content = document
            await exchange.respond(200, media_type.encode(), content)
        else:
            await exchange.respond(404, TEXT, b"No matching routes found")

    def _document(self, exchange: Exchange) -> tuple[str, bytes] | None:
        """What describes the typed APIs, where the application itself has no route."""
        if not exchange.is_reading:
            return None
        impl = self._executor.application.impl
        if self._documented is None or self._documented[0] is not impl:
            apis = [each.api for each in impl.apis]
            described = Documentation(apis, self._settings, has_bearer=bool(impl.providers))
            self._documented = impl, described
        return self._documented[1].at(exchange.path, exchange.root_path)

    async def _front_page(self, exchange: Exchange) -> None:
        if self._shows_functions:
            public = self._executor.application.functions.public
            await exchange.respond(200, HTML, front_page(public, exchange.origin))
        else:
            await exchange.respond(200, TEXT, b"This is a Confect backend.\n")
