"""Queries over HTTP at one snapshot: at a timestamp that a client was told, or several at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from confect_core.protocol import (
    CallRequest,
    encode_batch_response,
    encode_snapshot,
    parse_batch,
    parse_call_at,
)
from confect_server.engine import OutOfRetention
from confect_server.runtime import Backend, Caller, QueryResult
from confect_server.runtime.function_runner import NEWEST_ATTEMPTS
from confect_server.transport.callers import Callers
from confect_server.transport.http.calls import answer_in, check_json, client_of, path_of
from confect_server.transport.http.errors import (
    BatchTooLarge,
    SnapshotAhead,
    SnapshotOutOfRetention,
    Unavailable,
)
from confect_server.transport.http.exchange import Exchange
from confect_server.transport.http.intake import Intake


class SnapshotReads:
    """Answers queries at snapshots; raises as `CallApi` does."""

    def __init__(self, backend: Backend, callers: Callers, intake: Intake) -> None:
        settings = backend.database.settings
        self._most_queries = settings.requests.batch_queries
        self._most_bytes = settings.limits.result_bytes
        self._database = backend.database
        self._queries = backend.queries
        self._callers = callers
        self._intake = intake
        self.posted: dict[str, Callable[[Exchange], Awaitable[bytes]]] = {
            "/api/query_ts": self._newest,
            "/api/query_at_ts": self._at,
            "/api/query_batch": self._batch,
        }
        """What answers a POST to each path."""

    async def _newest(self, exchange: Exchange) -> bytes:
        client_of(exchange)
        return encode_snapshot(self._database.newest_ts)

    async def _at(self, exchange: Exchange) -> bytes:
        caller = await self._callers.sending(exchange.authorization)
        client = client_of(exchange)
        check_json(exchange)
        request, ts = parse_call_at(await self._intake.body(exchange), client)
        await self._check_reached(ts)
        answer = await self._answer_at(request, caller, ts)
        if answer is None:
            raise SnapshotOutOfRetention(ts)
        return answer_in(exchange, answer.outcome, request.format)

    async def _batch(self, exchange: Exchange) -> bytes:
        caller = await self._callers.sending(exchange.authorization)
        client = client_of(exchange)
        check_json(exchange)
        requests = parse_batch(await self._intake.body(exchange), client)
        if len(requests) > self._most_queries:
            raise BatchTooLarge(f"{self._most_queries} queries")
        return await exchange.while_there(self._answers(exchange, requests, caller))

    async def _answers(
        self, exchange: Exchange, requests: Sequence[CallRequest], caller: Caller
    ) -> bytes:
        for _ in range(NEWEST_ATTEMPTS):
            body = await self._answers_at(exchange, requests, caller, self._database.newest_ts)
            if body is not None:
                return body
            await self._database.refresh()  # others have committed, and nobody here was told
        raise Unavailable("OutOfRetention", "the newest snapshot is never kept for long enough")

    async def _answers_at(
        self, exchange: Exchange, requests: Sequence[CallRequest], caller: Caller, ts: int
    ) -> bytes | None:
        """The answers of a batch, one after another, since they are held until the last.

        None if the snapshot is no longer kept.
        """
        encoded: list[bytes] = []
        length = 0
        for request in requests:
            answer = await self._answer_at(request, caller, ts)
            if answer is None:
                return None
            encoded.append(answer_in(exchange, answer.outcome, request.format))
            length += len(encoded[-1])
            if length > self._most_bytes:
                raise BatchTooLarge(f"{self._most_bytes} bytes of answers")
        return encode_batch_response(encoded)

    async def _answer_at(self, request: CallRequest, caller: Caller, ts: int) -> QueryResult | None:
        """What a query answers at a snapshot; None if that is no longer kept."""
        with suppress(OutOfRetention):  # where the schema has changed since
            answer = await self._queries.run(path_of(request), request.args, caller, ts)
            return None if answer.is_out_of_retention else answer
        return None

    async def _check_reached(self, ts: int) -> None:
        if ts > self._database.newest_ts:
            await self._database.refresh()  # another process may have told it
        if ts > self._database.newest_ts:
            raise SnapshotAhead(ts, self._database.newest_ts)
