"""One task pushes to all sockets, and none of them has to wait for another."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.lowlevel import checkpoint

from confect_server.runtime import Backend
from confect_server.store import MemoryStore
from confect_server.transport.sync.pusher import Pusher
from tests.server.runtime.board import Runs, board


class Socket:
    """Something to push to, which does what it is made for."""

    def __init__(self, push: Callable[[], Awaitable[None]], *, is_known: bool = False) -> None:
        self._push = push
        self._is_known = is_known
        self.pushes = 0
        self.kept: anyio.CancelScope | None = None
        self.failures: list[Exception] = []
        self.is_over = anyio.Event()

    def push_at_once(self, newest_ts: int, answered_ts: int, now_ms: int) -> bool:
        assert answered_ts <= newest_ts
        self.pushes += self._is_known
        return self._is_known

    async def push(self, answered_ts: int) -> None:
        try:
            await self._push()
            self.pushes += 1
        finally:
            self.is_over.set()

    def keep(self, scope: anyio.CancelScope) -> None:
        self.kept = scope

    def fail(self, error: Exception) -> None:
        self.failures.append(error)


async def nothing() -> None:
    """A push that never waits."""


@asynccontextmanager
async def pushing() -> AsyncGenerator[Pusher]:
    async with Backend.open(board(Runs()), MemoryStore()) as backend:
        pusher = Pusher(backend)
        pusher.start()
        yield pusher


async def turns() -> None:
    """Let whatever does not wait go on to its end."""
    for _ in range(20):
        await checkpoint()


async def test_a_push_that_waits_holds_up_nobody_else() -> None:
    gate = anyio.Event()
    async with pushing() as pusher:
        waiting = [Socket(gate.wait) for _ in range(3)]
        others = [Socket(nothing) for _ in range(3)]
        for waits, other in zip(waiting, others, strict=True):
            pusher.add(waits)
            pusher.add(other)
        await turns()
        assert [other.pushes for other in others] == [1, 1, 1]
        assert all(each.kept is not None and each.pushes == 0 for each in waiting)
        assert all(other.kept is None for other in others)
        gate.set()
        await turns()
        assert [each.pushes for each in waiting] == [1, 1, 1]


async def test_a_push_that_waits_ends_with_its_socket_and_alone() -> None:
    async with pushing() as pusher:
        waits, other = Socket(anyio.sleep_forever), Socket(nothing)
        pusher.add(waits)
        await turns()
        assert waits.kept is not None
        waits.kept.cancel()
        await waits.is_over.wait()
        assert (waits.pushes, waits.failures) == (0, [])
        pusher.add(other)
        await turns()
        assert other.pushes == 1


@pytest.mark.parametrize("waits", [False, True])
async def test_a_push_that_fails_ends_its_own_socket(waits: bool) -> None:
    async def fail() -> None:
        if waits:
            await checkpoint()
        raise RuntimeError("it fails")

    async with pushing() as pusher:
        failing, other = Socket(fail), Socket(nothing)
        pusher.add(failing)
        pusher.add(other)
        await turns()
        assert [str(error) for error in failing.failures] == ["it fails"]
        assert (other.pushes, other.failures) == (1, [])


async def test_others_have_their_turn_while_a_thousand_are_told_what_is_known() -> None:
    async with pushing() as pusher:
        sockets = [Socket(nothing, is_known=True) for _ in range(1_000)]
        for each in sockets:
            pusher.add(each)
        seen: set[int] = set()
        while len(seen) < 100 and sum(each.pushes for each in sockets) < len(sockets):
            await checkpoint()
            seen.add(sum(each.pushes for each in sockets))
        assert len(seen) >= 4
        assert max(seen) == len(sockets)
