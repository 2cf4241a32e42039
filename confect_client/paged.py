"""`PagedSubscription`: the items of a paginated query, as many pages of them as were asked for."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from types import TracebackType
from typing import Any, Generic, Self, cast

import anyio
from typing_extensions import TypeVar

from confect_client.answers import decoded, unwrapped
from confect_client.driver import Driver
from confect_client.errors import FunctionFailed
from confect_client.latest import Latest
from confect_client.session.events import FunctionResult, Raised
from confect_client.session.pages import PageFailed, PageList, PagesState, PagesStatus
from confect_client.watches import Part
from confect_core import PaginationOptions, PaginationResult, Ref, TaggedError
from confect_core.spec.call import with_pagination
from confect_core.values import Value

Item = TypeVar("Item")


class PagedSubscription(Generic[Item]):
    """The items of a paginated query, live: more of them are loaded when asked for.

        async with client.subscribe_pages(refs.public.notes.page, 20) as notes:
            async for state in notes:
                show(state.results)
                if state.status == "can load more" and is_at_end():
                    notes.load_more(20)

    All that is shown at one moment is of one moment in the database. Errors that the query declares
    are raised as themselves.
    """

    def __init__(self, driver: Driver, ref: Ref[..., Any], args: Value, initial_items: int) -> None:
        self._latest = Latest[PagesState[Item] | Exception]()
        self._has_changed = anyio.Event()
        self._queries = _Pages(driver, ref, args, self._look, self._fail)
        self._pages = PageList(self._queries, driver.new_pagination_id, initial_items)
        self._shown: PagesState[Item] | Exception = PagesState((), "loading first page")
        self._latest.put(self._shown)
        self._is_closed = False

    @property
    def state(self) -> PagesState[Item]:
        """What is shown now; raises why the query fails, if it does."""
        if isinstance(self._shown, Exception):
            raise self._shown
        return self._shown

    @property
    def results(self) -> tuple[Item, ...]:
        """The items of all pages that are there, with no gap between them."""
        return self.state.results

    @property
    def status(self) -> PagesStatus:
        """Whether pages are being loaded, and whether there are more."""
        return self.state.status

    def load_more(self, num_items: int) -> bool:
        """Load one more page; False, and nothing happens, unless the status is "can load more"."""
        if self._is_closed or not self._pages.load_more(num_items):
            return False
        self._look()
        return True

    async def wait_loaded(self) -> PagesState[Item]:
        """The state once nothing is being loaded."""
        while self.status in ("loading first page", "loading more"):
            await self._has_changed.wait()
        return self.state

    async def __aiter__(self) -> AsyncGenerator[PagesState[Item]]:
        """The state now and after every change; a slow reader gets the newest only."""
        while True:
            state = await self._latest.next()
            if isinstance(state, Exception):
                raise state
            yield state

    def close(self) -> None:
        """Load and show nothing more; leaving `async with` does that, too."""
        if not self._is_closed:
            self._is_closed = True
            self._pages.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def _look(self) -> None:
        """Show what the pages come to now, if that is something else."""
        if self._is_closed:
            return
        try:
            shown: PagesState[Item] | Exception = self._pages.state()
        except Exception as error:
            shown = error
        if shown != self._shown:
            self._shown = shown
            self._latest.put(shown)
            self._tell()

    def _fail(self, error: Exception) -> None:
        self._shown = error
        self._latest.fail(error)
        self._tell()

    def _tell(self) -> None:
        told, self._has_changed = self._has_changed, anyio.Event()
        told.set()


class _Pages:
    """The pages of one query with certain arguments, as subscriptions of a client."""

    def __init__(
        self, driver: Driver, ref: Ref[..., Any], args: Value, look: Any, fail: Any
    ) -> None:
        self._driver = driver
        self._ref = ref
        self._args = args
        self._whole = driver.whole(look, fail)
        self._parts: dict[int, Part] = {}
        self._read: dict[int, tuple[FunctionResult, PaginationResult[Any]]] = {}

    def watch(self, options: PaginationOptions) -> int:
        args = with_pagination(self._args, options)
        part = self._driver.part(self._ref, args, self._whole)
        self._parts[part.query_id] = part
        return part.query_id

    def unwatch(self, page: int) -> None:
        self._read.pop(page, None)
        self._driver.unwatch(self._parts.pop(page))

    def read(self, page: int) -> PaginationResult[Any] | None:
        result = self._driver.shown(self._parts[page])
        if result is None:
            return None
        known = self._read.get(page)
        if known is None or known[0] is not result:  # each is decoded once
            known = self._read[page] = result, self._decoded(result)
        return known[1]

    def _decoded(self, result: FunctionResult) -> PaginationResult[Any]:
        try:
            answer = decoded(self._ref, result)
        except FunctionFailed as error:
            raise PageFailed(error, is_cursor_invalid=_is_about_cursor(result)) from None
        try:
            return cast("PaginationResult[Any]", unwrapped(answer))
        except TaggedError as error:
            raise PageFailed(error, is_cursor_invalid=False) from None


def _is_about_cursor(result: FunctionResult) -> bool:
    if not isinstance(result, Raised):
        return False
    data = result.error_data
    is_said = isinstance(data, dict) and data.get("paginationError") == "InvalidCursor"
    return is_said or "InvalidCursor" in result.message
