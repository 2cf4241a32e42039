"""`Watchdog`: notices that something holds up the loop, says which line of which function, ends it.

While a handler computes or blocks nobody else is served. So a thread looks whether the loop still
answers, and when it does not, at what it is doing. The loop's part of that is one callback in every
`_BEAT_S`.

What goes on for too long is ended by a signal to the thread of the loop. Its handler is called
there, between two steps of whatever runs, and so can look and raise in one: only where the stack
ends in the code of a function of the application, with nothing of ours on top that an error would
leave half done. Else the next beat tries again. Rejected: raising in the thread from another one,
which may hit whatever comes next.
"""

from __future__ import annotations

import logging
import math
import signal
import sys
import sysconfig
import threading
from asyncio import AbstractEventLoop, get_running_loop
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from time import monotonic, process_time
from types import FrameType

from confect_core.errors import Where
from confect_server.errors import HeldUpTooLong

_BEAT_S = 0.25
_SIGNAL: int | None = getattr(signal, "SIGURG", None)
"""Ignored where nobody handles it, and used by nothing in Python; Windows has none."""
_PACKAGES = tuple(
    str(Path(__file__).parents[1].with_name(name)) + "/"
    for name in ("confect_server", "confect_core")
)
_LIBRARIES = ("<", *(sysconfig.get_paths()[each] for each in ("stdlib", "purelib", "platlib")))

_HINT = "await what it waits for, or make it an action with blocking=True or process=True"

_log = logging.getLogger("confect")


class Watchdog:
    """Watches the loop that it is entered on, from a thread of its own."""

    def __init__(
        self,
        blocked_s: float,
        held_s: float = math.inf,
        clock: Callable[[], float] = monotonic,
        computed: Callable[[], float] = process_time,
    ) -> None:
        self.lag_s = 0.0
        """How late the loop was when it last answered."""
        self._blocked_s = blocked_s
        self._held_s = held_s
        self._clock = clock
        self._computed = computed
        self._beat_at_s = self._looked_at_s = clock()
        self._had_computed_s = computed()
        self._told_of_s: float | None = None

    @asynccontextmanager
    async def watching(self) -> AsyncGenerator[None]:
        """Inside, the loop is watched."""
        loop, stopped = get_running_loop(), threading.Event()
        self._beat_at_s = self._looked_at_s = self._clock()
        self._had_computed_s = self._computed()
        beat = loop.call_later(_BEAT_S, self._beat, loop, stopped)
        watched = threading.get_ident()
        thread = threading.Thread(
            target=self._watch, args=(watched, stopped), name="confect watchdog", daemon=True
        )
        with self._hearing():
            thread.start()
            try:
                yield
            finally:
                stopped.set()
                beat.cancel()
                thread.join()

    def look(self, thread_id: int) -> None:
        """Say what the loop is doing, once, if it has not answered for too long; or end it."""
        beat_at_s, for_s = self._beat_at_s, self._waiting_s()
        if for_s >= self._held_s and _SIGNAL is not None:
            signal.pthread_kill(thread_id, _SIGNAL)
        if for_s < self._blocked_s or beat_at_s == self._told_of_s:
            return
        self._told_of_s = beat_at_s
        frame = sys._current_frames().get(thread_id)
        function, where = found_in(frame)
        told = "%s has held up the server for %.1f s%s (%s)"
        place = f", at {where}" if where else ""
        about = {"function": function}
        _log.warning(told, function or "something", for_s, place, _HINT, extra=about)

    def stood_still(self) -> bool:
        """Has the whole process been stopped since this was asked last? Time begins anew then.

        It has if this thread is late as well and nobody has computed: a debugger, ^Z, a machine
        that slept. A thread that computes and lets no other run makes this one late, too.
        """
        looked_at_s, had_computed_s = self._looked_at_s, self._had_computed_s
        now_s = self._looked_at_s = self._clock()
        self._had_computed_s = self._computed()
        late_s = now_s - looked_at_s - _BEAT_S
        if late_s < self._blocked_s or self._had_computed_s - had_computed_s > late_s / 2:
            return False
        self._beat_at_s = now_s
        return True

    def _waiting_s(self) -> float:
        return self._clock() - self._beat_at_s - _BEAT_S

    @contextmanager
    def _hearing(self) -> Generator[None]:
        """Inside, the signal ends what holds up the loop; only the main thread can be told."""
        is_main = threading.current_thread() is threading.main_thread()
        if _SIGNAL is None or not is_main or self._held_s == math.inf:
            self._held_s = math.inf
            yield
            return
        before = signal.signal(_SIGNAL, self._end)
        try:
            yield
        finally:
            signal.signal(_SIGNAL, before)

    def _end(self, _number: int, frame: FrameType | None) -> None:
        held_s = self._waiting_s()
        if held_s < self._held_s or not _is_in_users_code(frame):
            return
        path, where = found_in(frame)
        if path is not None:
            raise HeldUpTooLong(path, held_s, where)

    def _watch(self, thread_id: int, stopped: threading.Event) -> None:
        while not stopped.wait(_BEAT_S):
            if not self.stood_still():
                self.look(thread_id)

    def _beat(self, loop: AbstractEventLoop, stopped: threading.Event) -> None:
        now_s = self._clock()
        self.lag_s = max(0.0, now_s - self._beat_at_s - _BEAT_S)
        self._beat_at_s = now_s
        if not stopped.is_set():
            loop.call_later(_BEAT_S, self._beat, loop, stopped)


def _is_in_users_code(frame: FrameType | None) -> bool:
    """Is it the user's code that runs, or a library on its behalf, and nothing of ours?"""
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGES):
            return False
        if not file.startswith(_LIBRARIES):
            return True
        frame = frame.f_back
    return False


def found_in(frame: FrameType | None) -> tuple[str | None, Where | None]:
    """The function whose handler a stack is in, and the innermost line of the user's code."""
    where: Where | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if file.startswith(_PACKAGES):
            runs: object = frame.f_locals.get("self") if frame.f_code.co_name == "run" else None
            path = getattr(runs, "path", None)
            if isinstance(path, str):
                return path, where
        elif where is None and not file.startswith(_LIBRARIES):
            where = Where(file, frame.f_lineno)
        frame = frame.f_back
    return None, where
