"""`Executor`: runs functions. Every entry comes through here: socket, HTTP, command line, tests.

A query runs at one snapshot and says what it read. A mutation runs as one transaction, again and
again until nobody was faster, and is answered once it is durable; a declared error or a defect
rolls it back. An action runs outside any transaction and calls the others.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from confect_core import Ref
from confect_core.protocol import EncodedValue, JsonObject
from confect_core.protocol.record import record
from confect_core.values import Value, decode, dumps_canonical
from confect_server.auth import TokenVerifier, UserIdentity
from confect_server.circumstances import Circumstances, LookedAt, Moment
from confect_server.ctx import ActionCtx, Ctx, MutationCtx, QueryCtx
from confect_server.db import Cursors, DataModel, OpenTables, Paging
from confect_server.engine import (
    ArgumentsTooLarge,
    Catalog,
    Clock,
    Database,
    OutOfRetention,
    Randomness,
    ReadSet,
    ResultTooLarge,
    Transaction,
    check_fits,
    conflict_in,
)
from confect_server.environment import Variables
from confect_server.hooks import WatchedTables
from confect_server.http import Route, Routes
from confect_server.impl import Impl
from confect_server.runtime.caller import CLIENT, Caller
from confect_server.runtime.calls import CallsOfAction, TransactionRun
from confect_server.runtime.failure import Failures, request_id_of
from confect_server.runtime.functions import DeclaredFailure, Functions, RunnableFunction
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded
from confect_server.runtime.repetition import Repetition
from confect_server.runtime.requests import SessionRequest, answer_to, record_answer
from confect_server.runtime.run_time import RunTime
from confect_server.runtime.transactions import Transactions
from confect_server.runtime.watched_writes import WatchedWrites
from confect_server.services import Services
from confect_server.storage import Files

NEWEST_ATTEMPTS = 4
"""How often a query is run at the newest snapshot known here, until one is found that is kept."""


@record
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


@record
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
    watched: WatchedTables
    verifier: TokenVerifier
    variables: Variables

    @cached_property
    def data_model(self) -> DataModel:
        """Its tables, and the classes that read and write them."""
        return self.impl.data_model


class Executor:
    """Runs the functions of the application that it holds at the moment."""

    def __init__(
        self,
        database: Database,
        application: Application,
        failures: Failures,
        files: Files,
        clock: Clock,
        randomness: Randomness,
        *,
        repeats_queries: bool = False,
    ) -> None:
        self.files = files
        """The stored files of the database."""
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._failures = failures
        self._cursors = Cursors(database.incarnation)
        self._limits = database.settings.limits
        self._repeats_queries = repeats_queries
        self.transactions = Transactions(database, clock, randomness, self._check_schema)
        """Runs work on the database for as long as its tables are those of the application."""
        self.application = application
        self._fitting: tuple[Application, Catalog] | None = None

    @property
    def variables(self) -> Variables:
        """The environment variables of the application."""
        return self.application.variables

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
        if ts is not None:
            return await self._query_at(path, args, caller, ts, journal)
        return await self.at_newest(lambda: self._query_at(path, args, caller, None, journal))

    async def at_newest(self, answer: Callable[[], Awaitable[QueryResult]]) -> QueryResult:
        """An answer at the newest snapshot, asked for again where that is no longer kept."""
        for _ in range(NEWEST_ATTEMPTS - 1):
            result = await answer()
            if not result.is_out_of_retention:
                return result
            await self._database.refresh()  # others have committed, and nobody here was told
        return await answer()

    async def _query_at(
        self, path: str, args: JsonObject, caller: Caller, ts: int | None, journal: str | None
    ) -> QueryResult:
        transaction = self.transactions.begin(ts, is_read_only=True)
        run = self._run(transaction, caller.identity, journal)
        is_out_of_retention = False
        outcome: RunOutcome
        try:
            function, decoded = self._asked_for(path, "Query", args, caller)
            outcome = Succeeded(self._encoded(await self._queried(function, decoded, run)))
        except Exception as error:
            is_out_of_retention = isinstance(conflict_in(error), OutOfRetention)
            outcome = self._failures.told(error, path, _new_request_id())
        finally:
            transaction.end()
        return QueryResult(
            outcome,
            transaction.begin_ts,
            transaction.reads,
            run.circumstances.looked_at,
            run.paging.journal,
            is_out_of_retention,
        )

    async def run_mutation(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None = None
    ) -> MutationResult:
        """Run a mutation until it commits; a request that did so before is answered as then."""

        async def attempt(transaction: Transaction) -> MutationResult:
            if request is not None:
                answered = await answer_to(request, transaction)
                if answered is not None:
                    return MutationResult(Succeeded(answered.value), answered.ts)
            function, decoded = self._asked_for(path, "Mutation", args, caller)
            run = self._run(transaction, caller.identity)
            encoded = self._encoded(await self._timed(function, decoded, run))
            if request is not None:
                await record_answer(request, encoded, transaction)
            return MutationResult(Succeeded(encoded), None)

        try:
            result, ts = await self.transactions.write(attempt, is_named=request is not None)
        except Exception as error:
            return MutationResult(self._failures.told(error, path, _id_of(request)), None)
        return result if result.ts is not None else MutationResult(result.outcome, ts)

    async def run_action(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None = None
    ) -> RunOutcome:
        """Run an action."""
        try:
            function, decoded = self._asked_for(path, "Action", args, caller)
            value = await self._run_action(function, decoded, caller.identity)
            return Succeeded(self._encoded(value))
        except Exception as error:
            return self._failures.told(error, path, _id_of(request))

    async def run_route(
        self, route: Route[Any], request: Request, caller: Caller = CLIENT
    ) -> Response:
        """Let a route answer a request; whatever it raises is an answer too.

        A token that was refused is known to the route alone: functions that it calls see nobody.
        """
        calls = self._calls_outside(caller.identity)
        calls.circumstances.refusal = caller.refusal
        ctx: ActionCtx[Any] = ActionCtx(self.application.services, calls)
        try:
            return await route.handler(ctx, request)
        except HTTPException as refused:
            return PlainTextResponse(refused.detail, refused.status_code, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:
            told = self._failures.told(error, f"{route.method} {route.path}", _new_request_id())
            return Response(_failed_route(told), 500, media_type="application/json")

    async def run_any(self, path: str, args: JsonObject, caller: Caller) -> RunOutcome:
        """Run a function as whatever it is."""
        functions = self.application.functions
        public_only = not caller.may_call_internal
        try:
            called = functions.kind_of(path, public_only=public_only)
        except Exception as error:
            return self._failures.told(error, path, _new_request_id())
        if called == "Mutation":
            return (await self.run_mutation(path, args, caller)).outcome
        if called == "Action":
            return await self.run_action(path, args, caller)
        return (await self.run_query(path, args, caller)).outcome

    async def run_scheduled(self, path: str, args: Value, inside: Transaction | None) -> None:
        """Run a function for nobody: a mutation in a transaction, an action outside of any.

        Raises whatever it fails with; `told` is what a caller would know of that.
        """
        self._check_arguments(args)
        functions = self.application.functions
        if inside is None:
            await self._run_action(functions.find(path, "Action", public_only=False), args, None)
            return
        mutation = functions.find(path, "Mutation", public_only=False)
        await self._timed(mutation, args, self._run(inside, None))

    def told(self, error: Exception, path: str) -> str:
        """What the caller of a function would be told of a failure, which is logged."""
        return self._failures.told(error, path, _new_request_id()).message

    async def call(
        self,
        ref: Ref[..., Any],
        args: Value,
        inside: TransactionRun | None,
        identity: UserIdentity | None = None,
    ) -> object:
        """Run a function for another one: inside its run, or else on behalf of somebody."""
        self._check_arguments(args)
        function = self.application.functions.find(ref.path, _called(ref), public_only=False)
        try:
            value = (
                await self.run_outside(function, args, identity)
                if inside is None
                else await self._run_inside(function, args, inside)
            )
            self._encoded(value)
            return ref.call.decode_result(value)
        except DeclaredFailure as failure:
            decoded = ref.call.decode_error(failure.data)
            if decoded is None:
                raise failure.error from None
            return decoded

    async def _run_inside(
        self, function: RunnableFunction, args: Value, outer: TransactionRun
    ) -> Value:
        if function.called == "Action":
            return await self._run_action(function, args, outer.circumstances.identity)
        async with outer.transaction.nested(is_read_only=function.called == "Query") as part:
            return await self._run_in(function, args, self._inside(outer, part))

    async def run_outside(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None
    ) -> Value:
        """What a function answers outside of any run, on behalf of somebody."""
        if function.called == "Action":
            return await self._run_action(function, args, identity)
        if function.called == "Query":
            return await self._at_newest(function, args, identity)
        value, _ = await self.transactions.write(
            lambda transaction: self._timed(function, args, self._run(transaction, identity))
        )
        return value

    async def _at_newest(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None
    ) -> Value:
        """What a query answers that another function calls outside of any transaction."""
        for _ in range(NEWEST_ATTEMPTS - 1):
            with suppress(OutOfRetention):
                return await self._alone(function, args, identity)
            await self._database.refresh()
        return await self._alone(function, args, identity)

    async def _alone(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None
    ) -> Value:
        transaction = self.transactions.begin(is_read_only=True)
        try:
            return await self._queried(function, args, self._run(transaction, identity))
        except ExceptionGroup as several:
            conflict = conflict_in(several)
            if conflict is not None:
                raise conflict from several
            raise
        finally:
            transaction.end()

    def _check_schema(self, catalog: Catalog) -> None:
        """Raise `OtherSchema` if the tables of the application are not those of the database.

        Another process may have started a later version: what this one writes would not fit it.
        """
        application = self.application
        if self._fitting != (application, catalog):
            check_fits(application.data_model.declared, catalog)
            self._fitting = application, catalog

    def _run(
        self, transaction: Transaction, identity: UserIdentity | None, journal: str | None = None
    ) -> TransactionRun:
        """The run of a function that begins a transaction; those inside share its time."""
        time = RunTime(self._limits.run_time_s)
        circumstances = Circumstances.drawn(
            Moment(transaction.began_at_ns), self._randomness, identity
        )
        return TransactionRun(
            self, transaction, time, circumstances, Paging(self._cursors, journal)
        )

    def _queried(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Awaitable[Value]:
        """What a query answers; where that is checked, only if it answers the same again."""
        if not (self._repeats_queries and function.is_compared):
            return self._timed(function, args, run)
        execute = partial(self._timed, function, args)
        return Repetition(function.path, run, self._again(run), execute).answer()

    def _again(self, run: TransactionRun) -> TransactionRun:
        """A run that is given the same as this one, which has not begun; it uses its own limits."""
        ts = run.transaction.begin_ts
        transaction = self.transactions.begin(ts, is_read_only=True)
        time = RunTime(self._limits.run_time_s)
        paging = Paging(self._cursors, run.paging.journal)
        return TransactionRun(self, transaction, time, run.circumstances.again(), paging)

    def _timed(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Awaitable[Value]:
        return run.time.limit(self._run_in(function, args, run))

    def _run_in(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Coroutine[Any, Any, Value]:
        application = self.application
        tables = application.tables
        ctx: Ctx[Any]
        if function.called == "Mutation":
            ctx = self._mutation_ctx(run)
        else:
            reader = application.data_model.reader(run.transaction, tables, run.paging)
            ctx = QueryCtx(reader, application.services, run)
        return function.run(ctx, args, tables)

    def _mutation_ctx(self, run: TransactionRun) -> MutationCtx[Any, Any]:
        """What a mutation is given."""
        application = self.application
        if application.watched:
            return self._watched_ctx(run)
        writer = application.data_model.writer(run.transaction, application.tables, run.paging)
        return MutationCtx(writer, application.services, run)

    def _watched_ctx(
        self, run: TransactionRun, hooks: tuple[str, ...] = ()
    ) -> MutationCtx[Any, Any]:
        """What a mutation is given whose writes run hooks, or a hook that is inside of others."""

        def enter(part: Transaction, around: tuple[str, ...]) -> MutationCtx[Any, Any]:
            return self._watched_ctx(self._inside(run, part), around)

        application = self.application
        writer = application.data_model.writer(run.transaction, application.tables, run.paging)
        writer._watched = WatchedWrites(run.transaction, application.watched, enter, hooks)
        return MutationCtx(writer, application.services, run)

    def _inside(self, outer: TransactionRun, part: Transaction) -> TransactionRun:
        """The run of a function that another one calls, in its part of the transaction."""
        paging, circumstances = Paging(self._cursors), outer.circumstances.inside()
        return TransactionRun(self, part, outer.time, circumstances, paging)

    async def _run_action(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None
    ) -> Value:
        application = self.application
        ctx: ActionCtx[Any] = ActionCtx(application.services, self._calls_outside(identity))
        return await function.run(ctx, args, application.tables)

    def _calls_outside(self, identity: UserIdentity | None) -> CallsOfAction:
        circumstances = Circumstances.drawn(self._clock, self._randomness, identity)
        return CallsOfAction(self, self.transactions, circumstances)

    def _check_arguments(self, args: Value) -> None:
        if (size := len(dumps_canonical(args))) > self._limits.arguments_bytes:
            raise ArgumentsTooLarge(size, self._limits.arguments_bytes)

    def _encoded(self, result: Value) -> EncodedValue:
        encoded = dumps_canonical(result)
        if len(encoded) > self._limits.result_bytes:
            raise ResultTooLarge(len(encoded), self._limits.result_bytes)
        return EncodedValue(encoded)

    def _asked_for(
        self, path: str, called: str, args: JsonObject, caller: Caller
    ) -> tuple[RunnableFunction, Value]:
        public_only = not caller.may_call_internal
        function = self.application.functions.find(path, called, public_only=public_only)
        decoded = decode(args)
        self._check_arguments(decoded)
        return function, decoded


def _new_request_id() -> str:
    return secrets.token_hex(8)


def _id_of(request: SessionRequest | None) -> str:
    if request is None:
        return _new_request_id()
    return request_id_of(request.session_id, request.request_id)


def _called(ref: Ref[..., Any]) -> str:
    return {"mutation": "Mutation", "action": "Action"}.get(ref.spec.kind, "Query")


def _failed_route(failed: Failed) -> bytes:
    data = {} if failed.error_data is None else {"data": orjson.Fragment(failed.error_data)}
    return orjson.dumps({"code": failed.message, **data})
