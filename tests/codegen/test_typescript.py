"""What Python types are written as in `api.ts`, beyond what the golden files show."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Annotated, Any, Generic, Literal, Self, TypeAlias, TypeVar

import pytest
from pydantic import (
    BaseModel,
    Field,
    GetCoreSchemaHandler,
    IPvAnyAddress,
    PlainSerializer,
    RootModel,
    WrapSerializer,
    field_serializer,
    model_serializer,
)
from pydantic_core import core_schema as cs
from typing_extensions import TypeAliasType, TypedDict

from confect_codegen.docstrings import Docstrings
from confect_codegen.emit import typescript_nodes as ts
from confect_codegen.emit.typescript_layout import lay
from confect_codegen.emit.typescript_types import Side, TypeScriptTypes, Unwritable
from confect_core import CommitTs, Id, PaginationResult, Table
from tests.codegen.projects import write_project

T = TypeVar("T")


def written(annotation: object, side: Side = "received", *, taken: str = "") -> dict[str, str]:
    """The text of a type, under no name, and of each that it declares, under theirs."""
    types = TypeScriptTypes(Docstrings(), frozenset(taken.split()))
    made = types.of(annotation, side)
    declared = {name: each for name, _, each in types.declared.used_by(made)}
    every = {"": types.declared.named(made), **declared}
    return {name: " ".join(map(str.strip, lay("", each, ""))) for name, each in every.items()}


def shout(text: str) -> str:
    return text.upper()


def count(text: str, handler: Callable[[str], str]) -> int:
    return len(handler(text))


# a serializer that says nothing of what it returns
Silent: TypeAlias = Annotated[str, WrapSerializer(lambda text, handler: handler(text))]


class Temperature:
    """A class that pydantic does not know, and that says nothing of its JSON."""

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        return cs.no_info_plain_validator_function(
            lambda given: given, serialization=cs.plain_serializer_function_ser_schema(str)
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> Any:
        return handler(schema)


class Bits(Enum):
    NONE = None
    FULL = b"\xff"
    HALF = 0.5
    SOME = 3


class Loose(TypedDict, total=False):
    name: str


class Titled(BaseModel):
    title: str

    @field_serializer("title")
    def length(self, title: str) -> int:
        return len(title)


class Whole(BaseModel):
    title: str

    @model_serializer
    def as_text(self) -> str:
        return self.title


class Words(RootModel[dict[Literal["a", "b"], int]]):
    pass


class Leaf(BaseModel):
    kind: Literal["leaf"] = "leaf"


class Twig(BaseModel):
    kind: Literal["twig"] = "twig"
    on: Annotated[Leaf | Twig, Field(discriminator="kind")] | None = None


Tree = TypeAliasType("Tree", "dict[str, Tree] | list[Tree] | Leaf | None")
"""As deep as one likes."""
Words3 = TypeAliasType("Words3", tuple[str, str, str])


class Pair(BaseModel, Generic[T]):
    left: T
    right: T


class Chapter(Table, name="chapters"):
    before: Id[Self] | None = None
    at: CommitTs


class _Hidden(BaseModel):
    größe: int


LEAVES: list[tuple[object, str]] = [
    (Annotated[str, PlainSerializer(shout)], "string"),
    (Annotated[str, WrapSerializer(count)], "number"),
    (Silent, "any"),
    (Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str)], "string"),
    (
        Annotated[str | None, PlainSerializer(shout, when_used="unless-none")],
        "string | null",
    ),
    (Temperature, "any"),
    (IPvAnyAddress, "string"),
    (tuple[()], "[]"),
    (list[int | None], "(number | null)[]"),
    (None | Literal["a"], '"a" | null'),
    (int | float, "number"),
    (int | Any, "any"),
    (dict[str, None], "{ [key: string]: null }"),
    (Id[Any], "string"),
    (Sequence[int | None], "(number | null)[]"),
    (Annotated[Sequence[str], Field(min_length=1)], "string[]"),
    (PaginationResult[int], "PaginationResult<number>"),
]


@pytest.mark.parametrize(("annotation", "expected"), LEAVES, ids=lambda each: str(each)[:40])
def test_what_travels_for_a_type_is_its_type(annotation: object, expected: str) -> None:
    assert written(annotation) == {"": expected}


def test_what_only_a_serializer_makes_is_sent_as_what_it_is_made_from() -> None:
    assert written(Silent, "sent") == {"": "string"}


def test_a_serializer_that_returns_what_cannot_travel_is_refused() -> None:
    with pytest.raises(Unwritable, match="complex"):
        written(Annotated[str, PlainSerializer(lambda text: text, return_type=complex)])


def test_constants_of_every_kind_are_types() -> None:
    assert written(Bits) == {"": "Bits", "Bits": "ArrayBuffer | 0.5 | 3 | null"}


def test_fields_and_models_may_have_serializers_of_their_own() -> None:
    assert written(Titled)["Titled"] == "{ title: number; }"
    assert written(Whole) == {"": "string"}


def test_fields_that_may_be_left_out_are_so_both_ways() -> None:
    assert written(Loose)["Loose"] == written(Loose, "sent")["Loose"] == "{ name?: string; }"


def test_records_of_known_names_need_not_have_all_of_them() -> None:
    assert written(Words)["Words"] == 'Partial<Record<"a" | "b", number>>'


def test_a_variant_that_is_sent_says_which_one_it_is() -> None:
    either = Annotated[Leaf | Twig, Field(discriminator="kind")]
    assert written(either, "sent") == {
        "": "Leaf | TwigInput",
        "Leaf": '{ kind: "leaf"; }',
        "TwigInput": '{ kind: "twig"; on?: Leaf | TwigInput | null; }',
    }
    assert written(either)["Twig"] == '{ kind: "twig"; on?: Leaf | Twig; }'
    # where nothing is told apart by it, it is a default like others
    assert written(Leaf, "sent")["LeafInput"] == '{ kind?: "leaf"; }'


def test_a_document_points_to_others_of_its_table() -> None:
    assert written(Chapter)["Chapter"] == (
        '{ _id: Id<"chapters">; _creationTime: number; before?: Id<"chapters">; at: bigint; }'
    )


def test_names_are_given_once_and_say_what_a_generic_model_holds() -> None:
    class Leaf(BaseModel):
        other: bool

    several = tuple[Pair[int], Pair[list[str]], _Hidden, Leaf, Twig]
    assert written(several, taken="Leaf TwigInput") == {
        "": "[PairInt, PairListStr, Hidden, Leaf2, Twig2]",
        "PairInt": "{ left: number; right: number; }",
        "PairListStr": "{ left: string[]; right: string[]; }",
        "Hidden": '{ "größe": number; }',
        "Leaf2": "{ other: boolean; }",
        "Twig2": '{ kind: "twig"; on?: Leaf3 | Twig2; }',
        "Leaf3": '{ kind: "leaf"; }',
    }


def test_an_alias_has_a_name_of_its_own_if_it_holds_itself() -> None:
    assert written(Tree) == {
        "": "Tree",
        "Tree": "{ [key: string]: Tree } | Tree[] | Leaf | null",
        "Leaf": '{ kind: "leaf"; }',
    }
    assert written(list[Tree], "sent") == {
        "": "TreeInput[]",
        "TreeInput": "{ [key: string]: TreeInput } | TreeInput[] | LeafInput | null",
        "LeafInput": '{ kind?: "leaf"; }',
    }
    assert written(list[Words3 | None]) == {"": "([string, string, string] | null)[]"}
    types = TypeScriptTypes(Docstrings(), frozenset())
    said = [doc for _, doc, _ in types.declared.used_by(types.of(Tree, "received"))]
    assert said == ["As deep as one likes.", ""]


def test_a_union_is_laid_out_in_a_line_of_its_own_if_it_fits_there() -> None:
    words = ts.union(*(ts.constant(each * 20) for each in "abc"))
    line = " | ".join(f'"{each * 20}"' for each in "abc")
    assert lay("type Words = ", words, ";") == ["type Words =", f"  {line};"]
    assert lay("type Words = ", words, ";", 6) == [
        "      type Words =",
        *(f'        | "{each * 20}"{end}' for each, end in (("a", ""), ("b", ""), ("c", ";"))),
    ]


def test_what_is_said_below_an_attribute_is_found_in_the_class_that_says_it() -> None:
    class Local(Documented):
        text: str

    said = Docstrings()
    assert said.of_field(Local, "text") == "Said of the text."
    assert said.of_field(Local, "silent") == ""


class Documented:
    text: str
    """Said of the text."""
    silent: str
    other: str


class Timed(BaseModel):
    at: datetime | None = None
    """When it was."""
    took: timedelta
    shown: Annotated[datetime, PlainSerializer(datetime.isoformat, return_type=str)]


def test_numbers_that_stand_for_times_say_what_they_count() -> None:
    declared = written(Timed)["Timed"]
    assert declared == (
        "{ /** * When it was. * * In milliseconds since the epoch. */ at?: number; "
        "/** In milliseconds. */ took: number; shown: string; }"
    )


def test_a_project_without_anything_has_types_without_anything(tmp_path: Any) -> None:
    from confect_codegen.generate import files_of

    project = write_project(
        tmp_path,
        {
            "app/tables.py": None,
            "app/notes.py": None,
            "app/impl.py": None,
            "app/spec.py": "from confect_core import Spec\nspec = Spec.make()\n",
        },
    )
    text = files_of(project)["api.ts"]
    assert "export type Documents = {};" in text
    assert "export const api = anyApi as unknown as {};" in text
