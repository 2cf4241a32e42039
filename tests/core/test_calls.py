"""How calls travel: arguments, results, declared errors and pages, for both kinds of functions."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel, Field
from returns.result import Failure, Success

from confect_core import (
    Args,
    FunctionSpec,
    Int64,
    NoArgs,
    PaginationOptions,
    PaginationResult,
    Signature,
    TaggedError,
    ref,
)
from confect_core.spec import Schemas
from confect_core.spec.call import SchemaCall, with_pagination, without_pagination
from confect_core.values import BigInt, Value
from confect_core.values.codec import Mismatch
from tests.core.codecs import assert_canonical, same


class Note(BaseModel):
    text: str


class Insert(Args):
    text: str = Field(max_length=5)
    count: int = 1
    at: datetime | None = None


class NotFound(TaggedError):
    name: str


class Full(TaggedError):
    limit: Int64


class Unknown(TaggedError):
    pass


AT = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)
insert = SchemaCall(Schemas(Insert, Note, NotFound | Full))
count = SchemaCall(Schemas(NoArgs, int, None))
search = Signature(text=str, limit=int, returns=list[str])


def test_arguments_travel_as_one_object() -> None:
    encoded = insert.encode_args((), {"text": "hi", "at": AT})
    assert_canonical(encoded)
    assert same(encoded, {"text": "hi", "count": 1.0, "at": 1000.0})
    assert insert.decode_args(encoded) == Insert(text="hi", at=AT)
    assert count.encode_args((), {}) == {}


@pytest.mark.parametrize(
    ("args", "kwargs", "problem"),
    [
        ((), {}, "Object is missing the required field `text`."),
        ((), {"text": "hi", "txt": ""}, "Object contains extra field `txt` that is not in"),
        ((), {"text": 3}, "Path: .text\nValue: 3\nProblem: Input should be a valid string"),
        ((), {"text": "longer"}, "at most 5 characters"),
        (("hi",), {}, "Arguments are passed by keyword."),
    ],
)
def test_arguments_that_do_not_fit_are_refused_before_they_travel(
    args: tuple[object, ...], kwargs: dict[str, object], problem: str
) -> None:
    with pytest.raises(Mismatch) as refused:
        insert.encode_args(args, kwargs)
    assert refused.value.what == "args"
    assert problem in str(refused.value)


def test_a_result_travels_alone_and_comes_back_as_an_outcome_where_errors_are_declared() -> None:
    assert insert.encode_result(Success(Note(text="hi"))) == {"text": "hi"}
    assert insert.decode_result({"text": "hi"}) == Success(Note(text="hi"))
    assert same(count.encode_result(3), 3.0)
    assert count.decode_result(3.0) == 3
    with pytest.raises(Mismatch) as refused:
        count.encode_result("three")
    assert refused.value.what == "returns"


def test_a_declared_error_travels_with_its_tag() -> None:
    data = insert.encode_error(Full(limit=3))
    assert same(data, {"_tag": "Full", "limit": BigInt(3)})
    assert insert.decode_error(data) == Failure(Full(limit=3))
    other = insert.encode_error(NotFound(name="a"))
    assert insert.decode_error(other) == Failure(NotFound(name="a"))


def test_only_the_very_class_that_is_declared_travels() -> None:
    class Impostor(TaggedError):
        limit: Int64

    Impostor.tag = "Full"
    assert insert.encode_error(Unknown()) is None
    assert insert.encode_error(Impostor(limit=3)) is None
    assert count.encode_error(Full(limit=3)) is None


@pytest.mark.parametrize(
    "data",
    [
        None,
        "Full",
        {},
        {"_tag": 3.0},
        {"_tag": "Unknown"},
        {"_tag": "Full"},
        {"_tag": "Full", "limit": 3.0},
        {"_tag": "Full", "limit": BigInt(3), "more": None},
    ],
)
def test_data_that_is_no_declared_error_is_none(data: Value) -> None:
    assert insert.decode_error(data) is None
    assert search.decode_error(data) is None


def test_a_plain_function_is_called_by_position_or_by_name() -> None:
    wire: Value = {"text": "hi", "limit": 3.0}
    assert same(search.encode_args(("hi", 3), {}), wire)
    assert same(search.encode_args(("hi",), {"limit": 3}), wire)
    assert same(search.encode_args((), {"limit": 3, "text": "hi"}), wire)
    assert search.encode_args(("hi",), {}) == {"text": "hi"}
    assert search.decode_result(["a"]) == ["a"]


@pytest.mark.parametrize(
    ("args", "kwargs", "what", "problem"),
    [
        (("hi", 3, 4), {}, "args", "3 arguments are too many for 2."),
        ((), {"txt": "hi"}, "args", "There is no argument `txt`."),
        (("hi",), {"text": "ho"}, "args", "Argument `text` is given twice."),
        ((3,), {}, "text", "Input should be a valid string"),
        ((), {"limit": 1.5}, "limit", "Input should be a valid integer"),
    ],
)
def test_a_plain_call_that_does_not_fit_is_refused(
    args: tuple[object, ...], kwargs: dict[str, object], what: str, problem: str
) -> None:
    with pytest.raises(Mismatch) as refused:
        search.encode_args(args, kwargs)
    assert refused.value.what == what
    assert problem in str(refused.value)


def test_the_page_that_is_asked_for_travels_under_the_names_of_the_protocol() -> None:
    options = PaginationOptions(num_items=10, cursor=None)
    wire = with_pagination({"text": "hi"}, options)
    assert same(wire, {"text": "hi", "paginationOpts": {"numItems": 10.0}})
    assert without_pagination(wire) == ({"text": "hi"}, options)


def test_options_of_the_official_clients_are_understood() -> None:
    wire: Value = {
        "paginationOpts": {
            "numItems": 10.0,
            "cursor": "c",
            "endCursor": None,
            "id": 3.0,
            "maximumRowsRead": 100.0,
        }
    }
    args, options = without_pagination(wire)
    assert args == {}
    assert options == PaginationOptions(num_items=10, cursor="c", id=3.0, maximum_rows_read=100)


@pytest.mark.parametrize(
    "wire",
    [{}, None, {"paginationOpts": {"cursor": None}}, {"paginationOpts": {"numItems": -1.0}}],
)
def test_a_page_that_cannot_be_is_refused(wire: Value) -> None:
    with pytest.raises(Mismatch):
        without_pagination(wire)


def test_a_page_travels_under_the_names_of_the_protocol() -> None:
    spec = FunctionSpec.public_paginated_query(item=Note)
    made = ref("notes:page", spec)
    page = PaginationResult(
        page=[Note(text="hi")],
        is_done=True,
        continue_cursor="c",
        split_cursor=None,
        page_status=None,
    )
    assert isinstance(made.call, SchemaCall)
    wire = made.call.encode_result(page)
    assert wire == {
        "page": [{"text": "hi"}],
        "isDone": True,
        "continueCursor": "c",
        "splitCursor": None,
        "pageStatus": None,
    }
    back: Any = made.call.decode_result(wire)
    assert back.page == [Note(text="hi")]
    assert back.is_done is True
