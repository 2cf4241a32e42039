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
from confect_server.ctx import ActionCtx, Calls, Ctx, MutationCtx, QueryCtx
from confect_server.db import Cursors, OpenTables, Paging
from confect_server.engine import Conflict, Database, ReadSet, Transaction, Turn
from confect_server.errors import TooManyConflicts
from confect_server.http import Route, Routes
from confect_server.impl import Impl
from confect_server.runtime.failure import Failures, request_id_of
from confect_server.runtime.functions import DeclaredFailure, Functions, RunnableFunction
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.runtime.requests import SessionRequest, answer_to, record_answer
from confect_server.services import Services

T = TypeVar("T")

FREE_ATTEMPTS = 3
"""How often a mutation may lose before it runs while nobody else here commits."""

MAX_ATTEMPTS = 16
"""How often a mutation runs before its conflicts are reported; only other processes cause that."""


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
    """How a query ended, at which snapshot, and what it read there."""

    outcome: RunOutcome
    ts: int
    reads: ReadSet
    journal: str | None = None
    """Where its page ended; its next run on behalf of the same subscription starts from it."""


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

    def __init__(self, database: Database, application: Application, failures: Failures) -> None:
        self._database = database
        self._failures = failures
        self._cursors = Cursors(database.incarnation)
        self.application = application

    async def run_query(
        self,
        path: str,
        args: JsonObject,
        caller: Caller,
        ts: int | None = None,
        journal: str | None = None,
    ) -> QueryResult:
        """Run a query at a snapshot, the newest one unless told otherwise.

        With the journal of its last run it answers the same page, however long that is now.
        """
        transaction = self._database.begin(ts, is_read_only=True)
        paging = Paging(self._cursors, journal)
        run = self._in_transaction(path, "Query", args, caller, transaction, paging)
        outcome = await self._told(path, secrets.token_hex(8), run)
        return QueryResult(outcome, transaction.begin_ts, transaction.reads, paging.journal)

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
        ctx: ActionCtx[Any] = ActionCtx(self.application.services, _CallsFrom(self, None))
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

    async def call(self, ref: Ref[..., Any], args: Value, inside: Transaction | None) -> object:
        """Run a function for another one, in its transaction if it has one."""
        function = self.application.functions.find(ref.path, _called(ref), public_only=False)
        try:
            return ref.call.decode_result(await self._run_for(function, args, inside))
        except DeclaredFailure as failure:
            decoded = ref.call.decode_error(failure.data)
            if decoded is None:
                raise failure.error from None
            return decoded

    async def _run_for(
        self, function: RunnableFunction, args: Value, inside: Transaction | None
    ) -> Value:
        if function.called == "Action":
            return await self._run_action(function, args)
        if function.called == "Query":
            return await self._run_in(
                function, args, inside or self._database.begin(is_read_only=True)
            )
        value, _ = await self._retried(
            function.path, lambda transaction: self._run_in(function, args, transaction)
        )
        return value

    async def _told(self, path: str, request_id: str, run: Awaitable[Value]) -> RunOutcome:
        try:
            return Succeeded(EncodedValue(dumps_canonical(await run)))
        except Exception as error:
            return self._failures.told(error, path, request_id)

    async def _in_transaction(
        self,
        path: str,
        called: str,
        args: JsonObject,
        caller: Caller,
        transaction: Transaction,
        paging: Paging | None = None,
    ) -> Value:
        function = self._find(path, called, caller)
        return await self._run_in(function, decode(args), transaction, paging)

    async def _action(self, path: str, args: JsonObject, caller: Caller) -> Value:
        return await self._run_action(self._find(path, "Action", caller), decode(args))

    async def _committed(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None
    ) -> MutationResult:
        async def attempt(transaction: Transaction) -> MutationResult:
            if request is not None:
                answered = await answer_to(request, transaction)
                if answered is not None:
                    return MutationResult(Succeeded(answered.value), answered.ts)
            value = await self._in_transaction(path, "Mutation", args, caller, transaction)
            encoded = EncodedValue(dumps_canonical(value))
            if request is not None:
                await record_answer(request, encoded, transaction)
            return MutationResult(Succeeded(encoded), None)

        result, ts = await self._retried(path, attempt)
        return result if result.ts is not None else MutationResult(result.outcome, ts)

    async def _retried(
        self, path: str, attempt: Callable[[Transaction], Awaitable[T]]
    ) -> tuple[T, int]:
        for _ in range(FREE_ATTEMPTS):
            with suppress(Conflict):
                return await self._attempted(attempt, None)
        for _ in range(MAX_ATTEMPTS - FREE_ATTEMPTS):
            async with self._database.turn() as turn:
                with suppress(Conflict):
                    return await self._attempted(attempt, turn)
        raise TooManyConflicts(path, MAX_ATTEMPTS)

    async def _attempted(
        self, attempt: Callable[[Transaction], Awaitable[T]], turn: Turn | None
    ) -> tuple[T, int]:
        transaction = self._database.begin()
        try:
            result = await attempt(transaction)
        except Conflict:
            raise
        except Exception:
            # why it failed may be something that it read and that is not durable yet
            await self._database.confirm(transaction)
            raise
        return result, await self._database.commit(transaction, turn)

    async def _run_in(
        self,
        function: RunnableFunction,
        args: Value,
        transaction: Transaction,
        paging: Paging | None = None,
    ) -> Value:
        application = self.application
        paging = paging or Paging(self._cursors)
        model, tables = application.impl.data_model, application.tables
        calls = _CallsFrom(self, transaction)
        ctx: Ctx[Any]
        if function.called == "Mutation":
            writer = model.writer(transaction, tables, paging)
            ctx = MutationCtx(writer, application.services, calls)
        else:
            reader = model.reader(transaction, tables, paging)
            ctx = QueryCtx(reader, application.services, calls)
        return await function.run(ctx, args, tables)

    async def _run_action(self, function: RunnableFunction, args: Value) -> Value:
        application = self.application
        ctx: ActionCtx[Any] = ActionCtx(application.services, _CallsFrom(self, None))
        return await function.run(ctx, args, application.tables)

    def _find(self, path: str, called: str, caller: Caller) -> RunnableFunction:
        public_only = not caller.may_call_internal
        return self.application.functions.find(path, called, public_only=public_only)


@dataclass(frozen=True, slots=True)
class _CallsFrom(Calls):
    """The calls that one handler makes."""

    executor: Executor
    inside: Transaction | None

    async def call(self, ref: Ref[..., Any], args: Value) -> object:
        return await self.executor.call(ref, args, self.inside)


def _called(ref: Ref[..., Any]) -> str:
    return {"mutation": "Mutation", "action": "Action"}.get(ref.spec.kind, "Query")


def _failed_route(failed: Failed) -> bytes:
    data = {} if failed.error_data is None else {"data": orjson.Fragment(failed.error_data)}
    return orjson.dumps({"code": failed.message, **data})
