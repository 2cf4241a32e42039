"""`Executor`: every entry comes through here: socket, HTTP, command line, tests.

A query runs at one snapshot and says what it read. A mutation runs as one transaction, again and
again until nobody was faster, and is answered once it is durable; a declared error or a defect
rolls it back. An action runs outside any transaction and calls the others.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response

from confect_core.protocol import JsonObject
from confect_core.values import Value, decode
from confect_server.engine import (
    Database,
    OutcomeUnknown,
    OutOfRetention,
    Transaction,
    conflict_in,
)
from confect_server.errors import (
    ActionStopped,
)
from confect_server.http import Route
from confect_server.log import Lines
from confect_server.observe import CallerKind, RunRecord
from confect_server.runtime.application import Application
from confect_server.runtime.caller import CLIENT, Caller
from confect_server.runtime.failure import Failures, kind_of, tag_of, unavailability_of
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
from confect_server.runtime.requests import SessionRequest, answer_id, answer_to, record_answer
from confect_server.runtime.run_time import ActionTime, timed
from confect_server.runtime.scheduled_run import ScheduledRun
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
        self.scheduled_runs = 0
        """How many scheduled functions run."""
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
        result = await self.query_at(path, args, caller, ts, journal)
        if ts is not None or not result.is_out_of_retention:
            return result
        return await self.at_newer(lambda: self.query_at(path, args, caller, None, journal))

    async def at_newer(self, answer: Callable[[], Awaitable[QueryResult]]) -> QueryResult:
        """An answer at a newer snapshot than the one known here, which is no longer kept."""
        for _ in range(NEWEST_ATTEMPTS - 2):
            await self._database.refresh()  # others have committed, and nobody here was told
            result = await answer()
            if not result.is_out_of_retention:
                return result
        await self._database.refresh()
        return await answer()

    async def query_at(
        self, path: str, args: JsonObject, caller: Caller, ts: int | None, journal: str | None
    ) -> QueryResult:
        """Run a query at a snapshot, which may be one that is no longer kept."""
        runner = self.runner
        transaction = self._database.begin(ts, is_read_only=True, limits=runner.limits)
        run = runner.run(transaction, caller.identity, None, journal)
        use, record = runner.application.use, self._begun(path, "Query", caller)
        record.usage, record.lines = transaction.usage, run.circumstances.lines
        use.begin()
        is_out_of_retention = False
        outcome: RunOutcome
        try:
            function, decoded = self._asked_for(path, "Query", args, caller)
            encoded = runner.encoded(await runner.queried(function, decoded, run))
            outcome = Succeeded(encoded, self._lines_of(record))
            record.outcome, record.result_bytes = "success", len(encoded)
        except Exception as error:
            is_out_of_retention = isinstance(conflict_in(error), OutOfRetention)
            outcome = self._failed(error, record)
        finally:
            transaction.end()
            use.end()
            runner.observers.ended(record)
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
            record.usage, record.lines = transaction.usage, Lines()
            kept_at = None if request is None else answer_id(request)
            if kept_at is not None:
                answered = await answer_to(kept_at, transaction)
                if answered is not None:
                    record.result_bytes = len(answered.value)
                    outcome = Succeeded(answered.value, answered.log_lines)
                    return MutationResult(outcome, answered.ts)
            use = self.runner.application.use
            use.begin()
            try:
                function, decoded = self._asked_for(path, "Mutation", args, caller)
                run = self.runner.run(transaction, caller.identity, record.lines)
                encoded = self.runner.encoded(await self.runner.timed(function, decoded, run))
            finally:
                use.end()
            outcome = Succeeded(encoded, self._lines_of(record))
            if request is not None and kept_at is not None:
                await record_answer(kept_at, request, outcome, transaction)
            record.result_bytes = len(encoded)
            return MutationResult(outcome, None)

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
        record = self._record(path, "Action", caller, request)

        async def act() -> RunOutcome:
            self.runner.observers.begun(record)  # a span is that of the task that it begins in
            try:
                function, decoded = self._asked_for(path, "Action", args, caller)
                lines = self.runner.observers.lines_told_at_once(record)
                value = await self.runner.run_action(function, decoded, caller.identity, lines)
                encoded = self.runner.encoded(value)
                record.outcome, record.result_bytes = "success", len(encoded)
                return Succeeded(encoded, self._lines_of(record))
            except Exception as error:
                return self._failed(error, record)
            finally:
                self.runner.observers.ended(record)

        outcome = await self.underway.run(path, act)
        if outcome is None:
            stopped = ActionStopped(path, self._actions.grace_s)
            return self._told(stopped, record)
        return outcome

    async def run_route(
        self, route: Route[Any], request: Request, caller: Caller = CLIENT
    ) -> Response:
        """Let a route answer a request; whatever it raises is an answer too.

        A token that was refused is known to the route alone: functions that it calls see nobody.
        """
        application, path = self.application, f"{route.method} {route.path}"
        time = ActionTime(path, self._actions.timeout_s)
        record = self.runner.observers.begun(RunRecord(path, "Route", _kind_of(caller)))
        lines = self.runner.observers.lines_told_at_once(record)
        calls = self.runner.calls_outside(path, caller.identity, lines)
        calls.circumstances.refusal = caller.refusal
        ctx = application.action_ctx(calls)
        application.use.begin()
        try:
            response = await timed(route.answer(ctx, request, application.directory), time)
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
            record = self._begun(path, "Query", caller)
            try:
                return self._failed(error, record)
            finally:
                self.runner.observers.ended(record)
        if called == "Mutation":
            return (await self.run_mutation(path, args, caller)).outcome
        if called == "Action":
            return await self.run_action(path, args, caller)
        return (await self.run_query(path, args, caller)).outcome

    @contextmanager
    def scheduled(self, path: str, late_s: float) -> Generator[ScheduledRun]:
        """Inside, a function is run for nobody, so much later than it was due."""
        self.scheduled_runs += 1
        try:
            with ScheduledRun(self.runner, path, late_s, self._failed) as run:
                yield run
        finally:
            self.scheduled_runs -= 1

    def _begun(
        self, path: str, called: str, caller: Caller, request: SessionRequest | None = None
    ) -> RunRecord:
        """The record of a run by an entry."""
        record = self._record(path, called, caller, request)
        if self.runner.observers.tracer is not None:
            self.runner.observers.begun(record)
        return record

    def _record(
        self, path: str, called: str, caller: Caller, request: SessionRequest | None
    ) -> RunRecord:
        named = None if request is None else (request.session_id, request.request_id)
        record = RunRecord(path, called, _kind_of(caller), named)
        return self.runner.looked_up(record) if self.runner.observers.everybody else record

    def _failed(self, error: Exception, record: RunRecord) -> Failed:
        record.outcome, record.error = kind_of(error), tag_of(error)
        told = self._told(error, record)
        if record.called in ("Action", "Route"):  # of which something may have happened
            return told
        is_unsure = isinstance(error, OutcomeUnknown)
        return replace(told, unavailable=unavailability_of(error), is_unsure=is_unsure)

    def _told(self, error: Exception, record: RunRecord) -> Failed:
        self.runner.observers.tell_lines(record)  # what was said comes before what went wrong
        told = self._failures.told(error, record.path, record.request_id)
        return replace(told, log_lines=self._lines_of(record))

    def _lines_of(self, record: RunRecord) -> tuple[str, ...]:
        """What its caller is told of what a run has said."""
        return () if record.lines is None or self._failures.redacts else record.lines.texts()

    def _asked_for(
        self, path: str, called: str, args: JsonObject, caller: Caller
    ) -> tuple[RunnableFunction, Value]:
        public_only = not caller.may_call_internal
        function = self.runner.application.functions.find(path, called, public_only=public_only)
        decoded = decode(args)
        self.runner.check_arguments(decoded)
        return function, decoded


def _kind_of(caller: Caller) -> CallerKind:
    return "admin" if caller.may_call_internal else "client"


def _failed_route(failed: Failed) -> bytes:
    data = {} if failed.error_data is None else {"data": orjson.Fragment(failed.error_data)}
    first, _, uncaught = failed.message.partition("\n")
    if not uncaught:  # nobody is told more
        return orjson.dumps({"code": first, **data})
    code = f"{first}: {uncaught.splitlines()[0]}"
    return orjson.dumps({"code": code, "trace": failed.message, **data})
