"""Tables: what documents of a table hold, and by which fields they are found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, Self, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError
from pydantic_core import core_schema as cs
from typing_extensions import TypeVar

from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.names import name_mistakes, reserved_mistakes, snake_case
from confect_core.values.codec import Codec, early
from confect_core.values.errors import MalformedId
from confect_core.values.ids import decode_id
from confect_core.values.wire_schema import CHECKS_AN_ID

T_co = TypeVar("T_co", covariant=True)

_SYSTEM_FIELDS = {"id": "_id", "creation_time": "_creationTime"}
_MAX_INDEX_FIELDS = 16

ACCESS_NAMES = frozenset(
    [
        "by",
        "change",
        "count",
        "delete",
        "get",
        "insert",
        "normalize_id",
        "patch",
        "query",
        "replace",
        "system",
        "table",
    ]
)
"""What `ctx.db` and the access to a table offer themselves; no table and no index is called so."""


class UnknownField(SpecError):
    """An index names a field that its table does not have."""

    def __init__(self, table: str, index: str, field: str, where: Where) -> None:
        super().__init__(
            f"index {index!r} of table {table!r} is on {field!r}, which is no field of it",
            hint="name fields of the model, dotted if nested; creation_time comes last by itself",
            where=where,
        )


class BadIndex(SpecError):
    """An index without fields, with a field twice, or with too many of them."""

    def __init__(self, table: str, index: str, problem: str, where: Where) -> None:
        super().__init__(
            f"index {index!r} of table {table!r} {problem}",
            hint=f"give it 1 to {_MAX_INDEX_FIELDS} different fields",
            where=where,
        )


class TableDirectory(Protocol):
    """Knows which table an id's number belongs to; what decoding against a database asks."""

    def table_name(self, number: int) -> str | None:
        """The name of the table with this number."""
        ...


class Id(str, Generic[T_co]):
    """The id of a document of table `T`: a string that type checkers keep apart by table.

    At run time ids are plain strings; `Id[Note](text)` is that string, once it is well formed.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        decode_id(text)
        return cast("Self", str(text))

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        del handler
        (target,) = get_args(source) or (None,)

        def check(text: str, info: cs.ValidationInfo) -> str:
            return _checked_id(text, target, info.context)

        return cs.with_info_after_validator_function(
            check, cs.str_schema(strict=True), metadata={CHECKS_AN_ID: True}
        )


class Index:
    """Finds documents by fields, in their order; ties are in order of creation.

    Assign it in the body of a table: `by_author = Index("author")`. A dotted name reaches into a
    nested model.
    """

    def __init__(self, *fields: str) -> None:
        self.fields = fields
        self.where = Where.of_caller()


class Table(BaseModel):
    """Base of the documents of a table: fields are columns, `Index` attributes are its indexes.

        class Note(Table, name="notes"):
            text: str
            author: str
            by_author = Index("author")

    A table without a `name` is named for its class in snake case. Every document has an `id` and a
    `creation_time` in milliseconds; both are empty on a document that was not read from a database.
    """

    model_config = ConfigDict(ignored_types=(Index,), extra="forbid", frozen=True)

    __confect_wire_names__: ClassVar[dict[str, str]] = _SYSTEM_FIELDS
    __confect_table__: ClassVar[TableDefinition]

    id: Id[Self] = Field(default=cast("Any", ""), init=False)
    creation_time: float = Field(default=0.0, init=False)

    def __init_subclass__(cls, *, name: str | None = None, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        where = Where.of_class(cls.__module__)
        indexes = {
            key: value
            for base in reversed(cls.__mro__)
            for key, value in vars(base).items()
            if isinstance(value, Index)
        }
        cls.__confect_table__ = TableDefinition(name or snake_case(cls.__name__), indexes, where)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        definition = cls.__confect_table__
        refuse(f"table {definition.name!r}", early(table_mistakes(cls)))


@dataclass(frozen=True)
class TableDefinition:
    """What the class of a table says beside its fields."""

    name: str
    indexes: Mapping[str, Index]
    where: Where


def definition_of(table: type[Table]) -> TableDefinition:
    """The name and the indexes of a table."""
    return table.__confect_table__


def table_mistakes(model: type[Table]) -> list[SpecError]:
    """Everything in a table that cannot be, as far as its types are defined by now."""
    table = definition_of(model)
    because = "ctx.db has such an attribute"
    mistakes = reserved_mistakes("table", table.name, ACCESS_NAMES, because, table.where)
    for field in model.model_fields.keys() - _SYSTEM_FIELDS.keys():
        # a name of other characters is one that the codec does not carry, as in any model
        mistakes += name_mistakes("field", field, table.where) if field.isascii() else []
    for name, index in table.indexes.items():
        mistakes += _index_mistakes(model, table.name, name, index)
    for mistake in Codec(model, what=table.name).mistakes():
        mistake.where = table.where
        mistakes.append(mistake)
    return mistakes


def _checked_id(text: str, target: object, directory: TableDirectory | None) -> str:
    try:
        number, _ = decode_id(text)
    except MalformedId as error:
        raise PydanticCustomError("id", "{problem}", {"problem": error.message}) from None
    if directory is None or not (isinstance(target, type) and issubclass(target, Table)):
        return text
    wanted = definition_of(target).name
    found = directory.table_name(number)
    if found == wanted:
        return text
    raise PydanticCustomError(
        "id",
        "Expected an id of table {wanted}, found one of table {found}",
        {"wanted": wanted, "found": found or "that does not exist"},
    )


def _index_mistakes(model: type[Table], table: str, name: str, index: Index) -> list[SpecError]:
    taken = ACCESS_NAMES | {"by_id", "by_creation_time"}
    because = "the access to a table has such an attribute"
    mistakes = reserved_mistakes("index", name, taken, because, index.where)
    if not 1 <= len(index.fields) <= _MAX_INDEX_FIELDS:
        mistakes.append(BadIndex(table, name, f"has {len(index.fields)} fields", index.where))
    if len(set(index.fields)) < len(index.fields):
        mistakes.append(BadIndex(table, name, "names a field twice", index.where))
    for field in dict.fromkeys(index.fields):
        if field in _SYSTEM_FIELDS or not _has_field(model, *field.split(".")):
            mistakes.append(UnknownField(table, name, field, index.where))
    return mistakes


def _has_field(model: type[BaseModel], name: str, *rest: str) -> bool:
    """Does a path lead to a field, as far as the models on it are defined by now?"""
    if name not in model.model_fields:
        return False
    annotation = model.model_fields[name].annotation
    if not rest or not model.__pydantic_complete__:
        return True
    inner = model_in(annotation)
    return inner is not None and _has_field(inner, *rest)


def model_in(annotation: Any) -> type[BaseModel] | None:
    """The model of a nested field, behind `Address` or `Address | None`."""
    for each in (annotation, *get_args(annotation)):
        if isinstance(each, type) and issubclass(each, BaseModel):
            return each
    return None
