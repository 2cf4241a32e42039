"""A store that fails or waits where a test says so."""

from __future__ import annotations

from collections.abc import Sequence

import anyio

from confect_server.store import Admission, Commit
from tests.server.stores import SuspendingAdmission, SuspendingStore


class Broken(Exception):
    """What this store raises."""


class FaultyStore(SuspendingStore):
    """Another store in front of which a test stands; whatever it sets holds for one admission."""

    fails_to_admit = False
    fails_to_append = False
    fails_before_commit = False
    fails_after_commit = False
    fails_to_say = False
    """Set until it is taken back: nobody learns whether a commit happened."""

    admissions = 0
    gate: anyio.Event | None = None
    """An admission waits for it before anything is committed."""

    async def admit(self) -> Admission:
        self.admissions += 1
        if self.fails_to_admit:
            self.fails_to_admit = False
            raise Broken("while admitting")
        return _FaultyAdmission(await super().admit(), self)

    async def ts_of(self, commit_id: bytes, after: int = 0) -> int | None:
        if self.fails_to_say:
            raise Broken("nobody knows")
        return await super().ts_of(commit_id, after)


class _FaultyAdmission(SuspendingAdmission):
    def __init__(self, admission: Admission, store: FaultyStore) -> None:
        super().__init__(admission)
        self._store = store

    async def append(self, commits: Sequence[Commit]) -> None:
        await super().append(commits)
        if self._store.fails_to_append:
            self._store.fails_to_append = False
            raise Broken("while appending")

    async def commit(self) -> None:
        store = self._store
        if store.gate is not None:
            await store.gate.wait()
        if store.fails_before_commit:
            store.fails_before_commit = False
            await self.abandon()
            raise Broken("before the commit")
        await super().commit()
        if store.fails_after_commit:
            store.fails_after_commit = False
            raise Broken("after the commit")
