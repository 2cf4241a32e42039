"""`JobRuns`: runs scheduled functions: mutations exactly once, actions at most once.

A mutation's row gets its last state in the transaction that does everything else, so that it was
run if and only if the row says so. An action's row says that it runs before it does: whatever
happens then, nobody begins it again. What the database cannot do now is done later, as often as it
takes; only what a handler raises is a failure of the job.

While a new version of the application takes over, process by process, it schedules functions that
the others do not have. So a function that is not here is left to who has it, for some minutes.
Arguments that no longer fit have failed at once: a version has to take what the last one scheduled.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import TypeVar, cast

import anyio

from confect_core.values import Value
from confect_server.engine import (
    Clock,
    Database,
    DatabaseClosed,
    OutcomeUnknown,
    PausePoint,
    Randomness,
    Transaction,
    TurnTooLong,
    conflict_in,
)
from confect_server.errors import FunctionNotFound, WrongKind
from confect_server.runtime.executor import Executor
from confect_server.runtime.lease import Lease, LeaseLost, check_held
from confect_server.runtime.scheduled_run import ScheduledRun
from confect_server.runtime.transactions import Transactions
from confect_server.scheduler.jobs import (
    NS_PER_MS,
    Job,
    begin,
    canceled,
    failed,
    now_ms,
    postpone,
    read_job,
    succeeded,
)
from confect_server.scheduler.recurring import end_job, go_on
from confect_server.scheduler.running import running_job
from confect_server.store import DatabaseBusy, SnapshotForgotten

T = TypeVar("T")

FIRST_TROUBLE_S = 0.5
LONGEST_TROUBLE_S = 7200.0
"""A job that the database could not take is run again after a while, which doubles each time."""

STOPPED = "The server was stopped while the action ran; it is not run again."

PATIENCE = 10
"""So often a job is left to others whose function is unknown here: for eight minutes and a half."""
_GIVES_WAY_S = 0.05
"""How long others have who know it and wake at the same moment."""

_MOST_DOUBLINGS = 20
_MS_PER_S = 1000
_NS_PER_S = 1_000_000_000
_CLAIM_BYTES = 8
_LAST_WORD_S = 2.0
_NOT_THE_HANDLERS = (
    OutcomeUnknown,
    DatabaseClosed,
    TurnTooLong,
    DatabaseBusy,
    SnapshotForgotten,
    sqlite3.Error,
)

_log = logging.getLogger("confect")


class HandlerFailed(Exception):
    """A scheduled mutation was run and has failed, by what this was raised from."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class _UnknownHere(Exception):
    """This version of the application has no such function; that of another process may."""


class JobRuns:
    """Runs jobs, each from its row to what its row says afterwards."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        randomness: Randomness,
        executor: Executor,
        lease: Lease,
    ) -> None:
        self._pauses = database.pauses
        self._clock = clock
        self._randomness = randomness
        self._executor = executor
        self._lease = lease
        # how a job ended is written even if another process has changed the tables meanwhile
        self._transactions = Transactions(database, clock, randomness, lambda _: None)

    async def run(self, job: Job) -> None:
        """Run a job that is due, unless somebody else has or does; return once its row says how."""
        late_s = (self._clock.now_ns() - (job.due_ms or 0.0) * NS_PER_MS) / _NS_PER_S
        with self._executor.scheduled(job.path, late_s) as run:
            try:
                await self._run(job, run)
            except HandlerFailed as failure:
                told = run.failed(failure.error)
                await self._until_done(_ending(job, None, failed(told)))
            except _UnknownHere as unknown:
                _log.warning("%s is scheduled; other processes may have it: %s", job.path, unknown)
                await self._clock.sleep(_GIVES_WAY_S)
                await self._until_done(_postponing(job))
            except Exception as error:
                run.put_off(error)
                _log.exception("%s could not be run as scheduled, and will be later", job.path)
                await self._until_done(_postponing(job))

    async def _run(self, job: Job, run: ScheduledRun) -> None:
        try:
            called = self._executor.application.functions.kind_of(job.path, public_only=False)
        except FunctionNotFound as error:
            if job.troubles < PATIENCE:
                raise _UnknownHere(error.message) from error
            raise HandlerFailed(error) from error
        if called == "Query":
            raise HandlerFailed(WrongKind(job.path, "Mutation", called))
        await (self._run_mutation(job, run) if called == "Mutation" else self._run_action(job, run))

    async def _run_mutation(self, job: Job, run: ScheduledRun) -> None:
        async def attempt(transaction: Transaction) -> None:
            current = await read_job(transaction, job.id)
            if current is None or current.state != "pending":
                return  # it was run, or canceled
            await begin(transaction, current)
            run.begin("Mutation")
            try:
                with running_job(job.id):
                    await run.mutate(job.args, transaction)
            except Exception as error:
                if _is_trouble(error):
                    raise
                raise HandlerFailed(error) from error
            await self._pauses.reached(PausePoint.JOB_RAN)
            current = await read_job(transaction, job.id)
            if current is not None and current.state == "inProgress":
                await end_job(transaction, current, succeeded())

        await self._executor.runner.transactions.write(attempt, is_named=True)
        run.succeeded()
        await self._pauses.reached(PausePoint.JOB_ENDED)

    async def _run_action(self, job: Job, run: ScheduledRun) -> None:
        claim = self._randomness(_CLAIM_BYTES).hex()
        state = failed(STOPPED)
        with self._lease.held():
            try:
                if not await self._claimed(job, claim):
                    return
                await self._pauses.reached(PausePoint.JOB_CLAIMED)
                run.begin("Action")
                state = await self._outcome(job, run)
                await self._pauses.reached(PausePoint.JOB_RAN)
                await self._until_done(_ending(job, claim, state))
            except anyio.get_cancelled_exc_class():
                with anyio.move_on_after(_LAST_WORD_S, shield=True), suppress(Exception):
                    # if even this fails, it has failed once the lease of this process is over
                    await self._transactions.write(_ending(job, claim, state))
                raise
        await self._pauses.reached(PausePoint.JOB_ENDED)

    async def _claimed(self, job: Job, claim: str) -> bool:
        """Say that the action runs here, unless it was run or canceled; only one process can."""
        while True:
            runner = await self._until_done_by(self._lease.renewed)
            try:
                return await self._until_done(_claiming(job, claim, runner))
            except LeaseLost:
                self._lease.lose(runner)

    async def _outcome(self, job: Job, run: ScheduledRun) -> dict[str, Value]:
        """The state that an action ends in; when the server stops, it has a while to end."""

        async def act() -> dict[str, Value]:
            try:
                with running_job(job.id):
                    await run.act(job.args)
            except Exception as error:
                return failed(run.failed(error))
            run.succeeded()
            return succeeded()

        return await self._executor.underway.run(job.path, act) or failed(STOPPED)

    async def _until_done(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What a transaction gives, tried again until the database has taken it."""

        async def write() -> T:
            result, _ = await self._transactions.write(work, is_named=True)
            return result

        return await self._until_done_by(write)

    async def _until_done_by(self, write: Callable[[], Awaitable[T]]) -> T:
        troubles = 0
        while True:
            try:
                return await write()
            except LeaseLost:
                raise
            except Exception:
                _log.exception("the state of a scheduled function cannot be written; it goes on")
                await self._clock.sleep(_trouble_s(troubles))
                troubles += 1


def _claiming(job: Job, claim: str, runner: str) -> Callable[[Transaction], Awaitable[bool]]:
    async def work(transaction: Transaction) -> bool:
        current = await read_job(transaction, job.id)
        if current is None or current.state != "pending":
            return current is not None and (current.state, current.claim) == ("inProgress", claim)
        await check_held(transaction, runner)
        await begin(transaction, current, runner=runner, claim=claim)
        return True

    return work


def _ending(
    job: Job, claim: str | None, state: dict[str, Value]
) -> Callable[[Transaction], Awaitable[None]]:
    """Write how a job ended, if it is still where it was: nobody canceled it or gave it up."""
    since = "pending" if claim is None else "inProgress"

    async def work(transaction: Transaction) -> None:
        current = await read_job(transaction, job.id)
        if current is None and claim is not None:  # canceled so long ago that it is forgotten
            await go_on(transaction, job, canceled())
        if current is None or current.claim != claim:
            return
        if current.state == since:
            await end_job(transaction, current, state)
        elif claim is not None and current.state == "canceled":
            await go_on(transaction, current, canceled())

    return work


def _postponing(job: Job) -> Callable[[Transaction], Awaitable[None]]:
    async def work(transaction: Transaction) -> None:
        current = await read_job(transaction, job.id)
        if current is not None and current.state == "pending":
            wait_ms = _trouble_s(current.troubles) * _MS_PER_S
            await postpone(transaction, current, now_ms(transaction) + wait_ms)

    return work


def _trouble_s(troubles: int) -> float:
    return min(FIRST_TROUBLE_S * 2.0 ** min(troubles, _MOST_DOUBLINGS), LONGEST_TROUBLE_S)


def _is_trouble(error: Exception) -> bool:
    """Is it not the fault of the handler, so that another attempt may succeed?"""
    if isinstance(error, ExceptionGroup):  # of a handler that reads in several tasks
        return any(map(_is_trouble, cast("ExceptionGroup[Exception]", error).exceptions))
    return conflict_in(error) is not None or isinstance(error, _NOT_THE_HANDLERS)
