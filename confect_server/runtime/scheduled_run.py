"""`ScheduledRun`: one run of a scheduled function, from its first attempt to what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Self

from confect_core.values import Value
from confect_server.engine import Transaction
from confect_server.log import Lines
from confect_server.observe import RunRecord
from confect_server.runtime.failure import tag_of
from confect_server.runtime.function_runner import FunctionRunner
from confect_server.runtime.outcome import Failed


class ScheduledRun:
    """Runs a function for nobody: a mutation in transactions, an action outside of any.

    Whoever observes runs is told of it when its context is left, if it has begun.
    """

    def __init__(
        self,
        runner: FunctionRunner,
        path: str,
        late_s: float,
        failed: Callable[[Exception, RunRecord], Failed],
    ) -> None:
        self._runner = runner
        self._failed = failed
        record = RunRecord(path, "Action", "schedule", attempts=0, late_s=late_s)
        self._record = runner.looked_up(record)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._record.attempts:
            self._runner.observers.ended(self._record)

    def begin(self, called: str) -> None:
        """Say that it begins, in the task that says that it has ended; each attempt does."""
        self._record.attempts += 1
        if self._record.attempts == 1:
            self._record.called = called
            self._runner.observers.begun(self._record)

    async def mutate(self, args: Value, transaction: Transaction) -> None:
        """Run a mutation as a part of a transaction; raises whatever it fails with."""
        record, lines = self._record, Lines()
        record.usage, record.lines = transaction.usage, lines
        self._runner.check_arguments(args)
        application = self._runner.application
        application.use.begin()
        try:
            function = application.functions.find(record.path, "Mutation", public_only=False)
            await self._runner.timed(function, args, self._runner.run(transaction, None, lines))
        finally:
            application.use.end()

    async def act(self, args: Value) -> None:
        """Run an action; raises whatever it fails with."""
        lines = self._runner.observers.lines_told_at_once(self._record)
        self._runner.check_arguments(args)
        functions = self._runner.application.functions
        function = functions.find(self._record.path, "Action", public_only=False)
        await self._runner.run_action(function, args, None, lines)

    def succeeded(self) -> None:
        """It has succeeded, which its row says."""
        self._record.outcome = "success"

    def failed(self, error: Exception) -> str:
        """What a caller would be told of its failure, which is logged."""
        if not self._record.attempts:
            self.begin(self._record.called)
        return self._failed(error, self._record).message

    def put_off(self, error: Exception) -> None:
        """The database could not do it now: it is undone with all that it has said."""
        self._record.outcome, self._record.error = "failed", tag_of(error)
        self._record.lines = None
