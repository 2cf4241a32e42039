"""What cannot cross the wire is refused when it is declared: with its path, and all at once."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from enum import Enum
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    NaiveDatetime,
    PlainValidator,
    SecretStr,
    computed_field,
)
from typing_extensions import TypedDict

from confect_core import ABSENT, Absent, Mistakes
from confect_core.values.codec import UnresolvedType
from confect_core.values.uncarryable import Uncarryable
from tests.core.codecs import codec, decoded


class Stranger:
    """A class that pydantic knows nothing of."""


class Corner(NamedTuple):
    x: int


class Coordinates(Enum):
    ORIGIN = (0, 0)


class Huge(Enum):
    MANY = 2**60


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class Constructed(BaseModel):
    at: int

    def __init__(self, **fields: Any) -> None:
        super().__init__(**fields)


class Computing(BaseModel):
    a: int

    @computed_field  # type: ignore[prop-decorator]  # mypy cannot know what it does to properties
    @property
    def double(self) -> int:
        return 2 * self.a


class Aliased(BaseModel):
    a: int = Field(alias="b")


class Hidden(BaseModel):
    a: int = Field(exclude=True)


class Accented(BaseModel):
    größe: int


Dollar = TypedDict("Dollar", {"$a": int})


@dataclass
class Derived:
    a: int
    b: int = field(init=False, default=0)


class Required(BaseModel):
    maybe: int | Absent


class Inner(BaseModel):
    bad: complex


class Outer(BaseModel):
    inner: Inner
    inners: list[Inner]
    by_name: dict[str, Inner]
    pair: tuple[int, Inner]
    maybe: Inner | None = None
    either: int | Inner
    absent: Inner | Absent = ABSENT


class Recursive(BaseModel):
    next: Recursive | None = None
    bad: Callable[[], int]


@pytest.mark.parametrize(
    ("annotation", "path"),
    [
        (complex, "value"),
        (Callable[[], int], "value"),
        (Generator[int], "value"),
        (Stranger, "value"),
        (type[BaseModel], "value"),
        (Corner, "value"),
        (deque[int], "value"),
        (OrderedDict[str, int], "value"),
        (Counter[str], "value"),
        (Json[int], "value"),
        (SecretStr, "value"),
        (NaiveDatetime, "value"),
        (Annotated[Stranger, PlainValidator(str)], "value"),
        (Coordinates, "value"),
        (Huge, "value"),
        (Literal["small", Huge.MANY], "value"),
        (dict[int, str], "value"),
        (dict[str | int, str], "value"),
        (dict[Any, str], "value"),
        (Open, "value"),
        (Constructed, "value"),
        (Computing, "value.double"),
        (Aliased, "value.a"),
        (Hidden, "value.a"),
        (Accented, "value.größe"),
        (Dollar, "value.$a"),
        (Derived, "value.b"),
        (Required, "value.maybe"),
        (list[complex], "value[]"),
        (tuple[int, complex], "value[1]"),
        (dict[str, complex], "value{}"),
        (complex | None, "value"),
        (Annotated[complex, BeforeValidator(complex)], "value"),
        (Recursive, "value.bad"),
    ],
)
def test_each_refusal_has_its_path_and_a_hint(annotation: Any, path: str) -> None:
    mistakes = codec(annotation).mistakes()
    assert [(type(each), each.path) for each in mistakes if isinstance(each, Uncarryable)] == [
        (Uncarryable, path)
    ]
    assert len(mistakes) == 1
    assert mistakes[0].hint
    assert path in mistakes[0].message


def test_every_occurrence_is_refused_at_once() -> None:
    with pytest.raises(Mistakes) as refused:
        codec(Outer).encode(object())
    assert [each.path for each in refused.value.exceptions if isinstance(each, Uncarryable)] == [
        "value.inner.bad",
        "value.inners[].bad",
        "value.by_name{}.bad",
        "value.pair[1].bad",
        "value.maybe.bad",
        "value.either.bad",
        "value.absent.bad",
    ]


def test_one_mistake_alone_is_raised_as_itself() -> None:
    with pytest.raises(Uncarryable, match="use two float fields"):
        codec(complex).encode(1j)
    with pytest.raises(Uncarryable, match="use two float fields"):
        codec(complex).decode(0.0)


@pytest.mark.parametrize("annotation", [int | Absent, list[int | Absent], Absent | str])
def test_only_a_field_can_be_absent(annotation: Any) -> None:
    (mistake,) = codec(annotation).mistakes()
    assert "may be absent" in mistake.message
    assert "Absent = ABSENT" in mistake.hint


def test_a_type_that_is_not_defined_yet_is_no_other_mistake() -> None:
    class Early(BaseModel):
        later: Later  # type: ignore[name-defined]  # noqa: F821  # pyright: ignore[reportUndefinedVariable]  # as meant

    (mistake,) = codec(Early).mistakes()
    assert type(mistake) is UnresolvedType
    with pytest.raises(UnresolvedType, match="Later"):
        codec(Early).decode({})


class Forward(BaseModel):
    later: Following


forward = codec(Forward)
mistakes_before = [type(mistake) for mistake in forward.mistakes()]


class Following(BaseModel):
    count: int


def test_a_type_that_is_defined_further_down_is_found_on_first_use() -> None:
    assert mistakes_before == [UnresolvedType]
    assert forward.mistakes() == []
    assert decoded(Forward, {"later": {"count": 1.0}}) == Forward(later=Following(count=1))
    assert forward.encode(Forward(later=Following(count=1))) == {"later": {"count": 1.0}}
