"""`LocalStore`: what optimistic updates read and set, typed by refs.

A query is asked for first and set afterwards, `store.query(ref).set(value)`: a ref is covariant in
what it answers, so if it came in one call with the value, type checkers would widen both to fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeAlias, cast

from returns.result import Failure, Success
from typing_extensions import ParamSpec, TypeVar

from confect_client.answers import decoded, unwrapped
from confect_client.errors import FunctionFailed, NotDeclared, NotKnown
from confect_client.session.events import FunctionResult, Raised, Returned
from confect_client.session.optimistic import Overlay
from confect_core import (
    PaginationResult,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    Ref,
    TaggedError,
)
from confect_core.protocol import FunctionPath, JsonObject
from confect_core.spec.call import PAGINATION_OPTS
from confect_core.values import Value, decode, encode

P = ParamSpec("P")
Out = TypeVar("Out")
Item = TypeVar("Item")

PageOf: TypeAlias = PaginationResult[Item] | Success[PaginationResult[Item]] | Failure[TaggedError]
"""What paginated queries of `Item` answer, whether or not they declare errors."""


class LocalStore:
    """What the subscriptions of a client show, for an update that is not settled yet.

    Only what somebody subscribes to is known, and only that can be set.

        def add(store: LocalStore, *, text: str) -> None:
            notes = store.query(refs.public.notes.texts)
            if notes.is_known:
                notes.set([*notes.value, text])
    """

    def __init__(self, overlay: Overlay) -> None:
        self._overlay = overlay

    def get(self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs) -> Out | None:
        """What is shown of a query, an `Outcome` if it declares errors; None if it is not known."""
        query = self.query(ref, *args, **kwargs)
        return query.value if query.is_known else None

    def query(
        self, ref: PublicQueryRef[P, Out], /, *args: P.args, **kwargs: P.kwargs
    ) -> LocalQuery[Out]:
        """A query with these arguments, to read and to set."""
        arguments = ref.call.encode_args(args, kwargs)
        query_id = self._overlay.find(FunctionPath.parse(ref.path), as_json(arguments))
        return LocalQuery(self._overlay, ref, query_id, arguments)

    def all(self, ref: PublicQueryRef[..., Out], /) -> list[LocalQuery[Out]]:
        """A query with all the arguments with which somebody subscribes to it."""
        return [
            LocalQuery(self._overlay, ref, query_id, decode(args))
            for query_id, args in self._overlay.all_of(FunctionPath.parse(ref.path))
        ]

    def pages(
        self, ref: PublicPaginatedQueryRef[P, PageOf[Item]], /, *args: P.args, **kwargs: P.kwargs
    ) -> LocalPages[Item]:
        """All pages of a paginated query with these arguments, in whatever subscription."""
        arguments = cast("dict[str, Value]", ref.call.encode_args(args, kwargs))
        pages: list[LocalQuery[Any]] = [
            LocalQuery(self._overlay, ref, query_id, found)
            for query_id, at in self._overlay.all_of(FunctionPath.parse(ref.path))
            if _without_options(found := cast("dict[str, Value]", decode(at))) == arguments
        ]
        return LocalPages(pages)


class LocalQuery(Generic[Out]):
    """One query with its arguments, as it is shown."""

    def __init__(
        self, overlay: Overlay, ref: Ref[..., Out], query_id: int | None, args: Value
    ) -> None:
        self._overlay = overlay
        self._ref = ref
        self._query_id = query_id
        self._args = args

    @property
    def args(self) -> dict[str, Value]:
        """The arguments, as they travel."""
        return cast("dict[str, Value]", self._args)

    @property
    def is_known(self) -> bool:
        """Is there an answer, or a declared error?"""
        return self._answer() is not None

    @property
    def value(self) -> Out:
        """What is shown, an `Outcome` if errors are declared; raises `NotKnown` if nothing is."""
        answer = self._answer()
        if answer is None:
            raise NotKnown(self._ref.path)
        return cast("Out", answer[0])

    def set(self, value: Out) -> None:
        """Show this until the mutation has settled; nothing happens if nobody subscribes."""
        if self._query_id is not None:
            self._overlay.set(self._query_id, _result_of(self._ref, value))

    def _answer(self) -> tuple[object] | None:
        result = None if self._query_id is None else self._overlay.get(self._query_id)
        if result is None:
            return None
        try:
            return (decoded(self._ref, result),)
        except FunctionFailed:
            return None


class LocalPages(Generic[Item]):
    """The pages of a paginated query, as they are shown."""

    def __init__(self, pages: list[LocalQuery[Any]]) -> None:
        self._pages = pages

    @property
    def items(self) -> list[Item]:
        """All items of the pages that are known, of one page after the other."""
        return [item for _, page in self._known() for item in page.page]

    def map(self, change: Callable[[Item], Item]) -> None:
        """Show other items in the place of these."""
        for query, page in self._known():
            _show(query, page, [change(item) for item in page.page])

    def remove(self, is_removed: Callable[[Item], bool]) -> None:
        """Show the items without some of them."""
        for query, page in self._known():
            _show(query, page, [item for item in page.page if not is_removed(item)])

    def insert_at_top(self, item: Item) -> None:
        """Show an item before all others."""
        for query, page in self._known():
            if _options(query).get("cursor") is None:
                _show(query, page, [item, *page.page])

    def insert_at_bottom(self, item: Item) -> None:
        """Show an item after all others, where the last page is there already."""
        for query, page in self._known():
            if page.is_done:
                _show(query, page, [*page.page, item])

    def _known(self) -> list[tuple[LocalQuery[Any], PaginationResult[Item]]]:
        return [
            (query, _page_in(query.value))
            for query in self._pages
            if query.is_known and not isinstance(query.value, Failure)
        ]


def _page_in(answer: PageOf[Item]) -> PaginationResult[Item]:
    return cast("PaginationResult[Item]", unwrapped(answer))


def _show(query: LocalQuery[Any], page: PaginationResult[Item], items: list[Item]) -> None:
    query.set(page.model_copy(update={"page": items}))


def _options(query: LocalQuery[Any]) -> dict[str, Value]:
    return cast("dict[str, Value]", query.args[PAGINATION_OPTS])


def _without_options(args: dict[str, Value]) -> dict[str, Value]:
    return {name: value for name, value in args.items() if name != PAGINATION_OPTS}


def _result_of(ref: Ref[..., Any], value: object) -> FunctionResult:
    """What would have travelled if the function had answered so."""
    if not isinstance(value, Failure):
        return Returned(encode(ref.call.encode_result(value)))
    error = cast("Failure[TaggedError]", value).failure()
    data = ref.call.encode_error(error)
    if data is None:
        raise NotDeclared(ref.path, type(error).__name__)
    return Raised(f"{error}", encode(data))


def as_json(args: Value) -> JsonObject:
    """Arguments as they travel."""
    return cast("JsonObject", encode(args))
