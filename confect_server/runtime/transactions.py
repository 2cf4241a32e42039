"""`Transactions`: work on the database, each piece as one transaction that is run until it wins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from confect_core.errors import DatabaseError
from confect_server.engine import (
    Catalog,
    Clock,
    Conflict,
    Database,
    OutcomeUnknown,
    Randomness,
    Transaction,
    Turn,
    conflict_in,
)
from confect_server.runtime.backoff import Backoff
from confect_server.store import StoreFailed

T = TypeVar("T")

FREE_ATTEMPTS = 3
"""How often a mutation may lose before it runs while nobody else commits."""


class Transactions:
    """Begins transactions, and runs those that write again until nobody was faster.

    `check` looks at the catalog that a transaction finds before it may write; what it raises ends
    the attempt.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        randomness: Randomness,
        check: Callable[[Catalog], None],
    ) -> None:
        self._database = database
        self._clock = clock
        self._randomness = randomness
        self._check = check
        self._limits = database.settings.limits

    def without_check(self) -> Transactions:
        """The same for work that fits every catalog, such as on system tables."""
        return Transactions(self._database, self._clock, self._randomness, lambda _: None)

    def begin(
        self, ts: int | None = None, *, is_read_only: bool = False, turn: Turn | None = None
    ) -> Transaction:
        """A transaction at a snapshot, the newest one unless told otherwise."""
        return self._database.begin(ts, is_read_only=is_read_only, limits=self._limits, turn=turn)

    async def write(
        self, attempt: Callable[[Transaction], Awaitable[T]], *, is_named: bool = False
    ) -> tuple[T, int]:
        """What an attempt gives once it wins, durably, and the timestamp of its commit.

        If nobody can say whether it was committed, an attempt that `is_named`, which looks for its
        own answer, is run again to find out: either its answer is there, or it never was.
        """
        backoff: Backoff | None = None
        for _ in range(FREE_ATTEMPTS):
            try:
                return await self._attempted(attempt, None)
            except Conflict:  # `suppress` costs half a microsecond
                pass
            except OutcomeUnknown:
                if not is_named:
                    raise
            backoff = backoff or Backoff(self._clock, self._randomness)
            await backoff.wait()
        async with self._database.turn() as turn:
            return await self._attempted(attempt, turn)

    async def _attempted(
        self, attempt: Callable[[Transaction], Awaitable[T]], turn: Turn | None
    ) -> tuple[T, int]:
        transaction = self.begin(turn=turn)
        self._check(transaction.catalog)
        try:
            result = await attempt(transaction)
        except Exception as error:
            conflict = conflict_in(error)
            if conflict is None:
                # why it failed may be something that it read and that is not durable yet
                await self._database.confirm(transaction)
            elif conflict is not error:
                raise conflict from error
            raise
        finally:
            transaction.end()
        try:
            return result, await self._database.commit(transaction, turn)
        except DatabaseError:
            raise
        except Exception as error:
            raise StoreFailed(error) from error
