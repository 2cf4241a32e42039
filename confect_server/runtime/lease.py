"""`Lease`: the word of this process that it lives, and what happens to the actions of dead ones.

A process that runs scheduled actions has a row that says until when nobody may give it up. It
writes that time anew while it runs some. Once it is over, any other process deletes the row and
says in the same transaction that all its actions have failed. So the word of a process that was
stopped for too long comes too late: it finds its actions in another state, and leaves them there.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from functools import partial
from typing import cast

import anyio

from confect_core.errors import DatabaseError
from confect_core.values import Interval, Value, decode_id
from confect_server.engine import ALL_RUNNERS, JOBS_BY_STATE, RUNNERS, Clock, Database, Transaction
from confect_server.runtime.alarm import Alarm
from confect_server.runtime.transactions import Transactions
from confect_server.scheduler.jobs import RUNNING_ACTIONS, failed, job_of, now_ms
from confect_server.scheduler.recurring import end_job, go_on_after

GIVEN_UP = "The process that ran the action is gone; it is not run again."

_BEATS = 3
_MS_PER_S = 1000
_PAUSE_S = 1.0

_log = logging.getLogger("confect")


class LeaseLost(DatabaseError):
    """The row of this process is gone: others have taken it for dead."""

    def __init__(self) -> None:
        super().__init__(
            "other processes have taken this one for dead",
            hint="raise lease_s in [tool.confect.scheduling], or let no handler block the loop",
        )


class Lease:
    """Keeps the row of this process while it runs actions, and gives up those of the others."""

    def __init__(
        self, database: Database, clock: Clock, transactions: Transactions, lease_s: float
    ) -> None:
        self._database = database
        self._clock = clock
        self._transactions = transactions
        self._lease_s = lease_s
        self._alarm = Alarm(database, clock)
        self._renewing = anyio.Lock()
        self._id: str | None = None
        self._expires_ms = 0.0
        self._actions = 0
        self._is_needed = anyio.Event()

    @contextmanager
    def held(self) -> Generator[None]:
        """Inside, an action runs here, and the lease is kept."""
        self._actions += 1
        self._is_needed.set()
        try:
            yield
        finally:
            self._actions -= 1

    async def renewed(self) -> str:
        """The id of the row of this process, which is good for a while."""
        async with self._renewing:
            lease_ms = self._lease_s * _MS_PER_S
            left_ms = self._expires_ms - self._clock.now_ns() / 1e6
            # more than a whole lease is left if the clock was set back
            if self._id is None or not lease_ms / 2 <= left_ms <= lease_ms:
                (id, self._expires_ms), _ = await self._transactions.write(self._renew)
                self._id = id
            return self._id

    def lose(self, runner: str) -> None:
        """The row with this id is gone; the next one is a new one."""
        if self._id == runner:
            self._id = None

    async def keep(self) -> None:
        """Renew the lease for as long as actions run, and give up those of dead processes."""
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._beat)
            tasks.start_soon(self._watch)

    async def _beat(self) -> None:
        while True:
            await self._is_needed.wait()
            await self._clock.sleep(self._lease_s / _BEATS)
            if not self._actions:
                self._is_needed = anyio.Event()
                continue
            try:
                await self.renewed()
            except Exception:
                _log.exception("the lease of this process could not be renewed; it goes on")

    async def _watch(self) -> None:
        while True:
            try:
                looked = self._database.begin(is_read_only=True)
                next_ms = await self._give_up_expired(looked)
            except Exception:
                _log.exception("looking for dead processes failed, and will be tried again")
                await self._clock.sleep(_PAUSE_S)
            else:
                await self._alarm.wait(looked, next_ms)

    async def _give_up_expired(self, looked: Transaction) -> float | None:
        """Give up the processes that are dead, and say when the next one may be."""
        next_ms: float | None = None
        async for found in looked.range(ALL_RUNNERS, Interval.all()):
            id, expires_ms = cast("str", found.document["_id"]), _expiry(found.document)
            if id == self._id:
                continue
            if expires_ms > now_ms(looked):
                next_ms = expires_ms if next_ms is None else min(next_ms, expires_ms)
            else:
                await self._transactions.write(partial(_give_up, id))
        return next_ms

    async def _renew(self, transaction: Transaction) -> tuple[str, float]:
        expires_ms = now_ms(transaction) + self._lease_s * _MS_PER_S
        fields: dict[str, Value] = {"expires": expires_ms}
        if self._id is not None and await transaction.replace(
            RUNNERS, decode_id(self._id)[1], fields
        ):
            return self._id, expires_ms
        return await transaction.insert(RUNNERS, fields), expires_ms


async def check_held(transaction: Transaction, runner: str) -> None:
    """Raise `LeaseLost` unless the process with this row was not given up."""
    if await transaction.get(RUNNERS, decode_id(runner)[1]) is None:
        raise LeaseLost


async def _give_up(id: str, transaction: Transaction) -> None:
    """Say that the actions of a dead process have failed, unless it lives after all."""
    row = await transaction.get(RUNNERS, decode_id(id)[1])
    if row is None or _expiry(row) > now_ms(transaction):
        return
    running = transaction.range(JOBS_BY_STATE, RUNNING_ACTIONS)
    for job in [job_of(each.document) async for each in running]:
        if job.runner == id:
            await end_job(transaction, job, failed(GIVEN_UP))
    await go_on_after(transaction, id)
    await transaction.delete(RUNNERS, decode_id(id)[1])


def _expiry(document: dict[str, Value]) -> float:
    return cast("float", document["expires"])
