"""`FunctionRunner`: runs one function: as a transaction, as a part of one, or outside of any.

What a function is given, how often it runs, and how its result is encoded is decided here; who
asked for it, and what they are told of failures, is known to the `Executor`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any

from returns.result import Failure

from confect_core import Ref
from confect_core.handles import Handle
from confect_core.protocol import EncodedValue
from confect_core.values import Value, dumps_canonical
from confect_server.auth import UserIdentity
from confect_server.circumstances import Circumstances, Moment, seed_of
from confect_server.ctx import Calls, Ctx
from confect_server.db import Cursors, Paging
from confect_server.engine import (
    ArgumentsTooLarge,
    Catalog,
    Clock,
    Database,
    OutOfRetention,
    Randomness,
    ResultTooLarge,
    Transaction,
    check_fits,
    conflict_in,
)
from confect_server.environment import Variables
from confect_server.errors import (
    ActionInTransaction,
    FunctionGone,
    FunctionNotFound,
    MutationInQuery,
    WrongKind,
)
from confect_server.log import Lines
from confect_server.observe import Observers, RunRecord
from confect_server.runtime.application import Application
from confect_server.runtime.calls import CallsOfAction, TransactionRun
from confect_server.runtime.failure import kind_of, tag_of
from confect_server.runtime.functions import (
    DeclaredFailure,
    RunnableFunction,
)
from confect_server.runtime.repetition import Repetition
from confect_server.runtime.run_time import ActionTime, RunTime, timed
from confect_server.runtime.transactions import Transactions
from confect_server.storage import Files

_FAILURE: type = Failure

_FEW = 32
_SHORT = 1_000
_SURELY_ALLOWED = 2**20
"""As JSON, so few texts of so many characters are shorter than this, whatever they are called."""

NEWEST_ATTEMPTS = 4
"""How often a query is run at the newest snapshot known here, until one is found that is kept."""


class FunctionRunner:
    """Runs the functions of the application that it holds at the moment."""

    def __init__(
        self,
        database: Database,
        application: Application,
        files: Files,
        clock: Clock,
        randomness: Randomness,
        *,
        repeats_queries: bool = False,
    ) -> None:
        self.application = application
        self.files = files
        """The stored files of the database."""
        self.observers = Observers()
        """Who is told of every run."""
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._draw_seed = seed_of(randomness)
        self.cursors = Cursors(database.incarnation)
        """Seals where pages end."""
        self.limits = database.settings.limits
        """What each run may use."""
        self._action_s = database.settings.actions.timeout_s
        self._repeats_queries = repeats_queries
        self._fitting: tuple[Application, Catalog] | None = None
        self.transactions = Transactions(database, clock, randomness, self._check_schema)
        """Runs work on the database for as long as its tables are those of the application."""

    @property
    def variables(self) -> Variables:
        """The environment variables of the application."""
        return self.application.variables

    async def call(self, ref: Ref[..., Any], args: Value, outer: Calls) -> object:
        """Run a function for another one: inside its run, or else on behalf of its caller."""
        if not self.observers:
            return await self._call(ref, args, outer)
        record = self.looked_up(RunRecord(ref.path, _called(ref), "function"))
        self.observers.begun(record)
        try:
            answer = await self._call(ref, args, outer)
            record.outcome = "declared" if type(answer) is _FAILURE else "success"
            return answer
        except Exception as error:
            record.outcome, record.error = kind_of(error), tag_of(error)
            raise
        finally:
            self.observers.ended(record)

    async def _call(self, ref: Ref[..., Any], args: Value, outer: Calls) -> object:
        self.check_arguments(args)
        function = self._named_by(ref)
        application = self.application
        application.use.begin()
        try:
            if isinstance(outer, TransactionRun):
                value = await self._run_inside(function, args, outer)
            else:
                around = outer.circumstances
                value = await self.run_outside(function, args, around.identity, around.lines)
            self.encoded(value)
            return ref.call.decode_result(value)
        except DeclaredFailure as failure:
            decoded = ref.call.decode_error(failure.data)
            if decoded is None:
                raise failure.error from None
            return decoded
        finally:
            application.use.end()

    def _named_by(self, ref: Ref[..., Any]) -> RunnableFunction:
        try:
            return self.application.functions.find(ref.path, _called(ref), public_only=False)
        except (FunctionNotFound, WrongKind):
            if isinstance(ref, Handle):
                raise FunctionGone(ref.path, ref.names_kind) from None
            raise

    async def _run_inside(
        self, function: RunnableFunction, args: Value, outer: TransactionRun
    ) -> Value:
        if function.called == "Action":
            raise ActionInTransaction(function.path)
        if function.called == "Mutation" and outer.transaction.is_read_only:
            raise MutationInQuery(function.path)
        async with outer.transaction.nested(is_read_only=function.called == "Query") as part:
            return await self._run_in(function, args, outer.inside(part))

    async def run_outside(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None, lines: Lines
    ) -> Value:
        """What a function answers outside of any run, on behalf of somebody; what it says is added.

        Of a mutation that is what the last attempt has said.
        """
        if function.called == "Action":
            return await self.run_action(function, args, identity, lines)
        if function.called == "Query":
            return await self._at_newest(function, args, identity, lines)
        said = Lines()

        def attempt(transaction: Transaction) -> Awaitable[Value]:
            nonlocal said
            said = Lines()
            return self.timed(function, args, self.run(transaction, identity, said))

        try:
            value, _ = await self.transactions.write(attempt)
        finally:
            lines.add_all(said)
        return value

    async def _at_newest(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None, lines: Lines
    ) -> Value:
        """What a query answers that another function calls outside of any transaction."""
        for _ in range(NEWEST_ATTEMPTS - 1):
            with suppress(OutOfRetention):
                return await self._alone(function, args, identity, lines)
            await self._database.refresh()
        return await self._alone(function, args, identity, lines)

    async def _alone(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None, lines: Lines
    ) -> Value:
        transaction = self.transactions.begin(is_read_only=True)
        try:
            return await self.queried(function, args, self.run(transaction, identity, lines))
        except ExceptionGroup as several:
            conflict = conflict_in(several)
            if conflict is not None:
                raise conflict from several
            raise
        finally:
            transaction.end()

    def looked_up(self, record: RunRecord) -> RunRecord:
        """The record, which says for observers whether there is such a function."""
        if self.observers.everybody:
            record.is_known = self.application.functions.kind_at(record.path) is not None
        return record

    def check_schema(self) -> None:
        """Raise `OtherSchema` if another process has changed the tables under this application."""
        self._check_schema(self._database.catalog)

    def _check_schema(self, catalog: Catalog) -> None:
        """Raise `OtherSchema` if the tables of the application are not those of the database.

        Another process may have started a later version: what this one writes would not fit it.
        """
        application = self.application
        if self._fitting != (application, catalog):
            check_fits(application.data_model.declared, catalog)
            self._fitting = application, catalog

    def run(
        self,
        transaction: Transaction,
        identity: UserIdentity | None,
        lines: Lines | None = None,
        journal: str | None = None,
    ) -> TransactionRun:
        """The run of a function that begins a transaction; those inside share its time."""
        time = RunTime(self.limits.run_time_s)
        moment = Moment(transaction.began_at_ns)
        circumstances = Circumstances(moment, self._draw_seed, identity, None, lines)
        return TransactionRun(self, transaction, time, circumstances, Paging(self.cursors, journal))

    def queried(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Awaitable[Value]:
        """What a query answers; where that is checked, only if it answers the same again."""
        if not (self._repeats_queries and function.is_compared):
            return timed(self._run_in(function, args, run), run.time)
        execute = partial(self.timed, function, args)
        return Repetition(function.path, run, self._again(run), execute).answer()

    def _again(self, run: TransactionRun) -> TransactionRun:
        """A run that is given the same as this one, which has not begun; it uses its own limits."""
        transaction = self.transactions.begin(run.transaction.begin_ts, is_read_only=True)
        return run.again(transaction, RunTime(self.limits.run_time_s))

    def timed(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Awaitable[Value]:
        """What a function answers in a run, if that does not take too long."""
        return timed(self._run_in(function, args, run), run.time)

    def _run_in(
        self, function: RunnableFunction, args: Value, run: TransactionRun
    ) -> Coroutine[Any, Any, Value]:
        application = self.application
        run.path = function.path
        ctx: Ctx[Any]
        if function.called == "Mutation":
            ctx = application.mutation_ctx(run)
        else:
            ctx = application.query_ctx(run)
        return function.run(ctx, args, application.directory)

    async def run_action(
        self, function: RunnableFunction, args: Value, identity: UserIdentity | None, lines: Lines
    ) -> Value:
        """What an action answers, if that does not take too long."""
        application = self.application
        ctx = application.action_ctx(self.calls_outside(function.path, identity, lines))
        time = ActionTime(function.path, function.timeout_s or self._action_s)
        application.use.begin()
        try:
            return await timed(function.run(ctx, args, application.directory), time)
        finally:
            application.use.end()

    def calls_outside(
        self, path: str, identity: UserIdentity | None, lines: Lines
    ) -> CallsOfAction:
        """The calls of what runs outside of any transaction."""
        circumstances = Circumstances.drawn(self._clock, self._randomness, identity, lines)
        return CallsOfAction(self, self.transactions, circumstances, path)

    def check_arguments(self, args: Value) -> None:
        """Raise `ArgumentsTooLarge` if they are."""
        if self.limits.arguments_bytes >= _SURELY_ALLOWED and _is_short(args):
            return  # to write all of them takes three times as long
        if (size := len(dumps_canonical(args))) > self.limits.arguments_bytes:
            raise ArgumentsTooLarge(size, self.limits.arguments_bytes)

    def encoded(self, result: Value) -> EncodedValue:
        """The result as JSON; raises `ResultTooLarge`."""
        encoded = dumps_canonical(result)
        if len(encoded) > self.limits.result_bytes:
            raise ResultTooLarge(len(encoded), self.limits.result_bytes)
        return EncodedValue(encoded)


def _is_short(args: Value) -> bool:
    """Are arguments so few and so short that they are far below every limit?"""
    if type(args) is not dict or len(args) > _FEW:
        return False
    for value in args.values():
        if type(value) is str:
            if len(value) > _SHORT:
                return False
        elif type(value) is not float and type(value) is not bool and value is not None:
            return False
    return True


def _called(ref: Ref[..., Any]) -> str:
    return {"mutation": "Mutation", "action": "Action"}.get(ref.spec.kind, "Query")
