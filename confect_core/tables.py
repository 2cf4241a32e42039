"""Tables: what documents of a table hold, and by which fields they are found."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Generic, Protocol, Self, Union, cast, get_args

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import PydanticCustomError
from pydantic_core import core_schema as cs
from typing_extensions import Format, TypeVar, get_annotations

from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.names import snake_case
from confect_core.table_checks import (
    SYSTEM_FIELDS,
    hiding_mistakes,
    lateness,
    mistakes_of,
    variant_mistakes,
)
from confect_core.table_definition import Index, TableDefinition, TableUnion
from confect_core.table_errors import NoVariants, VariantIsNoTable, VariantOption
from confect_core.values.codec import early
from confect_core.values.errors import MalformedId
from confect_core.values.ids import decode_id
from confect_core.values.wire_schema import CHECKS_AN_ID

T_co = TypeVar("T_co", covariant=True)
D = TypeVar("D", bound="Table")


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
            check, cs.str_schema(strict=True), metadata={CHECKS_AN_ID: target}
        )


class Table(BaseModel):
    """Base of the documents of a table: fields are columns, `Index` attributes are its indexes.

        class Note(Table, name="notes"):
            text: str
            author: str
            by_author = Index("author")

    A table without a `name` is named for its class in snake case. Every document has an `id` and a
    `creation_time` in milliseconds; both are empty on a document that was not read from a database.

    A class that extends a table is a table of its own. A table with a `discriminator` has variants
    instead: every class that extends it describes some of its documents, which the discriminator
    tells apart. What is read from it is a `TextMessage | ImageMessage`.

        class Message(Table, name="messages", discriminator="kind"):
            room: Id[Room]
            by_room = Index("room")

        class TextMessage(Message):
            kind: Literal["text"] = "text"
            body: str

        class ImageMessage(Message):
            kind: Literal["image"] = "image"
            url: str
    """

    model_config = ConfigDict(ignored_types=(Index,), extra="forbid", frozen=True)

    __confect_wire_names__: ClassVar[dict[str, str]] = SYSTEM_FIELDS
    __confect_table__: ClassVar[TableDefinition]
    __confect_hiding__: ClassVar[list[SpecError]] = []

    id: Id[Self] = Field(default=cast("Any", ""), init=False)
    creation_time: float = Field(default=0.0, init=False)

    def __init_subclass__(
        cls, *, name: str | None = None, discriminator: str | None = None, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        where = Where.of_class(cls.__module__)
        cls.__confect_hiding__ = _without_hiding_indexes(cls)
        extended = getattr(cls, "__confect_table__", None)
        if extended is not None and extended.union is not None:
            options = {"a name": name, "a discriminator": discriminator}
            _become_variant(cls, extended, where, [each for each in options if options[each]])
            return
        indexes = {
            key: value
            for base in reversed(cls.__mro__)
            for key, value in vars(base).items()
            if isinstance(value, Index)
        }
        union = None if discriminator is None else TableUnion(discriminator)
        table = TableDefinition(name or snake_case(cls.__name__), cls, indexes, where, union)
        cls.__confect_table__ = table

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        table = cls.__confect_table__
        if is_variant(cls):
            where = Where.of_class(cls.__module__)
            mistakes = variant_mistakes(cls, table, where)
            refuse(f"the variant {cls.__name__}", [*cls.__confect_hiding__, *mistakes])
            return
        found = [*cls.__confect_hiding__, *early(mistakes_of(table))]
        # variants are declared after their table
        refuse(
            f"table {table.name!r}", [each for each in found if not isinstance(each, NoVariants)]
        )

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        """The schema of a document: of the variants, if the table has such."""
        table: TableDefinition | None = getattr(cls, "__confect_table__", None)
        if table is None or table.model is not cls or table.union is None or not table.documents:
            return handler(source)
        table.union.is_in_use = True
        return handler.generate_schema(_either(table.union))


def definition_of(table: type[Table]) -> TableDefinition:
    """The name and the indexes of a table."""
    return table.__confect_table__


def system_table(table: type[D]) -> type[D]:
    """A table of the database's own: its name has an underscore before it, as no other may."""
    declared = definition_of(table)
    table.__confect_table__ = replace(declared, name=f"_{declared.name}")
    return table


def is_system_table(table: type[Table]) -> bool:
    """Is this a table of the database's own, which no application declares?"""
    return definition_of(table).name.startswith("_")


def is_variant(model: type[Table]) -> bool:
    """Does a class describe some of the documents of the table that it extends?"""
    return definition_of(model).model is not model


def table_mistakes(model: type[Table]) -> list[SpecError]:
    """Everything in a table that cannot be, as far as its types are defined by now."""
    table = definition_of(model)
    if is_variant(model):
        return [VariantIsNoTable(model.__name__, table.name)]
    return mistakes_of(table)


def table_named(target: object) -> str | None:
    """The table that an id points to: its class, one of its variants, or several of them."""
    if isinstance(target, type) and issubclass(target, Table):
        return definition_of(target).name
    names = {table_named(each) for each in get_args(target)}
    return names.pop() if len(names) == 1 else None


def _without_hiding_indexes(cls: type[Table]) -> list[SpecError]:
    """Takes from the body of a class the indexes whose names have another meaning there.

    They have to go before pydantic reads the fields, which it could not with a `list` that is none.
    """
    inherited = {name for base in cls.__bases__ for name in getattr(base, "model_fields", ())}
    own = get_annotations(cls, format=Format.FORWARDREF)
    taken = frozenset({*inherited, *own, *dir(Table)})
    mistakes: list[SpecError] = []
    for name, index in [*vars(cls).items()]:
        if isinstance(index, Index):
            found = hiding_mistakes(name, index, taken)
            mistakes += found
            if found:
                delattr(cls, name)
    return mistakes


def _become_variant(
    cls: type[Table], table: TableDefinition, where: Where, options: list[str]
) -> None:
    options += [f"an index {name}" for name, value in vars(cls).items() if isinstance(value, Index)]
    mistakes: list[SpecError] = [
        VariantOption(cls.__name__, option, table.name, where) for option in options
    ]
    refuse(f"the variant {cls.__name__}", [*mistakes, *lateness(cls, table, where)])
    assert table.union is not None, "asked by the caller"
    table.union.variants.append(cls)


def _either(union: TableUnion) -> Any:
    if len(union.variants) == 1:
        return union.variants[0]
    # `|` cannot join what is only known at run time
    either: Any = Union[tuple(union.variants)]  # noqa: UP007
    return Annotated[either, Field(discriminator=union.discriminator)]


def _checked_id(text: str, target: object, directory: TableDirectory | None) -> str:
    try:
        number, _ = decode_id(text)
    except MalformedId as error:
        raise PydanticCustomError("id", "{problem}", {"problem": error.message}) from None
    wanted = table_named(target)
    if directory is None or wanted is None:
        return text
    found = directory.table_name(number)
    if found == wanted:
        return text
    raise PydanticCustomError(
        "id",
        "Expected an id of table {wanted}, found one of table {found}",
        {"wanted": wanted, "found": found or "that does not exist"},
    )
