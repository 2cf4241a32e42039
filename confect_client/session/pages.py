"""Which pages a paginated subscription watches, and what they come to: no socket, no task.

Every page is a subscription of its own, from its cursor to the end that its first run found; its
journal keeps that end, so that pages which adjoin stay adjoined while rows come and go: no row is
in two of them and none in neither. If a page does not begin where the one before it ends all the
same, as where a function makes cursors of its own, it is loaded again with what follows it.

A page that has grown too large is replaced by its two halves once both of them are there. All pages
are asked for with one id that nobody else uses, or another subscription's journal would say where
they end.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeAlias

from typing_extensions import TypeVar

from confect_core import PaginationOptions, PaginationResult

Item = TypeVar("Item")
Item_co = TypeVar("Item_co", covariant=True)

PagesStatus: TypeAlias = Literal["loading first page", "can load more", "loading more", "exhausted"]
"""How far a paginated subscription is; rows may still come and go when it is exhausted."""

_SPLIT_AT = 2
"""How many times as many items as the first page was asked for make a page worth splitting."""


@dataclass(frozen=True, slots=True)
class PagesState(Generic[Item_co]):
    """What a paginated subscription shows at one moment."""

    results: tuple[Item_co, ...]
    """The items of all pages that are there, one after the other, with no gap between them."""

    status: PagesStatus


class PageFailed(Exception):
    """Why there is no page, and whether a fresh start may help."""

    def __init__(self, error: Exception, *, is_cursor_invalid: bool) -> None:
        super().__init__(error)
        self.error = error
        self.is_cursor_invalid = is_cursor_invalid


class PageQueries(Protocol):
    """Watches the pages of one query with certain arguments."""

    def watch(self, options: PaginationOptions) -> int:
        """Watch one page; the number is its name."""
        ...

    def unwatch(self, page: int) -> None:
        """Watch a page no more."""
        ...

    def read(self, page: int) -> PaginationResult[Any] | None:
        """A page as it is shown now, or None before it is there; raises `PageFailed`."""
        ...


class _Page:
    """A page that is watched, and the halves that are to take its place."""

    def __init__(self, options: PaginationOptions, name: int) -> None:
        self.options = options
        self.name = name
        self.halves: tuple[_Page, _Page] | None = None


class PageList:
    """The pages of one paginated subscription, in order."""

    def __init__(
        self, queries: PageQueries, new_id: Callable[[], float], initial_items: int
    ) -> None:
        self._queries = queries
        self._new_id = new_id
        self._initial_items = initial_items
        self._id = new_id()
        self._pages = [self._watch(initial_items, None)]

    def load_more(self, num_items: int) -> bool:
        """Watch one more page; False if there is none, or it is not known yet where it begins."""
        if self.state().status != "can load more":
            return False
        last = self._queries.read(self._pages[-1].name)
        assert last is not None, "it was there to say that more can be loaded"
        self._pages.append(self._watch(num_items, last.continue_cursor))
        return True

    def close(self) -> None:
        """Watch nothing any more."""
        self._drop(self._pages)
        self._pages = []

    def state(self) -> PagesState[Any]:
        """What the pages come to now; watches others if these are too large or do not fit.

        Raises the error of a page that fails.
        """
        while True:
            try:
                return self._walk()
            except PageFailed as failed:
                if not failed.is_cursor_invalid or self._is_fresh:
                    raise failed.error from None
            self._restart()

    @property
    def _is_fresh(self) -> bool:
        """Is there nothing to begin anew? The first page alone was asked for with no cursor."""
        return len(self._pages) == 1 and self._pages[0].halves is None

    def _restart(self) -> None:
        self._drop(self._pages)
        self._id = self._new_id()
        self._pages = [self._watch(self._initial_items, None)]

    def _walk(self) -> PagesState[Any]:
        items: list[Any] = []
        index, is_done = 0, False
        while index < len(self._pages):
            page = self._pages[index]
            if self._has_split(page):
                continue  # with the first of its halves
            result = self._queries.read(page.name)
            if result is None:
                return self._loading(index, items)
            self._rejoin(index, result)
            if self._is_large(result) and page.halves is None:
                self._split(page, result)
            if result.page_status == "SplitRequired" and page.halves is not None:
                return self._loading(index, items)
            items += result.page
            is_done = result.is_done
            index += 1
        return PagesState(tuple(items), "exhausted" if is_done else "can load more")

    @staticmethod
    def _loading(index: int, items: list[Any]) -> PagesState[Any]:
        return PagesState(tuple(items), "loading more" if index else "loading first page")

    def _rejoin(self, index: int, result: PaginationResult[Any]) -> None:
        """Load anew what does not begin where this page ends."""
        after = self._pages[index + 1 :]
        if after and after[0].options.cursor != result.continue_cursor:
            self._drop(after)
            num_items = sum(page.options.num_items for page in after)
            again = [] if result.is_done else [self._watch(num_items, result.continue_cursor)]
            self._pages[index + 1 :] = again

    def _is_large(self, result: PaginationResult[Any]) -> bool:
        is_large = len(result.page) > _SPLIT_AT * self._initial_items
        return result.split_cursor is not None and (is_large or result.page_status is not None)

    def _split(self, page: _Page, result: PaginationResult[Any]) -> None:
        num_items, middle = page.options.num_items, result.split_cursor
        page.halves = (
            self._watch(num_items, page.options.cursor, middle),
            self._watch(num_items, middle, result.continue_cursor),
        )

    def _has_split(self, page: _Page) -> bool:
        """Put the halves of a page in its place, if they are there."""
        if page.halves is None:
            return False
        if any(self._queries.read(half.name) is None for half in page.halves):
            return False
        index = self._pages.index(page)
        self._queries.unwatch(page.name)
        self._pages[index : index + 1] = page.halves
        return True

    def _watch(self, num_items: int, cursor: str | None, end: str | None = None) -> _Page:
        options = PaginationOptions(num_items=num_items, cursor=cursor, end_cursor=end, id=self._id)
        return _Page(options, self._queries.watch(options))

    def _drop(self, pages: list[_Page]) -> None:
        for page in pages:
            self._queries.unwatch(page.name)
            self._drop([*(page.halves or ())])
