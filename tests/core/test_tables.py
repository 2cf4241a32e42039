"""Tables: what they declare, and what they refuse where they are declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired, Required

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from confect_core import Id, Index, Table
from confect_core.errors import Mistakes
from confect_core.field_paths import fields_at
from confect_core.spec.errors import BadName, ReservedName
from confect_core.table_checks import ACCESS_NAMES
from confect_core.table_errors import (
    BadIndex,
    DuplicateVariant,
    IndexAsType,
    LateVariant,
    NoTag,
    NoVariants,
    UnknownField,
    VariantElsewhere,
    VariantIsNoTable,
    VariantOfVariant,
    VariantOption,
)
from confect_core.tables import definition_of, is_variant, table_mistakes
from confect_core.values import MalformedId, Value, encode_id
from confect_core.values.codec import Codec, Mismatch, UnresolvedType
from confect_core.values.uncarryable import Uncarryable
from tests.core.places import place_of, told


class City(BaseModel):
    name: str


class Address(BaseModel):
    city: City
    street: str | None = None


class User(Table, name="users"):
    name: str
    address: Address
    work: Address | None = None

    by_name = Index("name", "address.city.name")
    by_street = Index("work.street")


class AuditLog(Table):
    text: str


class Base(Table):
    owner: str
    by_owner = Index("owner")


class Document(Base):
    text: str
    by_text = Index("text")


def test_a_table_has_a_name_and_indexes() -> None:
    definition = definition_of(User)
    assert definition.name == "users"
    assert {name: index.fields for name, index in definition.indexes.items()} == {
        "by_name": ("name", "address.city.name"),
        "by_street": ("work.street",),
    }
    assert definition_of(AuditLog).name == "audit_log"
    assert definition_of(AuditLog).indexes == {}
    assert table_mistakes(User) == []


def test_an_index_is_no_field() -> None:
    assert list(User.model_fields) == ["id", "creation_time", "name", "address", "work"]


def test_a_table_has_the_indexes_of_the_table_that_it_extends() -> None:
    assert list(definition_of(Document).indexes) == ["by_owner", "by_text"]
    assert list(definition_of(Base).indexes) == ["by_owner"]


def test_a_table_knows_its_place() -> None:
    class Here(Table):  # here: table
        by_text = Index("text")  # here: index
        text: str

    assert definition_of(Here).where == place_of(__file__, "table")
    assert definition_of(Here).indexes["by_text"].where == place_of(__file__, "index")


def test_a_document_that_was_not_read_has_no_id_yet() -> None:
    log = AuditLog(text="hi")
    assert (log.id, log.creation_time) == ("", 0.0)


def test_documents_are_closed_and_frozen() -> None:
    wrong: Any = AuditLog
    with pytest.raises(ValueError, match="extra"):
        wrong(text="hi", txt="hi")
    with pytest.raises(ValueError, match="frozen"):
        wrong(text="hi").text = "ho"


def test_every_mistake_of_a_table_is_told_at_once_with_its_place() -> None:
    with pytest.raises(Mistakes) as refused:

        class Wrong(Table, name="insert"):  # pyright: ignore[reportUnusedClass]  # here: wrong
            text: str
            size: complex
            patch: Any = Index("text")  # here: reserved
            class_ = Index("text")
            empty = Index()  # here: empty
            twice = Index("text", "text")  # here: twice
            unknown = Index("txt")  # here: unknown
            timed = Index("text", "creation_time")  # here: timed
            inside = Index("text.length")  # here: inside

    assert told(refused.value.exceptions) == [
        ("ReservedName", place_of(__file__, "wrong")),
        ("ReservedName", place_of(__file__, "reserved")),
        ("BadIndex", place_of(__file__, "empty")),
        ("BadIndex", place_of(__file__, "twice")),
        ("UnknownField", place_of(__file__, "unknown")),
        ("UnknownField", place_of(__file__, "timed")),
        ("UnknownField", place_of(__file__, "inside")),
        ("Uncarryable", place_of(__file__, "wrong")),
    ]


def declare(name: str = "things", **body: Any) -> type[Table]:
    annotations = {"text": str, "home": Address, **body.pop("__annotations__", {})}
    namespace = {"__annotations__": annotations, "__module__": __name__, **body}
    metaclass: Any = type(Table)
    made: type[Table] = metaclass("Things", (Table,), namespace, name=name)
    return made


@pytest.mark.parametrize("name", ["_tables", "9lives", "a-b", "größe", "a" * 65])
def test_names_that_no_table_can_have_are_refused(name: str) -> None:
    with pytest.raises(BadName, match="no table can be called"):
        declare(name)


@pytest.mark.parametrize("name", [*sorted(ACCESS_NAMES), "class"])
def test_names_that_the_database_has_already_are_refused(name: str) -> None:
    with pytest.raises(ReservedName, match="no table can be called"):
        declare(name)
    with pytest.raises(ReservedName, match="no index can be called"):
        declare("things", **{name: Index("text")})


@pytest.mark.parametrize("name", ["by_id", "by_creation_time"])
def test_indexes_that_every_table_has_are_not_declared_again(name: str) -> None:
    with pytest.raises(ReservedName):
        declare("things", **{name: Index("text")})


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ((), BadIndex),
        (("text", "text"), BadIndex),
        (("id",), UnknownField),
        (("creation_time",), UnknownField),
        (("_id",), UnknownField),
        (("nowhere",), UnknownField),
        (("",), UnknownField),
        (("home.",), UnknownField),
        ((".text",), UnknownField),
        (("text.length",), UnknownField),
        (("home.country",), UnknownField),
        (("home.city.zip",), UnknownField),
    ],
)
def test_an_index_is_on_fields_that_there_are(
    fields: tuple[str, ...], error: type[Exception]
) -> None:
    with pytest.raises(error):
        declare(by_it=Index(*fields))


def test_an_index_has_at_most_sixteen_fields() -> None:
    fields = [f"f{number}" for number in range(17)]
    annotations = dict.fromkeys(fields, int)
    declare(by_it=Index(*fields[:16]), __annotations__=annotations)
    with pytest.raises(BadIndex, match="has 17 fields"):
        declare(by_it=Index(*fields), __annotations__=annotations)


def test_a_field_has_a_name_that_the_database_takes() -> None:
    with pytest.raises(BadName, match="no field can be called"):
        declare(__annotations__={"a" * 65: int})
    with pytest.raises(Uncarryable, match=r"things\.größe"):
        declare(__annotations__={"größe": int})
    with pytest.raises(Uncarryable, match=r"things\.size is a field with an alias"):
        declare(__annotations__={"size": int}, size=Field(alias="Size"))


class Owner(TypedDict):
    name: str
    phone: NotRequired[str]


class Options(TypedDict, total=False):
    size: int
    kind: Required[str]


@dataclass
class Point:
    x: float
    owner: Owner | None = None


class Everything(Table):
    data: Any
    home: Address
    work: Address | None
    record: dict[str, Address]
    point: Point
    options: Options
    shape: Annotated[Point | Options, "either"]


@pytest.mark.parametrize(
    ("path", "annotation", "is_everywhere"),
    [
        ("home.city.name", str, True),
        ("work.city.name", str, False),
        ("home.street", str | None, True),
        ("record", dict[str, Address], True),
        ("record.home.city", City, False),
        ("data", Any, True),
        ("data.any.thing", Any, False),
        ("point.x", float, True),
        ("point.owner.name", str, False),
        ("point.owner.phone", str, False),
        ("options.size", int, False),
        ("options.kind", str, True),
        ("shape.x", float, False),
        ("shape.kind", str, False),
    ],
)
def test_a_path_leads_to_a_type(path: str, annotation: object, is_everywhere: bool) -> None:
    found = fields_at([Everything], path)
    assert (found.annotation, found.is_everywhere) == (annotation, is_everywhere)


@pytest.mark.parametrize(
    "path", ["record.a b", "record.", "data.", "point.y", "options.x", "shape.y", "point.x.y"]
)
def test_a_path_may_lead_nowhere(path: str) -> None:
    assert fields_at([Everything], path).fields == ()


class Late(Table):
    next: Later | None = None
    by_name = Index("next.name")


late_mistakes = [type(mistake) for mistake in table_mistakes(Late)]


class Later(BaseModel):
    title: str


def test_what_is_defined_further_down_is_looked_at_once_it_is() -> None:
    assert late_mistakes == [UnresolvedType]
    Late.model_rebuild()
    (mistake,) = table_mistakes(Late)
    assert isinstance(mistake, UnknownField)


def test_an_id_is_a_string_that_is_well_formed() -> None:
    text = encode_id(10_001, bytes(16))
    assert Id[User](text) == text
    assert type(Id[Any](text)) is str
    for wrong in ("", "x", text[:-1], f"{text[:-1]}!", text.upper()):
        with pytest.raises(MalformedId):
            Id[User](wrong)


@pytest.mark.parametrize("name", ["list", "all", "id", "creation_time", "text", "json", "copy"])
def test_an_index_hides_no_builtin_no_field_and_no_method(name: str) -> None:
    with pytest.raises(ReservedName, match=f"no index can be called '{name}'"):
        declare("things", __annotations__={"tags": "list[str]"}, **{name: Index("text")})


def test_an_index_is_not_called_like_a_field_of_the_table_that_is_extended() -> None:
    with pytest.raises(ReservedName, match="has a field or a method of that name"):

        class Memo(Base):  # pyright: ignore[reportUnusedClass]
            owner = Index("owner")  # type: ignore[assignment]  # pyright: ignore[reportAssignmentType, reportIncompatibleVariableOverride]  # the mistake


def test_an_index_that_hides_a_type_says_so_where_it_is_used_as_one() -> None:
    index: Any = Index("tags")  # here: hidden
    with pytest.raises(IndexAsType) as refused:
        index[str]
    assert refused.value.where == place_of(__file__, "hidden")


class Shape(Table, name="shapes", discriminator="kind"):
    at: Address
    by_city = Index("at.city.name", "kind")
    by_side = Index("side")


class Circle(Shape):
    kind: Literal["circle"] = "circle"
    radius: float


class Square(Shape):
    kind: Literal["square", "rhombus"]
    side: float


def test_what_extends_a_table_with_a_discriminator_is_a_variant_of_it() -> None:
    assert [is_variant(model) for model in (Shape, Circle, Square)] == [False, True, True]
    assert definition_of(Circle) is definition_of(Square) is definition_of(Shape)
    assert definition_of(Shape).documents == (Circle, Square)
    assert definition_of(User).documents == (User,)
    assert table_mistakes(Shape) == []
    (mistake,) = table_mistakes(Circle)
    assert isinstance(mistake, VariantIsNoTable)


def test_an_index_is_on_a_field_that_some_variant_has() -> None:
    class Shapes(Table, discriminator="kind"):
        by_radius = Index("radius")
        by_side = Index("side")

    class Disc(Shapes):  # pyright: ignore[reportUnusedClass]
        kind: Literal["disc"]
        radius: float

    (mistake,) = table_mistakes(Shapes)
    assert isinstance(mistake, UnknownField)
    assert "'side'" in mistake.message


def test_a_discriminator_needs_variants() -> None:
    class Lonely(Table, discriminator="kind"):
        text: str

    (mistake,) = table_mistakes(Lonely)
    assert isinstance(mistake, NoVariants)


def variant(table: type[Table], *bases: type[Table], **body: Any) -> type[Table]:
    namespace: dict[str, Any] = {"__module__": __name__, "__annotations__": {}, **body}
    keywords = {key: namespace.pop(key) for key in ("name", "discriminator") if key in body}
    metaclass: Any = type(Table)
    made: type[Table] = metaclass("Variant", (bases or (table,)), namespace, **keywords)
    return made


def tagged(tag: object) -> dict[str, Any]:
    return {"__annotations__": {"kind": Literal[tag]}}


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        ({}, NoTag, "its field 'kind' is missing, or is no Literal"),
        ({"__annotations__": {"kind": str}}, NoTag, "its field 'kind'"),
        (tagged("first"), DuplicateVariant, "Variant and First are both tagged 'first'"),
        ({**tagged("x"), "name": "others"}, VariantOption, "a name of its own"),
        ({**tagged("x"), "discriminator": "sort"}, VariantOption, "a discriminator of its own"),
        ({**tagged("x"), "by_text": Index("text")}, VariantOption, "an index by_text of its own"),
        ({**tagged("x"), "__module__": "elsewhere"}, VariantElsewhere, "in another module"),
    ],
)
def test_a_class_that_is_no_variant_is_refused(
    body: dict[str, Any], error: type[Exception], said: str
) -> None:
    class Either(Table, discriminator="kind"):
        text: str

    class First(Either):  # pyright: ignore[reportUnusedClass]
        kind: Literal["first"] = "first"

    with pytest.raises(error, match=said):
        variant(Either, **body)


def test_a_variant_is_not_extended() -> None:
    class Either(Table, discriminator="kind"):
        pass

    class First(Either):
        kind: Literal["first"] = "first"

    with pytest.raises(VariantOfVariant, match="Variant extends First"):
        variant(Either, First, **tagged("second"))


def test_a_variant_that_a_type_was_made_without_is_refused() -> None:
    class Either(Table, discriminator="kind"):
        pass

    class First(Either):  # pyright: ignore[reportUnusedClass]
        kind: Literal["first"] = "first"

    class Holder(BaseModel):  # pyright: ignore[reportUnusedClass]
        held: Either

    with pytest.raises(LateVariant, match="Variant is declared after something used 'either'"):
        variant(Either, **tagged("second"))


class Visit(Table, name="visits"):
    by: Id[User]
    others: list[Id[User] | None]
    minutes: int


def test_the_ids_of_a_stored_document_are_taken_as_they_are_and_nothing_else_of_it() -> None:
    visits = Codec(Visit, what="visits", is_stored=True)
    stored: dict[str, Value] = {
        "_id": "looked at when it was stored",
        "_creationTime": 1.5,
        "by": "this one too",
        "others": ["and this one", None],
        "minutes": 3.0,
    }
    visit = visits.decode(stored)
    assert (visit.id, visit.by, visit.others) == (stored["_id"], stored["by"], stored["others"])
    assert (visit.minutes, type(visit.minutes)) == (3, int)
    mistakes: dict[str, Value] = {"by": 1.0, "others": [2.0], "minutes": 0.5, "more": None}
    for name, wrong in mistakes.items():
        with pytest.raises(Mismatch):
            visits.decode({**stored, name: wrong})
    with pytest.raises(Mismatch):
        Codec(Visit, what="visits").decode(stored)
