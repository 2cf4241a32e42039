"""`Executor`: runs functions. Every entry comes through here: socket, HTTP, command line, tests.

A query runs at one snapshot and says what it read. A mutation runs as one transaction, again and
again until nobody was faster, and is answered once it is durable; a declared error or a defect
rolls it back. An action runs outside any transaction and calls the others.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from confect_core import Ref
from confect_core.protocol import EncodedValue, JsonObject
from confect_core.values import Value, decode, dumps_canonical
from confect_server.circumstances import Circumstances, LookedAt, Moment
from confect_server.ctx import ActionCtx, Calls, Ctx, MutationCtx, QueryCtx, Run
from confect_server.db import Cursors, OpenTables, Paging
from confect_server.engine import (
    ArgumentsTooLarge,
    Catalog,
    Clock,
    Conflict,
    Database,
    OutOfRetention,
    Randomness,
    ReadSet,
    ResultTooLarge,
    Transaction,
    Turn,
    check_fits,
)
from confect_server.http import Route, Routes
from confect_server.impl import Impl
from confect_server.meta import Amount, Meta
from confect_server.runtime.backoff import Backoff
from confect_server.runtime.failure import Failures, request_id_of
from confect_server.runtime.functions import DeclaredFailure, Functions, RunnableFunction
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.runtime.requests import SessionRequest, answer_to, record_answer
from confect_server.runtime.run_time import RunTime
from confect_server.services import Services

T = TypeVar("T")

FREE_ATTEMPTS = 3
"""How often a mutation may lose before it runs while nobody else commits."""


NEWEST_ATTEMPTS = 4
"""How often a query is run at the newest snapshot known here, until one is found that is kept."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf a function runs."""

    may_call_internal: bool = False


CLIENT = Caller()
"""Anybody on the network."""

ADMIN = Caller(may_call_internal=True)
"""Whoever runs the server: the command line, and functions that call functions."""


@dataclass(frozen=True, slots=True)
class QueryResult:
    """How a query ended, at which snapshot, what it read there, and what it depends on besides."""

    outcome: RunOutcome
    ts: int
    reads: ReadSet
    looked_at: LookedAt
    journal: str | None = None
    """Where its page ended; its next run on behalf of the same subscription starts from it."""
    is_out_of_retention: bool = False
    """Was it refused because its snapshot is no longer kept? At a newer one it has an answer."""


@dataclass(frozen=True, slots=True)
class MutationResult:
    """How a mutation ended; with a commit timestamp if it was committed."""

    outcome: RunOutcome
    ts: int | None


@dataclass(frozen=True)
class Application:
    """An implementation with its services open and its tables found in a database."""

    impl: Impl[Any]
    functions: Functions
    tables: OpenTables
    services: Services
    routes: Routes


class Executor:
    """Runs the functions of the application that it holds at the moment."""

    def __init__(
        self,
        database: Database,
        application: Application,
        failures: Failures,
        clock: Clock,
        randomness: Randomness,
    ) -> None:
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._failures = failures
        self._cursors = Cursors(database.incarnation)
        self._limits = database.settings.limits
        self.application = application
        self._fitting: tuple[Application, Catalog] | None = None

    async def run_query(
        self,
        path: str,
        args: JsonObject,
        caller: Caller,
        ts: int | None = None,
        journal: str | None = None,
    ) -> QueryResult:
        """Run a query at a snapshot, the newest one unless told otherwise.

        With the journal of its last run it answers the same page, however long that is now. The
        newest one here may be out of retention, for others commit too: then it is looked for anew.
        """
        for _ in range(NEWEST_ATTEMPTS - 1):
            result = await self._query_at(path, args, caller, ts, journal)
            if ts is not None or not result.is_out_of_retention:
                return result
            await self._database.refresh()
        return await self._query_at(path, args, caller, ts, journal)

    async def _query_at(
        self, path: str, args: JsonObject, caller: Caller, ts: int | None, journal: str | None
    ) -> QueryResult:
        transaction = self._begin(ts, is_read_only=True)
        paging = Paging(self._cursors, journal)
        circumstances = self._circumstances(transaction)
        run = self._in_transaction(path, "Query", args, caller, transaction, circumstances, paging)
        is_out_of_retention = False
        outcome: RunOutcome
        try:
            outcome = Succeeded(self._encoded(await run))
        except Exception as error:
            is_out_of_retention = isinstance(error, OutOfRetention)
            outcome = self._failures.told(error, path, secrets.token_hex(8))
        finally:
            transaction.end()
        return QueryResult(
            outcome,
            transaction.begin_ts,
            transaction.reads,
            circumstances.looked_at,
            paging.journal,
            is_out_of_retention,
        )

    async def run_mutation(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None = None
    ) -> MutationResult:
        """Run a mutation until it commits; a request that did so before is answered as then."""
        request_id = secrets.token_hex(8)
        if request is not None:
            request_id = request_id_of(request.session_id, request.request_id)
        try:
            return await self._committed(path, args, caller, request)
        except Exception as error:
            return MutationResult(self._failures.told(error, path, request_id), None)

    async def run_action(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None = None
    ) -> RunOutcome:
        """Run an action."""
        request_id = secrets.token_hex(8)
        if request is not None:
            request_id = request_id_of(request.session_id, request.request_id)
        return await self._told(path, request_id, self._action(path, args, caller))

    async def run_route(self, route: Route[Any], request: Request) -> Response:
        """Let a route answer a request; whatever it raises is an answer too."""
        ctx: ActionCtx[Any] = ActionCtx(self.application.services, self._calls_outside())
        try:
            return await route.handler(ctx, request)
        except HTTPException as refused:
            return PlainTextResponse(refused.detail, refused.status_code, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:
            request_id = secrets.token_hex(8)
            told = self._failures.told(error, f"{route.method} {route.path}", request_id)
            return Response(_failed_route(told), 500, media_type="application/json")

    async def run_any(self, path: str, args: JsonObject, caller: Caller) -> RunOutcome:
        """Run a function as whatever it is."""
        functions = self.application.functions
        public_only = not caller.may_call_internal
        try:
            called = functions.kind_of(path, public_only=public_only)
        except Exception as error:
            return self._failures.told(error, path, secrets.token_hex(8))
        if called == "Mutation":
            return (await self.run_mutation(path, args, caller)).outcome
        if called == "Action":
            return await self.run_action(path, args, caller)
        return (await self.run_query(path, args, caller)).outcome

    async def call(self, ref: Ref[..., Any], args: Value, inside: _RunIn | None) -> object:
        """Run a function for another one, in its transaction if it has one."""
        self._check_arguments(args)
        function = self.application.functions.find(ref.path, _called(ref), public_only=False)
        try:
            value = await self._run_for(function, args, inside)
            self._encoded(value)
            return ref.call.decode_result(value)
        except DeclaredFailure as failure:
            decoded = ref.call.decode_error(failure.data)
            if decoded is None:
                raise failure.error from None
            return decoded

    async def _run_for(
        self, function: RunnableFunction, args: Value, inside: _RunIn | None
    ) -> Value:
        is_query = function.called == "Query"
        if function.called == "Action":
            return await self._run_action(function, args)
        if inside is not None:
            async with inside.transaction.nested(is_read_only=is_query) as part:
                run = _RunIn(self, part, inside.time, inside.circumstances.inside())
                return await self._run_in(function, args, run)
        if is_query:
            return await self._at_newest(function, args)
        value, _ = await self._retried(lambda transaction: self._timed(function, args, transaction))
        return value

    async def _at_newest(self, function: RunnableFunction, args: Value) -> Value:
        """What a query answers that another function calls outside of any transaction."""
        for _ in range(NEWEST_ATTEMPTS - 1):
            with suppress(OutOfRetention):
                return await self._alone(function, args)
            await self._database.refresh()
        return await self._alone(function, args)

    async def _alone(self, function: RunnableFunction, args: Value) -> Value:
        transaction = self._begin(is_read_only=True)
        try:
            return await self._timed(function, args, transaction)
        finally:
            transaction.end()

    async def _told(self, path: str, request_id: str, run: Awaitable[Value]) -> RunOutcome:
        try:
            return Succeeded(self._encoded(await run))
        except Exception as error:
            return self._failures.told(error, path, request_id)

    async def _in_transaction(
        self,
        path: str,
        called: str,
        args: JsonObject,
        caller: Caller,
        transaction: Transaction,
        circumstances: Circumstances | None = None,
        paging: Paging | None = None,
    ) -> Value:
        function = self._find(path, called, caller)
        decoded = decode(args)
        self._check_arguments(decoded)
        return await self._timed(function, decoded, transaction, circumstances, paging)

    async def _action(self, path: str, args: JsonObject, caller: Caller) -> Value:
        function = self._find(path, "Action", caller)
        decoded = decode(args)
        self._check_arguments(decoded)
        return await self._run_action(function, decoded)

    async def _committed(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None
    ) -> MutationResult:
        async def attempt(transaction: Transaction) -> MutationResult:
            if request is not None:
                answered = await answer_to(request, transaction)
                if answered is not None:
                    return MutationResult(Succeeded(answered.value), answered.ts)
            value = await self._in_transaction(path, "Mutation", args, caller, transaction)
            encoded = self._encoded(value)
            if request is not None:
                await record_answer(request, encoded, transaction)
            return MutationResult(Succeeded(encoded), None)

        result, ts = await self._retried(attempt)
        return result if result.ts is not None else MutationResult(result.outcome, ts)

    async def _retried(self, attempt: Callable[[Transaction], Awaitable[T]]) -> tuple[T, int]:
        backoff = Backoff(self._clock, self._randomness)
        for _ in range(FREE_ATTEMPTS):
            with suppress(Conflict):
                return await self._attempted(attempt, None)
            await backoff.wait()
        async with self._database.turn() as turn:
            return await self._attempted(attempt, turn)

    async def _attempted(
        self, attempt: Callable[[Transaction], Awaitable[T]], turn: Turn | None
    ) -> tuple[T, int]:
        transaction = self._begin(turn=turn)
        self._check_schema(transaction.catalog)
        try:
            result = await attempt(transaction)
        except Conflict:
            raise
        except Exception:
            # why it failed may be something that it read and that is not durable yet
            await self._database.confirm(transaction)
            raise
        finally:
            transaction.end()
        return result, await self._database.commit(transaction, turn)

    def _check_schema(self, catalog: Catalog) -> None:
        """Raise `OtherSchema` if the tables of the application are not those of the database.

        Another process may have started a later version: what this one writes would not fit it.
        """
        application = self.application
        if self._fitting != (application, catalog):
            declared = application.impl.data_model.declared
            check_fits(declared, catalog)
            self._fitting = application, catalog

    def _timed(
        self,
        function: RunnableFunction,
        args: Value,
        transaction: Transaction,
        circumstances: Circumstances | None = None,
        paging: Paging | None = None,
    ) -> Awaitable[Value]:
        time = RunTime(self._limits.run_time_s)
        run = _RunIn(self, transaction, time, circumstances or self._circumstances(transaction))
        return time.limit(self._run_in(function, args, run, paging))

    async def _run_in(
        self, function: RunnableFunction, args: Value, run: _RunIn, paging: Paging | None = None
    ) -> Value:
        application = self.application
        paging = paging or Paging(self._cursors)
        model, tables = application.impl.data_model, application.tables
        ctx: Ctx[Any]
        if function.called == "Mutation":
            writer = model.writer(run.transaction, tables, paging)
            ctx = MutationCtx(writer, application.services, run)
        else:
            reader = model.reader(run.transaction, tables, paging)
            ctx = QueryCtx(reader, application.services, run)
        return await function.run(ctx, args, tables)

    async def _run_action(self, function: RunnableFunction, args: Value) -> Value:
        application = self.application
        ctx: ActionCtx[Any] = ActionCtx(application.services, self._calls_outside())
        return await function.run(ctx, args, application.tables)

    def _calls_outside(self) -> _CallsFrom:
        return _CallsFrom(self, Circumstances.drawn(self._clock, self._randomness))

    def _begin(
        self, ts: int | None = None, *, is_read_only: bool = False, turn: Turn | None = None
    ) -> Transaction:
        return self._database.begin(ts, is_read_only=is_read_only, limits=self._limits, turn=turn)

    def _circumstances(self, transaction: Transaction) -> Circumstances:
        """Those of a function that begins a transaction, and of all that it calls inside."""
        return Circumstances.drawn(Moment(transaction.began_at_ns), self._randomness)

    def _check_arguments(self, args: Value) -> None:
        if (size := len(dumps_canonical(args))) > self._limits.arguments_bytes:
            raise ArgumentsTooLarge(size, self._limits.arguments_bytes)

    def _encoded(self, result: Value) -> EncodedValue:
        encoded = dumps_canonical(result)
        if len(encoded) > self._limits.result_bytes:
            raise ResultTooLarge(len(encoded), self._limits.result_bytes)
        return EncodedValue(encoded)

    def _find(self, path: str, called: str, caller: Caller) -> RunnableFunction:
        public_only = not caller.may_call_internal
        return self.application.functions.find(path, called, public_only=public_only)


class _CallsFrom(Calls):
    """The calls that one action makes."""

    def __init__(self, executor: Executor, circumstances: Circumstances) -> None:
        super().__init__(circumstances)
        self._executor = executor

    async def call(self, ref: Ref[..., Any], args: Value) -> object:
        return await self._executor.call(ref, args, None)


class _RunIn(Run):
    """One function that runs in a transaction, or in a part of it, and the calls that it makes."""

    def __init__(
        self,
        executor: Executor,
        transaction: Transaction,
        time: RunTime,
        circumstances: Circumstances,
    ) -> None:
        super().__init__(circumstances)
        self._executor = executor
        self.transaction = transaction
        self.time = time

    async def call(self, ref: Ref[..., Any], args: Value) -> object:
        return await self._executor.call(ref, args, self)

    def meta(self) -> Meta:
        self.circumstances.looked_at.time = True  # the run time is in it
        usage, limits = self.transaction.usage, self.transaction.usage.limits
        return Meta(
            documents_read=Amount(usage.documents_read, limits.documents_read),
            bytes_read=Amount(usage.bytes_read, limits.bytes_read),
            ranges_read=Amount(usage.ranges_read, limits.ranges_read),
            documents_written=Amount(usage.documents_written, limits.documents_written),
            bytes_written=Amount(usage.bytes_written, limits.bytes_written),
            nesting=Amount(self.transaction.depth, limits.nesting),
            run_time_s=Amount(self.time.used_s, self.time.limit_s),
        )


def _called(ref: Ref[..., Any]) -> str:
    return {"mutation": "Mutation", "action": "Action"}.get(ref.spec.kind, "Query")


def _failed_route(failed: Failed) -> bytes:
    data = {} if failed.error_data is None else {"data": orjson.Fragment(failed.error_data)}
    return orjson.dumps({"code": failed.message, **data})
