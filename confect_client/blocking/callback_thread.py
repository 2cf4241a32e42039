"""`CallbackThread`: calls a program back in a thread in which it may block, and call the client."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, Generic, TypeVar

from confect_client.errors import ClientClosed

T = TypeVar("T")

_PATIENCE_S = 5.0
"""How long is waited, at the end, for a callback that does not return."""

_log = logging.getLogger("confect_client")


class CallbackThread:
    """Makes one call after the other; it starts with the first callback and ends with `close`.

    The thread knows its queue only, so that it ends when nobody can add to that any more.
    """

    def __init__(self) -> None:
        self._due = SimpleQueue["Callback[Any] | None"]()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Have it run; again is fine."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(
                    target=_call_back,
                    args=(self._due,),
                    name="confect-client callbacks",
                    daemon=True,
                )
                self._thread.start()
                weakref.finalize(self, self._due.put, None).atexit = False

    def close(self) -> None:
        """Call nobody any more; waits a while for a callback that is under way."""
        with self._lock:
            thread = self._thread
        if thread is not None:
            self._due.put(None)
            if thread is not threading.current_thread():
                thread.join(_PATIENCE_S)

    def add(self, callback: Callback[T]) -> None:
        """Make this call when its turn comes."""
        self._due.put(callback)


class Callback(Generic[T]):
    """A function that is called with what is newest when its turn comes.

    So what waits for a slow one does not grow: a value for each callback, and no more.
    """

    def __init__(self, thread: CallbackThread, of: str, function: Callable[[T], None]) -> None:
        self._thread = thread
        self._of = of
        self._function = function
        self._lock = threading.Lock()
        self._newest: list[T] = []
        self.is_over = False

    def put(self, newest: T) -> None:
        """There is something newer to be called with."""
        with self._lock:
            is_due = bool(self._newest)
            self._newest = [newest]
        if not is_due:
            self._thread.add(self)

    def call(self) -> None:
        """Call it; what it raises is logged, because nobody else would see it."""
        with self._lock:
            (newest,), self._newest = self._newest, []
        if self.is_over:
            return
        try:
            self._function(newest)
        except ClientClosed:
            return  # it was under way when the client was closed
        except Exception as error:
            _log.exception("a callback of %s failed: %s", self._of, error)


def _call_back(due: SimpleQueue[Callback[Any] | None]) -> None:
    while (callback := due.get()) is not None:
        callback.call()
        del callback  # what it refers to may go while the thread waits
