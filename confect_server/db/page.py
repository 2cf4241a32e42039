"""Pages: the part of a query between two cursors, which keeps its boundaries from run to run.

A page covers the rows after its cursor up to and with its end. The first run finds the end by
counting; its cursor is the journal, with which every later run reads exactly up to there. So pages
that adjoin stay adjoined while rows come and go: no row is in two of them and none in neither.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from confect_core import Absent, PaginationOptions, PaginationResult
from confect_core.pagination import PageStatus
from confect_core.values import Interval, dumps
from confect_core.values.absent import ABSENT
from confect_server.db.cursor import Cursors, Place
from confect_server.engine import Document, Found, Order
from confect_server.errors import BadPageSize, InvalidCursor, SecondPage

T = TypeVar("T")

MAX_PAGE_ITEMS = 32_000
"""How many items may be asked for at once."""

RECOMMENDED_PAGE_ITEMS = 6_144
"""How many items a page may grow to before its client is told to split it."""

_RECOMMENDED_SHARE = 0.75
_FEWEST_TO_SPLIT = 3


class Paging:
    """The one page that a run of a function may read, and its end for the next run."""

    def __init__(self, cursors: Cursors, journal: str | None = None) -> None:
        self._cursors = cursors
        self._has_begun = False
        self.journal = journal

    def anew(self) -> Paging:
        """The page of another function, which has no end yet."""
        return Paging(self._cursors)

    def again(self) -> Paging:
        """The same page for another run, before this one has begun it."""
        return Paging(self._cursors, self.journal)

    def begin(self, query: bytes, options: PaginationOptions) -> PageBounds:
        """Where the page of this query begins and, if that is settled, where it ends."""
        if self._has_begun:
            raise SecondPage
        if not 0 < options.num_items <= MAX_PAGE_ITEMS:
            raise BadPageSize(options.num_items, MAX_PAGE_ITEMS)
        self._has_begun = True
        is_first = options.cursor is None
        start = None if options.cursor is None else self._cursors.open(options.cursor, query)
        if options.end_cursor is not None:
            end = self._cursors.open(options.end_cursor, query)
            return PageBounds(is_first, start, True, end)
        with suppress(InvalidCursor):  # the query may have been another one when it ran last
            if self.journal is not None:
                end = self._cursors.open(self.journal, query)
                return PageBounds(is_first, start, True, end)
        return PageBounds(is_first, start)

    def finish(self, end: Place, query: bytes) -> str:
        """The cursor of the page's end, which is also the journal."""
        self.journal = self._cursors.seal(end, query)
        return self.journal

    def split(self, at: Place, query: bytes) -> str:
        """The cursor of a place inside the page."""
        return self._cursors.seal(at, query)


@dataclass(frozen=True, slots=True)
class PageBounds:
    """From where to where a page goes; `start` and `end` are places in the order of the query."""

    is_first: bool
    start: Place = None
    is_end_known: bool = False
    end: Place = None

    def within(self, interval: Interval, order: Order) -> Interval:
        """The part of a query's interval that the page covers."""
        if not self.is_first:
            interval = _after(interval, self.start, order)
        if self.is_end_known and self.end is not None:
            interval = _up_to(interval, self.end, order)
        return interval


class Scan(Protocol):
    """Reads the rows of an interval in the order of a query, at most so many if it is known."""

    def __call__(self, interval: Interval, at_most: int | None, /) -> AsyncIterator[Found]:
        """The rows, read as lazily as they are asked for."""
        ...


@dataclass(frozen=True, slots=True)
class PagedQuery(Generic[T]):
    """A query as reading a page of it takes it."""

    fingerprint: bytes
    interval: Interval
    order: Order
    is_filtered: bool
    scan: Scan
    select: Callable[[Document], T | None]
    """The item of a row, or None if a filter leaves it out."""


async def read_page(
    query: PagedQuery[T], options: PaginationOptions, paging: Paging
) -> PaginationResult[T]:
    """One page of a query; raises `InvalidCursor`, `BadPageSize` and `SecondPage`."""
    bounds = paging.begin(query.fingerprint, options)
    page: _Page[T] = _Page(options)
    is_cut = False
    # one that may be cut is not read ahead of
    at_most = None if bounds.is_end_known or query.is_filtered else options.num_items
    rows = query.scan(bounds.within(query.interval, query.order), at_most)
    while not (is_cut := not bounds.is_end_known and page.is_full):
        row = await anext(rows, None)
        if row is None:
            break
        page.add(row, query.select(row.document))
    end = page.keys[-1] if is_cut else bounds.end
    middle = page.middle
    return PaginationResult(
        page=page.items,
        is_done=end is None,
        continue_cursor=paging.finish(end, query.fingerprint),
        split_cursor=None if middle is None else paging.split(middle, query.fingerprint),
        page_status=page.status(is_cut=is_cut),
    )


@dataclass(slots=True)
class _Page(Generic[T]):
    """The rows of a page, as far as it was read."""

    options: PaginationOptions
    items: list[T] = field(default_factory=list[T])
    keys: list[bytes] = field(default_factory=list[bytes])
    bytes_read: int = 0

    def add(self, row: Found, item: T | None) -> None:
        self.keys.append(row.key)
        if self.options.maximum_bytes_read is not ABSENT:
            self.bytes_read += len(dumps(row.document))
        if item is not None:
            self.items.append(item)

    @property
    def is_full(self) -> bool:
        """At least one row is read, or no page would ever move on."""
        return len(self.items) >= self.options.num_items or (
            bool(self.keys) and self._used_share >= 1
        )

    @property
    def middle(self) -> bytes | None:
        count = len(self.keys)
        return self.keys[(count - 1) // 2] if count >= _FEWEST_TO_SPLIT else None

    def status(self, *, is_cut: bool) -> PageStatus | None:
        if is_cut and len(self.items) < self.options.num_items:
            return "SplitRequired"
        is_large = len(self.items) > RECOMMENDED_PAGE_ITEMS
        return "SplitRecommended" if is_large or self._used_share > _RECOMMENDED_SHARE else None

    @property
    def _used_share(self) -> float:
        """How much of the limits is used: from 1 on, a page that has no end yet ends."""
        return max(
            _share(len(self.keys), self.options.maximum_rows_read),
            _share(self.bytes_read, self.options.maximum_bytes_read),
        )


def _share(used: int, limit: int | Absent) -> float:
    return 0.0 if limit is ABSENT else used / max(limit, 1)


def _after(interval: Interval, place: Place, order: Order) -> Interval:
    if place is None:
        return Interval(interval.start, interval.start)
    if order == "asc":
        return Interval(max(interval.start, place + b"\x00"), interval.end)
    return Interval(interval.start, place)


def _up_to(interval: Interval, place: bytes, order: Order) -> Interval:
    if order == "asc":
        return Interval(interval.start, place + b"\x00")
    return Interval(max(interval.start, place), interval.end)
