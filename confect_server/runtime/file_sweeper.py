"""`FileSweeper`: removes the bytes of files that were deleted, and those that no file ever had."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from functools import partial

from confect_server.engine import Clock, Database, PausePoint, Transaction
from confect_server.runtime.alarm import Alarm
from confect_server.runtime.transactions import Transactions
from confect_server.storage import Blobs
from confect_server.storage.rows import DeletedBlob, deleted_blobs, forget_blob, give_up, is_known

_AT_ONCE = 100
_RETRY_S = 60
_MS_PER_S = 1_000
_NS_PER_MS = 1_000_000

_log = logging.getLogger("confect")


class FileSweeper:
    """Sleeps until there is something to remove; in every process of a database, each step once.

    Bytes go before what leads to them, so that a crash in between leaves something to go on from.
    """

    def __init__(
        self, database: Database, transactions: Transactions, blobs: Blobs, clock: Clock
    ) -> None:
        self._database = database
        self._transactions = transactions
        self._blobs = blobs
        self._clock = clock
        self._alarm = Alarm(database, clock)
        self._settings = database.settings.storage

    async def run(self) -> None:
        """Remove what is to go, when it is to go, until cancelled.

        What goes wrong, with the disk for example, is logged and tried again after a minute.
        """
        orphans_at_ms = self._now_ms()
        while True:
            looked: Transaction | None = None
            try:
                if self._now_ms() >= orphans_at_ms:
                    await self.remove_orphans()
                    orphans_at_ms = self._now_ms() + self._settings.orphan_s * _MS_PER_S
                looked, due_at_ms = await self.remove_deleted()
                until_ms = min(orphans_at_ms, due_at_ms or orphans_at_ms)
            except Exception:
                _log.exception("removing the bytes of files failed, and will be tried again")
                until_ms = self._now_ms() + _RETRY_S * _MS_PER_S
            await self._alarm.wait(looked, until_ms)

    async def remove_deleted(self) -> tuple[Transaction, float | None]:
        """Remove the bytes of files that were deleted a while ago.

        Gives the transaction that has found no more of them, and when the next one is to go.
        """
        while True:
            transaction = self._transactions.begin(is_read_only=True)
            blobs = [each async for each in deleted_blobs(transaction, _AT_ONCE)]
            transaction.end()
            kept_ms = self._settings.deleted_s * _MS_PER_S
            due = [each for each in blobs if each.deleted_at_ms + kept_ms <= self._now_ms()]
            if not due:
                return transaction, blobs[0].deleted_at_ms + kept_ms if blobs else None
            for blob in due:
                await self._blobs.delete(blob.key)
                await self._database.pauses.reached(PausePoint.FILE_REMOVED)
                await self._transactions.write(_forgetting(blob))

    async def remove_orphans(self) -> None:
        """Remove bytes that have waited for their file for so long that none will come.

        They are marked as deleted first. The mark is a write, and so a conflict with whoever makes
        a file of them at the same time, in any process; and this one may have been told of nothing
        for long, but what it writes is checked against everything.
        """
        before_s = self._now_ms() / _MS_PER_S - self._settings.orphan_s
        async for key in self._blobs.stored_before(before_s):
            is_given_up, _ = await self._transactions.write(partial(self._gives_up, key))
            if is_given_up:
                await self._blobs.delete(key)

    async def _gives_up(self, key: str, transaction: Transaction) -> bool:
        if await is_known(transaction, key):
            return False
        await give_up(transaction, key, self._now_ms())
        return True

    def _now_ms(self) -> float:
        return self._clock.now_ns() / _NS_PER_MS


def _forgetting(blob: DeletedBlob) -> Callable[[Transaction], Awaitable[None]]:
    return lambda transaction: forget_blob(transaction, blob)
