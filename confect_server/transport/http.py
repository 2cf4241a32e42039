"""The HTTP API: one function call per request, and who is answering."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from importlib.metadata import version
from typing import Any

import orjson
from starlette.requests import ClientDisconnect

from confect_core.errors import ConfectError, ValueRefused
from confect_core.protocol import (
    BadFormat,
    BadFunctionPath,
    BadJsonBody,
    CallFailed,
    CallRequest,
    CallResponse,
    CallSucceeded,
    ClientVersion,
    EncodedValue,
    InvalidClientVersion,
    ResultFormat,
    UnsupportedClientVersion,
    encode_call_response,
    encode_refusal,
    parse_call,
)
from confect_core.values import clean, export_json, loads_canonical
from confect_core.values.absent import ABSENT
from confect_server.auth.errors import TokenRefused
from confect_server.http import Documentation
from confect_server.impl import Impl
from confect_server.runtime import Backend, Caller
from confect_server.runtime.outcome import RunOutcome, Succeeded
from confect_server.transport.admin import AdminKey, NotAdmin
from confect_server.transport.callers import Callers
from confect_server.transport.environment import EnvironmentApi
from confect_server.transport.front_page import front_page
from confect_server.transport.http_exchange import HTML, JSON, TEXT, BodyTooLong, Exchange
from confect_server.transport.storage_api import StorageApi

_REFUSED = (BadFormat, BadFunctionPath, BadJsonBody, InvalidClientVersion)

Run = Callable[[CallRequest, Caller], Awaitable[RunOutcome]]


class HttpApi:
    """Answers requests with what functions answer."""

    def __init__(
        self, backend: Backend, admin_key: AdminKey, *, shows_functions: bool = False
    ) -> None:
        self._executor = backend.executor
        self._queries = backend.queries
        self._settings = backend.database.settings.http
        self._shows_functions = shows_functions
        self._callers = Callers(backend, admin_key)
        self._environment = EnvironmentApi(backend, self._callers)
        self._calls: dict[str, Run] = {
            "/api/query": self._query,
            "/api/mutation": self._mutation,
            "/api/action": self._action,
            "/api/function": self._function,
        }
        self._storage = StorageApi(backend)
        self._documented: tuple[Impl[Any], Documentation] | None = None
        self._version = version("confect-py").encode()

    async def answer(self, exchange: Exchange) -> None:
        """Answer one request."""
        if exchange.method == "OPTIONS" and exchange.path.startswith("/api/"):
            await exchange.allow_cross_origin()
        elif exchange.path in self._calls and exchange.method == "POST":
            await self._call(exchange, self._calls[exchange.path])
        elif self._environment.serves(exchange):
            await self._environment.answer(exchange)
        elif exchange.path == "/version" and exchange.is_reading:
            await exchange.respond(200, TEXT, self._version)
        elif await self._storage.answer(exchange):
            return
        elif not await self._routed(exchange):
            await self._unrouted(exchange)

    async def _routed(self, exchange: Exchange) -> bool:
        """Let the application's own route answer, if it has one there."""
        route = self._executor.application.routes.find(exchange.method, exchange.path)
        if route is None:
            return False
        caller = await self._callers.requesting(exchange.header(b"authorization"))
        request = exchange.request_with(
            route.params_in(exchange.path), self._settings.request_bytes
        )
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

    async def _call(self, exchange: Exchange, run: Run) -> None:
        try:
            caller = await self._caller(exchange)
            request = await _read_call(exchange)
            body = encode_call_response(_in_format(await run(request, caller), request.format))
        except (NotAdmin, TokenRefused) as error:
            await exchange.respond(401, JSON, encode_refusal(error.code, error))
        except UnsupportedClientVersion as error:
            refusal = encode_refusal(error.code, error)
            await exchange.respond(400, JSON, refusal, error.headers)
        except _REFUSED as error:
            await _refuse(exchange, error.code, error)
        except ValueRefused as error:
            await _refuse(exchange, BadJsonBody.code, error)
        except ClientDisconnect:
            return  # nobody asks any more, and half a request is none
        else:
            await exchange.respond(200, JSON, body)

    async def _caller(self, exchange: Exchange) -> Caller:
        header = exchange.header(b"authorization")
        if exchange.path == "/api/function":
            return self._callers.administering(header)
        return await self._callers.sending(header)

    async def _query(self, request: CallRequest, caller: Caller) -> RunOutcome:
        run = await self._queries.run(
            str(request.path), request.args, caller, is_kept_at_once=False
        )
        return run.outcome

    async def _mutation(self, request: CallRequest, caller: Caller) -> RunOutcome:
        run = await self._executor.run_mutation(str(request.path), request.args, caller)
        return run.outcome

    async def _action(self, request: CallRequest, caller: Caller) -> RunOutcome:
        return await self._executor.run_action(str(request.path), request.args, caller)

    async def _function(self, request: CallRequest, caller: Caller) -> RunOutcome:
        return await self._executor.run_any(str(request.path), request.args, caller)


async def _read_call(exchange: Exchange) -> CallRequest:
    header = exchange.header(b"convex-client")
    client = None if header is None else ClientVersion.of_header(header.decode("latin-1"))
    if client is not None:
        client.check_supported()
    content_type = exchange.header(b"content-type") or b""
    if not content_type.startswith(b"application/json"):
        raise BadJsonBody("its Content-Type is not application/json")
    try:
        body = await exchange.body()
    except BodyTooLong:
        raise BadJsonBody("it is too long") from None
    return parse_call(body, client)


async def _refuse(exchange: Exchange, code: str, error: ConfectError) -> None:
    await exchange.respond(400, JSON, encode_refusal(code, error))


def _in_format(outcome: RunOutcome, wanted: ResultFormat) -> CallResponse[EncodedValue]:
    if isinstance(outcome, Succeeded):
        return CallSucceeded(_formatted(outcome.value, wanted), outcome.log_lines)
    data = outcome.error_data
    formatted = ABSENT if data is None else _formatted(data, wanted)
    return CallFailed(outcome.message, formatted, outcome.log_lines)


def _formatted(value: EncodedValue, wanted: ResultFormat) -> EncodedValue:
    if wanted is ResultFormat.ENCODED or value.find(b'"$') < 0:  # then its forms are all the same
        return value
    tree = loads_canonical(value)
    readable = clean(tree) if wanted is ResultFormat.CLEAN else export_json(tree)
    return EncodedValue(orjson.dumps(readable))
