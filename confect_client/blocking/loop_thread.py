"""`LoopThread`: one asynchronous client in a thread of its own, for callers that block.

asyncio directly: `run_coroutine_threadsafe` takes 31 µs of CPU for a call that does nothing, and
anyio's portal 65 µs. And a client that is collected can only be ended by what never waits,
`call_soon_threadsafe`, because a collector runs in any thread, with any lock held.

What holds at every moment: nothing is given to a loop that will not come to it, because both giving
and ending are done under one lock. The thread does not know its `LoopThread`, so that a client that
is forgotten is collected, and ends. It is a daemon: a program that ends does not wait for it.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import threading
import warnings
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

from confect_client.errors import CallFromOwnLoop, ClientClosed, ClientForked

T = TypeVar("T")

_EXIT_S = 2.0
"""How long a program that ends waits for a client to say goodbye."""


class LoopThread:
    """Enters a context in an event loop of its own at the first call, and leaves it at the end.

    It starts that late so that a client that is made when a module is imported costs nothing and
    survives a fork. Any thread may call.
    """

    def __init__(self, context: AbstractAsyncContextManager[object]) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._loop: _Loop | None = None
        self._is_closed = False
        self._forget: weakref.finalize[..., LoopThread] | None = None

    def start(self) -> None:
        """Have the thread run; raises `ClientClosed` once it has ended."""
        self._running()

    def call(self, function: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """What the function gives in the loop; an interrupt of this thread cancels it there."""
        future = self._running().run(function)
        try:
            return future.result()
        except CancelledError:
            raise ClientClosed from None
        finally:
            future.cancel()

    def call_soon(self, function: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run a function in the loop if there still is one; waits for nothing, and never fails."""
        loop = self._loop
        if loop is not None and loop.is_ours:
            with contextlib.suppress(ClientClosed):
                loop.run(function)

    def close(self) -> None:
        """End the thread, and with `ClientClosed` all calls; more than once is fine."""
        with self._lock:
            self._is_closed = True
            loop = self._loop
        if loop is None or not loop.is_ours:
            return
        loop.end()
        if self._forget is not None:
            self._forget.detach()
        if threading.current_thread() is not loop.thread:
            loop.thread.join()

    def _running(self) -> _Loop:
        loop = self._loop
        if self._is_closed:
            raise ClientClosed
        if loop is None:
            with self._lock:
                if self._is_closed:
                    raise ClientClosed
                loop = self._loop or self._started()
        if not loop.is_ours:
            raise ClientForked
        if threading.current_thread() is loop.thread:
            raise CallFromOwnLoop
        return loop

    def _started(self) -> _Loop:
        loop = _Loop(self._context)
        loop.start()
        self._forget = weakref.finalize(self, loop.forgotten)
        self._forget.atexit = False
        self._loop = loop
        return loop


class _Loop:
    """The thread, its event loop and the context in it."""

    def __init__(self, context: AbstractAsyncContextManager[object]) -> None:
        self.thread = threading.Thread(target=self._run, name="confect-client", daemon=True)
        self._context = context
        self._pid = os.getpid()
        # Entered twice by a thread whose garbage is collected while it is in there.
        self._lock = threading.RLock()
        self._is_over = False
        self._started = Future[None]()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ends = asyncio.Event()

    @property
    def is_ours(self) -> bool:
        """Does the thread run in this process? A fork has copied everything but threads."""
        return self._pid == os.getpid()

    def start(self) -> None:
        """Return once the context is entered."""
        self.thread.start()
        try:
            self._started.result()
        except BaseException:  # also an interrupt of whoever waits
            self.end()
            raise
        atexit.register(self._exit)

    def run(self, function: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
        """Run a function in the loop; raises `ClientClosed` if it ends."""
        with self._lock:
            if self._is_over or self._loop is None:
                raise ClientClosed
            return asyncio.run_coroutine_threadsafe(function(), self._loop)

    def end(self) -> None:
        """Take nothing more, and leave the context."""
        atexit.unregister(self._exit)
        with self._lock:
            self._is_over = True
            if self._loop is not None:
                with contextlib.suppress(RuntimeError):  # it has ended by itself
                    self._loop.call_soon_threadsafe(self._ends.set)

    def forgotten(self) -> None:
        """End what nobody can call any more."""
        if self.is_ours:
            self.end()
            unclosed = "a blocking client was not closed: use `with`, or call close()"
            warnings.warn(unclosed, ResourceWarning, stacklevel=2)

    def _exit(self) -> None:
        if self.is_ours:
            self.end()
            self.thread.join(_EXIT_S)

    def _run(self) -> None:
        try:
            with asyncio.Runner() as runner:
                runner.run(self._live())
        except BaseException as error:
            if self._started.done():
                raise
            self._started.set_exception(error)

    async def _live(self) -> None:
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._is_over:
                return
        try:
            async with self._context:
                self._started.set_result(None)
                await self._ends.wait()
        finally:
            # All that was given before is queued ahead of the loop's end: it becomes a task yet,
            # which the runner cancels.
            with self._lock:
                self._is_over = True


async def in_own_thread(function: Callable[[], T], name: str) -> T:
    """What a function gives that blocks, run in a thread that ends with it.

    A daemon, so that what never returns keeps no program from ending. A thread that waited for more
    to do would outlive the client that it was started for.
    """
    answer = Future[T]()

    def run() -> None:
        answer.set_running_or_notify_cancel()
        try:
            given = function()
        except BaseException as error:
            answer.set_exception(error)
        else:
            answer.set_result(given)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(answer)
