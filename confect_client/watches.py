"""Who is told of a query's results: readers of the newest one, and callbacks of each one.

All that one frame of the server changes is taken in first and told afterwards, so that whoever is
told of one result finds all the others as new as that. Each knows whether it is still waiting for
what is so for whoever calls now: `lapse` says that this is somebody else.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeAlias

import anyio

from confect_client.latest import Latest
from confect_client.session.events import FunctionResult

Told: TypeAlias = Callable[[FunctionResult | Exception], None]
"""Takes a result of a query, or why there will be none."""

_log = logging.getLogger("confect_client")


class Reader(Latest[FunctionResult]):
    """Reads a query, as fast or as slowly as it likes."""

    def __init__(self, path: str, query_id: int) -> None:
        super().__init__()
        self.path = path
        self.query_id = query_id
        self.is_waiting = True

    def put(self, newest: FunctionResult) -> None:
        """There is something newer."""
        self.is_waiting = False
        super().put(newest)

    def lapse(self) -> None:
        """What nobody has read yet is nobody's any more."""
        self.is_waiting |= self.take_back()


class Callback:
    """Is called with each result of a query, in order, until it is told to end."""

    def __init__(self, path: str, query_id: int, call: Told, later: Deliveries) -> None:
        self.path = path
        self.query_id = query_id
        self.is_over = False
        self.is_waiting = True
        self._call = call
        self._later = later

    def put(self, result: FunctionResult) -> None:
        """There is another result."""
        self.is_waiting = False
        self._later.add(partial(self._told, result))

    def fail(self, error: Exception) -> None:
        """There will be no more results."""
        self._later.add(partial(self._told, error))

    def lapse(self) -> None:
        """It was called with all that there was, and is called again if there is something else."""

    def _told(self, told: FunctionResult | Exception) -> None:
        if self.is_over:
            return
        try:
            self._call(told)
        except Exception as error:  # which nobody else would see
            _log.exception("a callback of %s failed: %s", self.path, error)


class Part:
    """Is one of several queries that are looked at together, once for all that has changed."""

    def __init__(self, path: str, query_id: int, whole: Whole) -> None:
        self.path = path
        self.query_id = query_id
        self.is_waiting = True
        self._whole = whole

    def put(self, result: FunctionResult) -> None:
        """There is another result."""
        del result  # it is looked up with those of the others
        self.is_waiting = False
        self._whole.touch()

    def lapse(self) -> None:
        """Nothing is known of it any more."""
        self.is_waiting = True
        self._whole.touch()

    def fail(self, error: Exception) -> None:
        """There will be no more results."""
        self._whole.fail(error)


class Whole:
    """Several queries, and what happens once all that has changed of them is taken in."""

    def __init__(
        self, look: Callable[[], None], fail: Callable[[Exception], None], later: Deliveries
    ) -> None:
        self._look = look
        self.fail = fail
        self._later = later
        self._is_due = False

    def touch(self) -> None:
        """One of them has changed."""
        if not self._is_due:
            self._is_due = True
            self._later.add(self._deliver)

    def _deliver(self) -> None:
        self._is_due = False
        self._look()


Watch: TypeAlias = Reader | Callback | Part
"""One subscription of the program's."""


class Deliveries:
    """The calls that are due, in the order in which they became so."""

    def __init__(self) -> None:
        self._due: deque[Callable[[], None]] = deque()
        self._is_delivering = False
        self._has_due = anyio.Event()

    def add(self, call: Callable[[], None]) -> None:
        """Something is to be called, once everything has been taken in; it may not raise."""
        self._due.append(call)
        self._has_due.set()

    def deliver(self) -> None:
        """Make the calls; what they cause to be due is delivered with them."""
        if self._is_delivering:
            return
        self._is_delivering = True
        try:
            while self._due:
                self._due.popleft()()
        finally:
            self._is_delivering = False

    async def run(self) -> None:
        """Deliver also what nobody else delivers, such as a result that is there already."""
        while True:
            await self._has_due.wait()
            self._has_due = anyio.Event()
            self.deliver()


class Watches:
    """Everybody who watches a query, by its id in the session."""

    def __init__(self) -> None:
        self._by_query: dict[int, dict[Watch, None]] = {}  # a dict keeps the order

    def add(self, watch: Watch) -> None:
        """Somebody watches."""
        self._by_query.setdefault(watch.query_id, {})[watch] = None

    def discard(self, watch: Watch) -> bool:
        """Somebody watches no more; False if that was known already."""
        watching = self._by_query.get(watch.query_id, {})
        if watch not in watching:
            return False
        del watching[watch]
        if not watching:
            del self._by_query[watch.query_id]
        return True

    def of(self, query_id: int) -> list[Watch]:
        """Who watches a query."""
        return list(self._by_query.get(query_id, ()))

    def __iter__(self) -> Iterator[Watch]:
        for watching in list(self._by_query.values()):
            yield from list(watching)
