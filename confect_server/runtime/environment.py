"""`RunningEnvironment`: the environment variables of a database, for whoever runs its server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from confect_server.engine import Clock, Database, Randomness, Transaction
from confect_server.environment import Environment, Variables, change, stored_variables
from confect_server.runtime.transactions import Transactions


class RunningEnvironment:
    """Reads and changes what is stored; `process` is the environment of this process.

    Where no application runs, `variables` declare nothing, and every value that fits is taken.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        randomness: Randomness,
        process: Mapping[str, str] | None = None,
    ) -> None:
        # whatever tables the application of another process has, variables are stored alike
        self._transactions = Transactions(database, clock, randomness, lambda _: None)
        self._database = database
        self._process = dict(process or {})
        self.variables = Variables()
        """What the application that runs declares."""

    async def fitting(self, declared: Iterable[type[Environment]]) -> Variables:
        """The variables of an application that may run; raises `BadVariables`."""
        variables = Variables(declared, self._process)
        variables.check(await self.stored())
        return variables

    async def stored(self) -> dict[str, str]:
        """Everything that is stored now."""
        transaction = self._database.begin(is_read_only=True)
        try:
            return await stored_variables(transaction)
        finally:
            transaction.end()

    async def change(self, changes: Mapping[str, str | None]) -> None:
        """Set variables, or remove them where None is given: all of them, durably, or none.

        Raises `VariableRefused`, or `BadVariables` if the application could not run with that.
        """

        async def attempt(transaction: Transaction) -> None:
            self.variables.check(await change(transaction, changes))

        await self._transactions.write(attempt)
