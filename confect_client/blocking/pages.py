"""`BlockingPages`: `PagedSubscription` for programs that block."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from types import TracebackType
from typing import Generic, Self

from typing_extensions import TypeVar

from confect_client.blocking.iterator import BlockingIterator
from confect_client.blocking.loop_thread import LoopThread
from confect_client.errors import ClientClosed, ClientForked
from confect_client.paged import PagedSubscription
from confect_client.session.pages import PagesState, PagesStatus

Item = TypeVar("Item")


class BlockingPages(Generic[Item]):
    """The items of a paginated query, live: more of them are loaded when asked for.

        with client.subscribe_pages(refs.public.notes.page, 20) as notes:
            for state in notes:
                show(state.results)
                if state.status == "can load more" and is_at_end():
                    notes.load_more(20)

    Threads may share it. All that is shown at one moment is of one moment in the database. Errors
    that the query declares are raised as themselves.
    """

    def __init__(self, loop: LoopThread, pages: PagedSubscription[Item]) -> None:
        self._loop = loop
        self._pages = pages

    @property
    def state(self) -> PagesState[Item]:
        """What is shown now; raises why the query fails, if it does."""

        async def state() -> PagesState[Item]:
            return self._pages.state

        return self._loop.call(state)

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

        async def load_more() -> bool:
            return self._pages.load_more(num_items)

        return self._loop.call(load_more)

    def wait_loaded(self) -> PagesState[Item]:
        """The state once nothing is being loaded."""
        return self._loop.call(self._pages.wait_loaded)

    def __iter__(self) -> Iterator[PagesState[Item]]:
        """The state now and after every change; a slow reader gets the newest only."""
        return BlockingIterator(self._loop, self._pages.__aiter__())

    def close(self) -> None:
        """Load and show nothing more; leaving `with` does that, too."""
        with contextlib.suppress(ClientClosed, ClientForked):
            self._loop.call(self._close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self._loop.call_soon(self._close)

    async def _close(self) -> None:
        self._pages.close()
