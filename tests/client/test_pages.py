"""Paginated subscriptions: no gap, nothing twice, while rows come and go and pages split.

The machine plays the server's algorithm on numbers; the real one answers in `test_paged.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from confect_client.session.pages import PageFailed, PageList, PagesState
from confect_core import PaginationOptions, PaginationResult
from confect_core.pagination import PageStatus

END = 10_000
ROWS = st.integers(0, 99)


@dataclass
class Watched:
    """One page's query: what it asked for, the end that its first run found, what is shown."""

    options: PaginationOptions
    end: int | None = None
    shown: PaginationResult[Any] | PageFailed | None = None


class Rows:
    """Numbers in order, and the pages that somebody watches, answered from time to time."""

    def __init__(self, rows: set[int], *, rows_read: int = 1_000) -> None:
        self.rows = rows
        self.rows_read = rows_read
        self.watched: dict[int, Watched] = {}
        self.epoch = "A"
        self._next = 0

    def watch(self, options: PaginationOptions) -> int:
        self._next += 1
        self.watched[self._next] = Watched(options)
        return self._next

    def unwatch(self, page: int) -> None:
        del self.watched[page]

    def read(self, page: int) -> PaginationResult[Any] | None:
        shown = self.watched[page].shown
        if isinstance(shown, PageFailed):
            raise shown
        return shown

    def transition(self) -> None:
        """Answer every page as of this moment."""
        for watched in self.watched.values():
            watched.shown = self._page(watched)

    def another_query(self) -> None:
        """The cursors of before are of another query now."""
        self.epoch = chr(ord(self.epoch) + 1)
        for watched in self.watched.values():
            watched.end = None

    def _page(self, watched: Watched) -> PaginationResult[Any] | PageFailed:
        options = watched.options
        for cursor in (options.cursor, options.end_cursor):
            if cursor is not None and cursor[0] != self.epoch:
                return PageFailed(RuntimeError("InvalidCursor"), is_cursor_invalid=True)
        start = -1 if options.cursor is None else int(options.cursor[1:])
        if options.end_cursor is not None:
            watched.end = int(options.end_cursor[1:])
        found = sorted(row for row in self.rows if row > start)
        status: PageStatus | None = None
        if watched.end is None:
            limit = min(options.num_items, self.rows_read)
            status = "SplitRequired" if limit < min(options.num_items, len(found)) else None
            watched.end = found[limit - 1] if len(found) >= limit else END
        page = [row for row in found if row <= watched.end]
        return PaginationResult(
            page=page,
            is_done=watched.end == END,
            continue_cursor=f"{self.epoch}{watched.end}",
            split_cursor=f"{self.epoch}{page[(len(page) - 1) // 2]}" if len(page) > 2 else None,
            page_status=status,
        )


class Ids:
    """Ids that are never the same."""

    def __init__(self) -> None:
        self.last = 0.0

    def __call__(self) -> float:
        self.last += 1
        return self.last


class PageHistories(RuleBasedStateMachine):
    """Rows come and go, pages are loaded and split, cursors lose their meaning."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = Rows({10, 20, 30, 40, 50, 60}, rows_read=4)
        self.known = set(self.rows.rows)
        self.pages = PageList(self.rows, Ids(), 2)

    @rule(row=ROWS)
    def insert(self, row: int) -> None:
        self.rows.rows.add(row)

    @rule(rows=st.sets(ROWS, min_size=5, max_size=9))
    def insert_many(self, rows: set[int]) -> None:
        self.rows.rows |= rows

    @precondition(lambda self: self.rows.rows)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        self.rows.rows.remove(data.draw(st.sampled_from(sorted(self.rows.rows))))

    @rule()
    def another_query(self) -> None:
        self.rows.another_query()

    @rule(num_items=st.integers(1, 7))
    def load_more(self, num_items: int) -> None:
        could = self.pages.state().status == "can load more"
        assert self.pages.load_more(num_items) is could
        if could:
            assert self.pages.state().status == "loading more"

    @rule()
    def the_server_answers(self) -> None:
        self.rows.transition()
        self.known = set(self.rows.rows)

    @invariant()
    def what_is_shown_is_the_beginning_of_what_there_is(self) -> None:
        state = self.pages.state()
        known = sorted(self.known)
        assert list(state.results) == known[: len(state.results)]
        if state.status == "exhausted":
            assert len(state.results) == len(known)

    def teardown(self) -> None:
        for _ in range(30):  # halves of halves come one round after the other
            self.the_server_answers()
            self.pages.state()
        state = self.pages.state()
        assert state.status in ("can load more", "exhausted")
        while self.pages.load_more(3):
            for _ in range(10):
                self.the_server_answers()
                self.pages.state()
        assert self.pages.state() == PagesState(tuple(sorted(self.rows.rows)), "exhausted")
        self.pages.close()
        assert self.rows.watched == {}


TestPageHistories = PageHistories.TestCase
TestPageHistories.settings = settings(max_examples=300, stateful_step_count=50, deadline=None)


def first_page(*rows: int, initial_items: int = 2) -> tuple[Rows, PageList]:
    server = Rows({*rows})
    pages = PageList(server, Ids(), initial_items)
    assert pages.state() == PagesState((), "loading first page")
    server.transition()
    return server, pages


def test_pages_are_loaded_one_after_the_other() -> None:
    server, pages = first_page(1, 2, 3)
    assert pages.state() == PagesState((1, 2), "can load more")
    assert pages.load_more(2)
    assert pages.state() == PagesState((1, 2), "loading more")
    assert not pages.load_more(2)
    server.transition()
    assert pages.state() == PagesState((1, 2, 3), "exhausted")
    assert not pages.load_more(2)


def test_a_page_keeps_its_end_while_rows_come_and_go() -> None:
    server, pages = first_page(10, 20, 30)
    pages.load_more(5)
    server.rows = {5, 20, 25, 40}
    server.transition()
    assert pages.state() == PagesState((5, 20, 25, 40), "exhausted")
    sizes = [len(each.shown.page) for each in server.watched.values() if each.shown]  # type: ignore[union-attr]  # none of them failed
    assert sizes == [2, 2]


def test_a_page_that_has_grown_is_split_and_nothing_is_missing_meanwhile() -> None:
    server, pages = first_page(10, 20)
    server.rows |= {11, 12, 13, 14}
    server.transition()
    whole = PagesState((10, 11, 12, 13, 14, 20), "can load more")
    assert pages.state() == whole
    assert [each.options.end_cursor for each in server.watched.values()] == [None, "A12", "A20"]
    server.transition()
    assert pages.state() == whole
    assert [each.options.end_cursor for each in server.watched.values()] == ["A12", "A20"]
    assert pages.load_more(1)


def test_a_page_that_must_be_split_is_hidden_until_it_is() -> None:
    server = Rows({1, 2, 3, 4}, rows_read=3)
    pages = PageList(server, Ids(), 4)
    server.transition()
    assert pages.state() == PagesState((), "loading first page")
    server.transition()
    assert pages.state() == PagesState((1, 2, 3), "can load more")


def test_a_cursor_that_is_refused_begins_again_at_the_first_page() -> None:
    server, pages = first_page(1, 2, 3)
    pages.load_more(2)
    ids = {each.options.id for each in server.watched.values()}
    _, second = server.watched.values()
    second.shown = PageFailed(RuntimeError("InvalidCursor"), is_cursor_invalid=True)
    assert pages.state() == PagesState((), "loading first page")
    (fresh,) = server.watched.values()
    assert fresh.options.id not in ids
    server.transition()
    assert pages.state() == PagesState((1, 2), "can load more")


def test_a_first_page_that_has_no_cursor_is_not_asked_for_again() -> None:
    server, pages = first_page(1)
    (first,) = server.watched.values()
    first.shown = PageFailed(RuntimeError("InvalidCursor"), is_cursor_invalid=True)
    with pytest.raises(RuntimeError, match="InvalidCursor"):
        pages.state()
    assert list(server.watched.values()) == [first]


def test_a_page_that_fails_raises_until_it_does_not() -> None:
    server, pages = first_page(1)
    (first,) = server.watched.values()
    first.shown = PageFailed(RuntimeError("broken"), is_cursor_invalid=False)
    with pytest.raises(RuntimeError, match="broken"):
        pages.state()
    server.transition()
    assert pages.state() == PagesState((1,), "exhausted")


def test_a_page_that_does_not_adjoin_any_more_is_loaded_again() -> None:
    server, pages = first_page(1, 2, 3, 4, 5)
    pages.load_more(2)
    server.transition()
    assert pages.state() == PagesState((1, 2, 3, 4), "can load more")
    first, _ = server.watched.values()
    first.end = 1  # as if its journal was lost, or the function made its own cursors
    server.transition()
    assert pages.state() == PagesState((1,), "loading more")
    server.transition()
    assert pages.state() == PagesState((1, 2, 3), "can load more")
    first.end = END
    server.transition()
    assert pages.state() == PagesState((1, 2, 3, 4, 5), "exhausted")
