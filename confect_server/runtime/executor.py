"""`Executor`: every entry comes through here: socket, HTTP, command line, tests.

A query runs at one snapshot and says what it read. A mutation runs as one transaction, again and
again until nobody was faster, and is answered once it is durable; a declared error or a defect
rolls it back. An action runs outside any transaction and calls the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from confect_core.protocol import JsonObject
from confect_core.values import Value, decode
from confect_server.engine import (
    Database,
    OutOfRetention,
    Transaction,
    conflict_in,
)
from confect_server.errors import (
    ActionStopped,
)
from confect_server.http import Route
from confect_server.observe import CallerKind, RunRecord
from confect_server.runtime.application import Application
from confect_server.runtime.caller import CLIENT, Caller
from confect_server.runtime.failure import Failures, kind_of, tag_of
from confect_server.runtime.function_runner import NEWEST_ATTEMPTS, FunctionRunner
from confect_server.runtime.functions import (
    RunnableFunction,
)
from confect_server.runtime.outcome import (
    Failed,
    MutationResult,
    QueryResult,
    RunOutcome,
    Succeeded,
)
from confect_server.runtime.requests import SessionRequest, answer_to, record_answer
from confect_server.runtime.run_time import ActionTime
from confect_server.runtime.underway import Underway


class Executor:
    """Runs the functions of the application that it holds at the moment."""

    def __init__(
        self, database: Database, runner: FunctionRunner, failures: Failures, underway: Underway
    ) -> None:
        self.runner = runner
        """Runs each function."""
        self.underway = underway
        """The actions that run."""
        self._database = database
        self._failures = failures
        self._actions = database.settings.actions

    @property
    def application(self) -> Application:
        """What runs at the moment."""
        return self.runner.application

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
        transaction = self.runner.transactions.begin(ts, is_read_only=True)
        run = self.runner.run(transaction, caller.identity, journal)
        use, record = self.application.use, self._begun(path, "Query", caller)
        record.usage = transaction.usage
        use.begin()
        is_out_of_retention = False
        outcome: RunOutcome
        try:
            function, decoded = self._asked_for(path, "Query", args, caller)
            encoded = self.runner.encoded(await self.runner.queried(function, decoded, run))
            outcome = Succeeded(encoded)
            record.outcome, record.result_bytes = "success", len(encoded)
        except Exception as error:
            is_out_of_retention = isinstance(conflict_in(error), OutOfRetention)
            outcome = self._failed(error, record)
        finally:
            transaction.end()
            use.end()
            self.runner.observers.ended(record)
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
        record = self._begun(path, "Mutation", caller, request)
        record.attempts = 0

        async def attempt(transaction: Transaction) -> MutationResult:
            record.attempts += 1
            record.usage = transaction.usage
            if request is not None:
                answered = await answer_to(request, transaction)
                if answered is not None:
                    record.result_bytes = len(answered.value)
                    return MutationResult(Succeeded(answered.value), answered.ts)
            use = self.application.use
            use.begin()
            try:
                function, decoded = self._asked_for(path, "Mutation", args, caller)
                run = self.runner.run(transaction, caller.identity)
                encoded = self.runner.encoded(await self.runner.timed(function, decoded, run))
            finally:
                use.end()
            if request is not None:
                await record_answer(request, encoded, transaction)
            record.result_bytes = len(encoded)
            return MutationResult(Succeeded(encoded), None)

        try:
            result, ts = await self.runner.transactions.write(attempt, is_named=request is not None)
            record.outcome = "success"
        except Exception as error:
            return MutationResult(self._failed(error, record), None)
        finally:
            self.runner.observers.ended(record)
        return result if result.ts is not None else MutationResult(result.outcome, ts)

    async def run_action(
        self, path: str, args: JsonObject, caller: Caller, request: SessionRequest | None = None
    ) -> RunOutcome:
        """Run an action to its end, even if who asks for it does not wait for that."""
        record = _record(path, "Action", caller, request)

        async def act() -> RunOutcome:
            self.runner.observers.begun(record)  # a span is that of the task that it begins in
            try:
                function, decoded = self._asked_for(path, "Action", args, caller)
                value = await self.runner.run_action(function, decoded, caller.identity)
                encoded = self.runner.encoded(value)
                record.outcome, record.result_bytes = "success", len(encoded)
                return Succeeded(encoded)
            except Exception as error:
                return self._failed(error, record)
            finally:
                self.runner.observers.ended(record)

        outcome = await self.underway.run(path, act)
        if outcome is None:
            stopped = ActionStopped(path, self._actions.grace_s)
            return self._failures.told(stopped, path, record.request_id)
        return outcome

    async def run_route(
        self, route: Route[Any], request: Request, caller: Caller = CLIENT
    ) -> Response:
        """Let a route answer a request; whatever it raises is an answer too.

        A token that was refused is known to the route alone: functions that it calls see nobody.
        """
        application, calls = self.application, self.runner.calls_outside(caller.identity)
        calls.circumstances.refusal = caller.refusal
        ctx = application.action_ctx(calls)
        path = f"{route.method} {route.path}"
        time, record = ActionTime(path, self._actions.timeout_s), self._begun(path, "Route", caller)
        application.use.begin()
        try:
            response = await time.limit(route.answer(ctx, request, application.tables))
            record.outcome = "success"
            return response
        except HTTPException as refused:
            record.outcome = "refused"
            return PlainTextResponse(refused.detail, refused.status_code, refused.headers)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except Exception as error:
            told = self._failed(error, record)
            return Response(_failed_route(told), 500, media_type="application/json")
        finally:
            application.use.end()
            self.runner.observers.ended(record)

    async def run_any(self, path: str, args: JsonObject, caller: Caller) -> RunOutcome:
        """Run a function as whatever it is."""
        functions = self.application.functions
        public_only = not caller.may_call_internal
        try:
            called = functions.kind_of(path, public_only=public_only)
        except Exception as error:
            return self._failed(error, RunRecord(path, "Query", _kind_of(caller)))
        if called == "Mutation":
            return (await self.run_mutation(path, args, caller)).outcome
        if called == "Action":
            return await self.run_action(path, args, caller)
        return (await self.run_query(path, args, caller)).outcome

    async def run_scheduled(self, path: str, args: Value, inside: Transaction | None) -> None:
        """Run a function for nobody: a mutation in a transaction, an action outside of any.

        Raises whatever it fails with; `told` is what a caller would know of that.
        """
        self.runner.check_arguments(args)
        functions = self.application.functions
        if inside is None:
            action = functions.find(path, "Action", public_only=False)
            await self.runner.run_action(action, args, None)
            return
        mutation = functions.find(path, "Mutation", public_only=False)
        await self.runner.timed(mutation, args, self.runner.run(inside, None))

    def told(self, error: Exception, path: str) -> str:
        """What the caller of a function would be told of a failure, which is logged."""
        return self._failed(error, RunRecord(path, "Action", "admin")).message

    def _begun(
        self, path: str, called: str, caller: Caller, request: SessionRequest | None = None
    ) -> RunRecord:
        """The record of a run by an entry."""
        return self.runner.observers.begun(_record(path, called, caller, request))

    def _failed(self, error: Exception, record: RunRecord) -> Failed:
        record.outcome, record.error = kind_of(error), tag_of(error)
        return self._failures.told(error, record.path, record.request_id)

    def _asked_for(
        self, path: str, called: str, args: JsonObject, caller: Caller
    ) -> tuple[RunnableFunction, Value]:
        public_only = not caller.may_call_internal
        function = self.application.functions.find(path, called, public_only=public_only)
        decoded = decode(args)
        self.runner.check_arguments(decoded)
        return function, decoded


def _record(path: str, called: str, caller: Caller, request: SessionRequest | None) -> RunRecord:
    named = None if request is None else (request.session_id, request.request_id)
    return RunRecord(path, called, _kind_of(caller), named)


def _kind_of(caller: Caller) -> CallerKind:
    return "admin" if caller.may_call_internal else "client"


def _failed_route(failed: Failed) -> bytes:
    data = {} if failed.error_data is None else {"data": orjson.Fragment(failed.error_data)}
    return orjson.dumps({"code": failed.message, **data})
