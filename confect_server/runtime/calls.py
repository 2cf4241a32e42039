"""The calls that functions make: from an action, and from inside a transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Protocol, TypeVar

from confect_core import Ref
from confect_core.values import Value
from confect_server.circumstances import Circumstances
from confect_server.ctx import Calls, Run
from confect_server.db import Paging
from confect_server.engine import Transaction
from confect_server.environment import Variables
from confect_server.meta import Amount, Meta
from confect_server.runtime.run_time import RunTime
from confect_server.runtime.transactions import Transactions
from confect_server.storage import Files

T = TypeVar("T")


class Runner(Protocol):
    """Runs a function for another one."""

    files: Files

    @property
    def variables(self) -> Variables:
        """The environment variables of the application."""
        ...

    async def call(self, ref: Ref[..., Any], args: Value, outer: Calls) -> object:
        """What it answers: inside the run that calls it, or else in one of its own."""
        ...


class _CallsOfRunner(Calls):
    """What every function that runs is given by whoever runs it."""

    def __init__(self, runner: Runner, circumstances: Circumstances) -> None:
        super().__init__(circumstances)
        self._runner = runner

    async def call(self, ref: Ref[..., Any], args: Value) -> object:
        return await self._runner.call(ref, args, self)

    @property
    def variables(self) -> Variables:
        return self._runner.variables

    @property
    def files(self) -> Files:
        return self._runner.files


class CallsOfAction(_CallsOfRunner):
    """The calls that one action makes."""

    def __init__(
        self, runner: Runner, transactions: Transactions, circumstances: Circumstances, path: str
    ) -> None:
        super().__init__(runner, circumstances)
        self.path = path
        self._transactions = transactions

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        result, _ = await self._transactions.write(work)
        return result


class TransactionRun(_CallsOfRunner, Run):
    """One function that runs in a transaction, or in a part of it, and the calls that it makes."""

    def __init__(
        self,
        runner: Runner,
        transaction: Transaction,
        time: RunTime,
        circumstances: Circumstances,
        paging: Paging,
    ) -> None:
        super().__init__(runner, circumstances)
        self.transaction = transaction
        self.time = time
        self.paging = paging

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        return await work(self.transaction)

    def inside(self, part: Transaction) -> TransactionRun:
        """The run of a function that this one calls, in its part of the transaction."""
        paging, circumstances = self.paging.anew(), self.circumstances.inside()
        run = TransactionRun(self._runner, part, self.time, circumstances, paging)
        run.path = self.path  # until it is known which function it runs; hooks are of this one
        return run

    def again(self, transaction: Transaction, time: RunTime) -> TransactionRun:
        """A run that is given the same as this one, which has not begun."""
        paging, circumstances = self.paging.again(), self.circumstances.again()
        return TransactionRun(self._runner, transaction, time, circumstances, paging)

    def meta(self) -> Meta:
        self.circumstances.looked_at.time = True  # the run time is in it
        usage, limits = self.transaction.usage, self.transaction.usage.limits
        return Meta(
            documents_read=Amount(usage.documents_read, limits.documents_read),
            bytes_read=Amount(usage.bytes_read, limits.bytes_read),
            ranges_read=Amount(usage.ranges_read, limits.ranges_read),
            documents_written=Amount(usage.documents_written, limits.documents_written),
            bytes_written=Amount(usage.bytes_written, limits.bytes_written),
            functions_scheduled=Amount(usage.functions_scheduled, limits.functions_scheduled),
            bytes_scheduled=Amount(usage.bytes_scheduled, limits.bytes_scheduled),
            nesting=Amount(self.transaction.depth, limits.nesting),
            run_time_s=Amount(self.time.used_s, self.time.limit_s),
        )
