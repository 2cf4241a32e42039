"""Calls of functions over HTTP, each an answer of its own: `POST /api/query` and its like."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import lru_cache, partial
from typing import TypeAlias

import orjson

from confect_core.protocol import (
    BadJsonBody,
    CallFailed,
    CallRequest,
    CallResponse,
    CallSucceeded,
    ClientVersion,
    EncodedValue,
    ResultFormat,
    encode_call_response,
    parse_asked_call,
    parse_call,
    parse_named_call,
)
from confect_core.values import clean, export_json, loads_canonical
from confect_core.values.absent import ABSENT
from confect_server.runtime import CLIENT, Backend, Caller
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded, request_id_in
from confect_server.transport.callers import Callers
from confect_server.transport.http.errors import OutcomeUnsure, Unavailable
from confect_server.transport.http.exchange import Exchange
from confect_server.transport.http.intake import Intake

Run: TypeAlias = Callable[[CallRequest, Caller], Awaitable[RunOutcome]]

NAMED = "/api/run/"
"""What is below is the path of a function."""


class CallApi:
    """Answers calls with what functions answer.

    What it is asked and cannot read, or cannot run, raises one of `refusals.REFUSED`.
    """

    def __init__(self, backend: Backend, callers: Callers, intake: Intake) -> None:
        self._executor = backend.executor
        self._queries = backend.queries
        self._callers = callers
        self._intake = intake
        self.posted: dict[str, Callable[[Exchange], Awaitable[bytes]]] = {
            "/api/query": partial(self._called, self._query),
            "/api/mutation": partial(self._called, self._mutation),
            "/api/action": partial(self._called, self._action),
            "/api/function": partial(self._called, self._function, for_admin=True),
        }
        """What answers a POST to each path."""

    def known(self, exchange: Exchange) -> bytes | None:
        """The answer to a query in a short body, if the cache has it and nothing is shown."""
        body = exchange.whole_body
        if not body or exchange.path != "/api/query" or exchange.authorization is not None:
            return None
        try:
            client = client_of(exchange)
            check_json(exchange)
            request = exchange.call = parse_call(body, client)
            known = self._queries.at_hand(path_of(request), request.args, CLIENT)
        except Exception:  # whatever it is, it is told on the way of all others
            return None
        return None if known is None else answer_in(exchange, known.outcome, request.format)

    async def asked(self, exchange: Exchange) -> bytes:
        """Answer a query that stands in the URL."""
        caller = await self._callers.sending(exchange.authorization)
        request = parse_asked_call(exchange.query, client_of(exchange))
        return answer_in(exchange, await self._query(request, caller), request.format)

    async def named(self, exchange: Exchange) -> bytes:
        """Answer a call of the function that the URL names."""
        caller = await self._callers.sending(exchange.authorization)
        client_of(exchange)
        check_json(exchange)
        name = exchange.path.removeprefix(NAMED)
        request = parse_named_call(name, await self._intake.body(exchange))
        return answer_in(exchange, await self._function(request, caller), request.format)

    async def _called(self, run: Run, exchange: Exchange, *, for_admin: bool = False) -> bytes:
        if for_admin:
            caller = self._callers.administering(exchange.authorization)
        else:
            caller = await self._callers.sending(exchange.authorization)
        request = exchange.call
        if request is None:
            client = client_of(exchange)
            check_json(exchange)
            body = exchange.whole_body or await self._intake.body(exchange)
            request = parse_call(body, client)
        return answer_in(exchange, await run(request, caller), request.format)

    async def _query(self, request: CallRequest, caller: Caller) -> RunOutcome:
        path = path_of(request)
        run = await self._queries.run(path, request.args, caller, is_kept_at_once=False)
        return run.outcome

    async def _mutation(self, request: CallRequest, caller: Caller) -> RunOutcome:
        run = await self._executor.run_mutation(path_of(request), request.args, caller)
        return run.outcome

    async def _action(self, request: CallRequest, caller: Caller) -> RunOutcome:
        return await self._executor.run_action(path_of(request), request.args, caller)

    async def _function(self, request: CallRequest, caller: Caller) -> RunOutcome:
        return await self._executor.run_any(path_of(request), request.args, caller)


def client_of(exchange: Exchange) -> ClientVersion | None:
    """The client that calls, if it says so; raises as `ClientVersion` does."""
    header = exchange.header(b"convex-client")
    return None if header is None else _client_named(header)


@lru_cache(maxsize=256)
def _client_named(header: bytes) -> ClientVersion:
    client = ClientVersion.of_header(header.decode("latin-1"))
    client.check_supported()
    return client


def check_json(exchange: Exchange) -> None:
    """Raises `BadJsonBody` unless a request says that its body is JSON."""
    content_type = exchange.header(b"content-type")
    if content_type != b"application/json" and not _is_json(content_type or b""):
        raise BadJsonBody("its Content-Type is not application/json")


def path_of(request: CallRequest) -> str:
    """The path of the function that is called."""
    return request.path.within(request.component)


def answer_in(exchange: Exchange, outcome: RunOutcome, wanted: ResultFormat) -> bytes:
    """The answer to a call, in the format that was asked for.

    Raises `Unavailable` or `OutcomeUnsure` where it was not the function that failed.
    """
    if isinstance(outcome, Failed):
        exchange.request_id = request_id_in(outcome.message) or exchange.request_id
        _check_function_failed(outcome)
    return encode_call_response(_in_format(outcome, wanted))


def _is_json(content_type: bytes) -> bool:
    media_type = content_type.split(b";", 1)[0].strip().lower()
    return media_type == b"application/json"


def _check_function_failed(failed: Failed) -> None:
    if failed.unavailable is not None:
        raise Unavailable(failed.unavailable, failed.message)
    if failed.is_unsure:
        raise OutcomeUnsure("OutcomeUnknown", failed.message)


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
