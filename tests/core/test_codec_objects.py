"""Containers and objects: lists, sets, records, models and their like, and absent fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Generic, Literal, NotRequired, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    RootModel,
    SerializerFunctionWrapHandler,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from typing_extensions import TypedDict

from confect_core import ABSENT, Absent, Id, Int64, Table
from confect_core.tables import TableDirectory
from confect_core.values import BigInt, Value, encode_id
from confect_core.values.codec import Mismatch
from tests.core.codecs import codec, decoded, encoded, problem, same

T = TypeVar("T")


class Author(BaseModel):
    name: str
    born: int | None = None


class Note(BaseModel):
    text: str
    at: datetime
    author: Author
    tags: list[str] = Field(default=["none"])


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Left(BaseModel):
    right: Right | None = None


class Right(BaseModel):
    left: Left | None = None
    count: Int64


class Box(BaseModel, Generic[T]):
    item: T


class Numbers(RootModel[list[int]]):
    pass


class Options(TypedDict):
    limit: int
    cursor: NotRequired[str]


@dataclass
class Point:
    x: int
    y: int = 0
    names: list[str] = field(default_factory=list[str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    start: int
    end: int | None = None

    def __post_init__(self) -> None:
        if self.end is not None and self.end < self.start:
            raise ValueError("a span ends after it starts")


@pydantic_dataclass
class Checked:
    at: datetime


class Absences(BaseModel):
    required: str | None
    nullable: str | None = None
    both: str | Absent | None = ABSENT
    optional: int | Absent = ABSENT
    first: Absent | list[int] = ABSENT
    short: str | Absent = Field(default=ABSENT, max_length=3)


AT = datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)

OBJECTS: list[tuple[Any, object, Value]] = [
    (list[int], [3, 1], [3.0, 1.0]),
    (list[list[str]], [["a"], []], [["a"], []]),
    (tuple[int, str], (1, "a"), [1.0, "a"]),
    (tuple[Int64, ...], (1, 2), [BigInt(1), BigInt(2)]),
    (tuple[()], (), []),
    (set[int], {10, 9, 1}, [1.0, 9.0, 10.0]),
    (frozenset[str], frozenset("cab"), ["a", "b", "c"]),
    (set[datetime], {AT}, [1000.0]),
    (set[tuple[int, str]], {(2, "a"), (1, "b")}, [[1.0, "b"], [2.0, "a"]]),
    (dict[str, int], {"b": 1, "a": 2}, {"b": 1.0, "a": 2.0}),
    (dict[str, dict[str, bytes]], {"a": {"b": b"c"}}, {"a": {"b": b"c"}}),
    (dict[Literal["a", "b"], int], {"a": 1}, {"a": 1.0}),
    (Sequence[int], [1], [1.0]),
    (Sequence[Any], [1.5], [1.5]),
    (Sequence[Int64], [1], [BigInt(1)]),
    (Sequence[datetime], [AT], [1000.0]),
    (Sequence[Sequence[set[int]]], [[{2, 1}]], [[[1.0, 2.0]]]),
    (Annotated[Sequence[Int64], Field(min_length=1)], [1], [BigInt(1)]),
    (Mapping[str, Sequence[Author]], {"a": [Author(name="Ada")]}, {"a": [{"name": "Ada"}]}),
    (Mapping[str, int], {"a": 1}, {"a": 1.0}),
    (Author, Author(name="Ada"), {"name": "Ada"}),
    (Author, Author(name="Ada", born=1815), {"name": "Ada", "born": 1815.0}),
    (
        Note,
        Note(text="hi", at=AT, author=Author(name="Ada"), tags=["a"]),
        {"text": "hi", "at": 1000.0, "author": {"name": "Ada"}, "tags": ["a"]},
    ),
    (
        Tree,
        Tree(value=1, children=[Tree(value=2)]),
        {"value": 1.0, "children": [{"value": 2.0, "children": []}]},
    ),
    (
        Left,
        Left(right=Right(left=Left(), count=3)),
        {"right": {"left": {}, "count": BigInt(3)}},
    ),
    (Box[int], Box[int](item=1), {"item": 1.0}),
    (Box[Box[Int64]], Box[Box[Int64]](item=Box[Int64](item=1)), {"item": {"item": BigInt(1)}}),
    (Numbers, Numbers([1]), [1.0]),
    (Options, {"limit": 3}, {"limit": 3.0}),
    (Options, {"limit": 3, "cursor": "c"}, {"limit": 3.0, "cursor": "c"}),
    (Point, Point(1, 2, ["a"]), {"x": 1.0, "y": 2.0, "names": ["a"]}),
    (Span, Span(start=1), {"start": 1.0}),
    (Span, Span(start=1, end=2), {"start": 1.0, "end": 2.0}),
    (Checked, Checked(AT), {"at": 1000.0}),
]


@pytest.mark.parametrize(("annotation", "value", "wire"), OBJECTS)
def test_each_object_has_one_wire_form_and_comes_back_from_it(
    annotation: Any, value: object, wire: Value
) -> None:
    assert same(encoded(annotation, value), wire)
    back = decoded(annotation, wire)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    ("annotation", "wire"),
    [
        (list[int], {"a": 1.0}),
        (list[int], [1.0, "2"]),
        (tuple[int, str], [1.0]),
        (tuple[int, str], [1.0, "a", "b"]),
        (set[int], "12"),
        (dict[str, int], [1.0]),
        (dict[str, int], {"a": "1"}),
        (dict[Literal["a"], int], {"b": 1.0}),
        (Author, ["Ada"]),
        (Author, {"name": "Ada", "born": 1.5}),
        (Numbers, {"root": [1.0]}),
        (Span, {"start": 2.0, "end": 1.0}),
        (Box[int], {"item": "1"}),
        (Right, {"count": 3.0}),
    ],
)
def test_what_does_not_fit_is_refused(annotation: Any, wire: Value) -> None:
    with pytest.raises(Mismatch):
        codec(annotation).decode(wire)


def test_the_words_of_the_protocol_name_fields_that_are_missing_or_too_many() -> None:
    complete: dict[str, Value] = {"text": "hi", "at": 0.0, "author": {"name": "Ada"}}
    assert problem(Author, {}) == "Object is missing the required field `name`."
    assert problem(Note, {**complete, "author": {}}) == (
        "Object at .author is missing the required field `name`."
    )
    extra = "contains extra field `age` that is not in the validator."
    assert problem(Author, {"name": "Ada", "age": 3.0}) == f"Object {extra}"
    assert problem(list[Author], [{"name": "Ada", "age": 3.0}]) == f"Object at [0] {extra}"
    assert problem(Options, {"limit": 1.0, "age": 3.0}) == f"Object {extra}"
    assert problem(Point, {"x": 1.0, "age": 3.0}) == f"Object {extra}"
    assert problem(Point, {}) == "Object is missing the required field `x`."
    assert problem(Checked, {}) == "Object is missing the required field `at`."


def test_the_words_of_the_protocol_name_the_path_the_value_and_the_problem() -> None:
    assert problem(Tree, {"value": 1.0, "children": [{"value": "two"}]}) == (
        "Value does not match validator.\n"
        "Path: .children[0].value\n"
        "Value: 'two'\n"
        "Problem: Input should be a valid number"
    )
    assert problem(int, "two").startswith("Value does not match validator.\nPath: .\n")


def test_every_problem_of_a_value_is_told_at_once() -> None:
    with pytest.raises(Mismatch) as refused:
        codec(Note).decode({"text": 1.0, "author": {"nam": "Ada"}, "tags": "a"})
    assert len(refused.value.problems) == 5


@pytest.mark.parametrize(
    ("wire", "value"),
    [
        ({"required": None}, Absences(required=None)),
        ({"required": "r", "nullable": "n"}, Absences(required="r", nullable="n")),
        ({"required": None, "both": None}, Absences(required=None, both=None)),
        ({"required": None, "both": "b"}, Absences(required=None, both="b")),
        ({"required": None, "optional": 0.0}, Absences(required=None, optional=0)),
        ({"required": None, "first": [1.0]}, Absences(required=None, first=[1])),
        ({"required": None, "short": "abc"}, Absences(required=None, short="abc")),
    ],
)
def test_absent_and_null_are_different_where_they_are_declared_so(
    wire: Value, value: Absences
) -> None:
    assert same(encoded(Absences, value), wire)
    back = decoded(Absences, wire)
    assert back == value
    assert back.both is value.both or back.both == "b"


def test_null_is_taken_for_an_optional_none_and_travels_as_absent() -> None:
    assert decoded(Author, {"name": "Ada", "born": None}) == Author(name="Ada")


@pytest.mark.parametrize(
    "wire",
    [{}, {"required": None, "optional": None}, {"required": None, "short": "four"}],
)
def test_what_may_be_absent_may_not_be_anything(wire: Value) -> None:
    with pytest.raises(Mismatch):
        codec(Absences).decode(wire)


def test_a_default_that_is_a_value_travels() -> None:
    assert encoded(Note, Note(text="", at=AT, author=Author(name="")))["tags"] == ["none"]  # type: ignore[index, call-overload]  # pyright: ignore[reportOptionalSubscript, reportCallIssue, reportArgumentType, reportIndexIssue]  # an object, as the other tests show


def test_a_subclass_travels_as_the_class_that_is_declared() -> None:
    class Poet(Author):
        poems: int

    assert encoded(Author, Poet(name="Ada", poems=3)) == {"name": "Ada"}
    assert encoded(list[Author], [Poet(name="Ada", poems=3)]) == [{"name": "Ada"}]


def test_an_instance_of_another_model_is_refused() -> None:
    with pytest.raises(Mismatch):
        codec(Author).encode(Tree(value=1))
    with pytest.raises(Mismatch):
        codec(list[Author]).encode([Tree(value=1)])
    with pytest.raises(Mismatch):
        codec(Point).encode(Span(start=1))


@pytest.mark.parametrize(
    "junk",
    [
        Author.model_construct(name=3),
        Author.model_construct(name="Ada", born="1815"),
        Author.model_construct(name="Ada", born=2**60),
        Note.model_construct(text="", at=datetime(2026, 1, 2), author=Author(name=""), tags=[]),
        Note.model_construct(text="", at=AT, author={"name": 3}, tags=[]),
        Note.model_construct(text="", at=AT, author=Tree(value=1), tags=[]),
        Note.model_construct(text="", at=AT, author=Author(name=""), tags=["a", 3]),
        Note.model_construct(text="", at=AT, author=Author.model_construct()),
        Author.model_construct(),
    ],
)
def test_what_was_constructed_past_its_types_is_refused(junk: BaseModel) -> None:
    with pytest.raises(Mismatch):
        codec(type(junk)).encode(junk)


def test_what_was_assigned_past_its_types_is_refused() -> None:
    author = Author(name="Ada")
    author.born = "1815"  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]  # the mistake that is tested
    with pytest.raises(Mismatch):
        codec(Author).encode(author)


def test_what_is_assigned_as_an_int_still_travels_as_a_number() -> None:
    box = Box[float](item=0.5)
    box.item = 3
    assert same(encoded(Box[float], box), {"item": 3.0})


def test_validators_of_fields_and_models_run_when_decoding() -> None:
    class Tagged(BaseModel):
        tags: list[str]
        limit: int

        @field_validator("tags", mode="before")
        @classmethod
        def _split(cls, value: object) -> object:
            return value.split(",") if isinstance(value, str) else value

        @model_validator(mode="after")
        def _few(self) -> Tagged:
            if len(self.tags) > self.limit:
                raise ValueError("too many tags")
            return self

    assert decoded(Tagged, {"tags": "a,b", "limit": 2.0}) == Tagged(tags=["a", "b"], limit=2)
    assert encoded(Tagged, Tagged(tags=["a"], limit=2)) == {"tags": ["a"], "limit": 2.0}
    assert "too many tags" in problem(Tagged, {"tags": ["a", "b"], "limit": 1.0})


def test_serializers_of_fields_and_models_say_what_travels() -> None:
    class Meeting(BaseModel):
        at: datetime

        @field_serializer("at")
        def _iso(self, at: datetime) -> str:
            return at.isoformat()

    class Flat(BaseModel):
        count: int

        @model_serializer(mode="wrap")
        def _versioned(self, inner: SerializerFunctionWrapHandler) -> dict[str, object]:
            return {**inner(self)}

    meeting = Meeting(at=AT)
    assert encoded(Meeting, meeting) == {"at": "1970-01-01T00:00:01+00:00"}
    assert decoded(Meeting, {"at": "1970-01-01T00:00:01+00:00"}) == meeting
    assert same(encoded(Flat, Flat(count=3)), {"count": 3.0})
    assert decoded(Flat, {"count": 3.0}) == Flat(count=3)


def test_a_model_may_hold_the_values_of_an_enum_and_may_be_built_late() -> None:
    class Bare(BaseModel):
        model_config = ConfigDict(use_enum_values=True, defer_build=True)
        side: Literal["left"] | None = None
        count: int = 0

    assert encoded(Bare, Bare(side="left")) == {"side": "left", "count": 0.0}
    assert decoded(Bare, {"side": "left", "count": 0.0}) == Bare(side="left")


def test_nothing_of_the_value_is_shared_with_what_travels() -> None:
    tags = ["a"]
    wire = codec(list[str]).encode(tags)
    tags.append("b")
    assert wire == ["a"]


class Post(Table, name="posts"):
    text: str
    parent: Id[Post] | None = None


class Directory:
    """Knows table 10001 as `posts` and no other."""

    def table_name(self, number: int) -> str | None:
        return {10_001: "posts", 10_002: "users"}.get(number)


def test_system_fields_travel_under_the_names_of_the_protocol() -> None:
    id = encode_id(10_001, bytes(16))
    wire: Value = {"_id": id, "_creationTime": 5.0, "text": "hi"}
    post = decoded(Post, wire)
    assert (post.id, post.creation_time, post.text, post.parent) == (id, 5.0, "hi", None)
    assert same(encoded(Post, post), wire)
    with pytest.raises(Mismatch, match="extra field `id`"):
        codec(Post).decode({"id": id, "text": "hi"})


def test_ids_are_checked_to_be_of_their_table_where_one_knows() -> None:
    posts, users, nobody = (encode_id(number, bytes(16)) for number in (10_001, 10_002, 10_003))
    directory: TableDirectory = Directory()
    assert codec(Id[Post]).decode(posts, directory) == posts
    assert codec(Id[Post]).decode(users) == users
    with pytest.raises(Mismatch, match="an id of table posts, found one of table users"):
        codec(Id[Post]).decode(users, directory)
    with pytest.raises(Mismatch, match="found one of table that does not exist"):
        codec(list[Id[Post]]).decode([nobody], directory)
    with pytest.raises(Mismatch, match="an id of table posts"):
        codec(Post).decode({"text": "", "parent": users}, directory)
    assert codec(Id[Any]).decode(users, directory) == users
