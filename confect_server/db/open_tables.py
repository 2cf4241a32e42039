"""The declared tables as an open database knows them: their numbers, codecs and indexes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic.fields import FieldInfo

from confect_core import Absent, Table
from confect_core.field_paths import FieldsAt, fields_at
from confect_core.table_checks import tags_of
from confect_core.table_definition import TableUnion
from confect_core.table_errors import VariantIsNoTable
from confect_core.tables import definition_of, is_variant
from confect_core.values import UNDEFINED, Interval, Undefined, Value, key_of
from confect_core.values.absent import ABSENT
from confect_core.values.codec import Codec
from confect_core.values.field_names import SYSTEM_FIELDS
from confect_core.values.limits import MAX_SAFE_INTEGER
from confect_server.db.range import UNBOUNDED, Range, Unbounded, interval_of
from confect_server.engine import EMPTY_CATALOG, Catalog, IndexDefinition
from confect_server.errors import BadRange, UnknownTable, UnknownVariant

D = TypeVar("D", bound=Table)

_CREATION_TIME = "creation_time"


class IndexAccess:
    """One index of an open table: where it is, and how bounds on its fields are encoded."""

    def __init__(self, table: type[Table], definition: IndexDefinition) -> None:
        self.definition = definition
        self.table_name = definition_of(table).name
        self.fields = (*(keyword_of(path) for path in definition.fields), _CREATION_TIME)
        documents = definition_of(table).documents
        found = {keyword_of(path): fields_at(documents, path) for path in definition.fields}
        types = {name: _present(each) for name, each in found.items()}
        self._codecs = {name: Codec[Any](each, what=name) for name, each in types.items()}
        self._texts = {name for name, each in types.items() if each is str}
        self._numbers = {name for name, each in types.items() if each is int or each is float}
        self._codecs[_CREATION_TIME] = Codec(float, what=_CREATION_TIME)
        self._absent_if_none = {
            name
            for name, each in found.items()
            if all(field.default is None for field in each.fields)
        }

    def interval(self, bounds: Mapping[str, object]) -> Interval:
        """What these bounds select; raises `BadRange`.

        One value for the first field is what most queries ask for, and is looked at alone.
        """
        if len(bounds) == 1:
            ((name, bound),) = bounds.items()
            if name == self.fields[0] and not isinstance(bound, Range):
                return Interval.prefix(key_of((self._value(name, bound),)))
        return interval_of(self.table_name, self.definition.name, self.fields, self._encode(bounds))

    def _encode(
        self, bounds: Mapping[str, object]
    ) -> dict[str, Value | Undefined | Range[Value | Undefined]]:
        """The bounds as index keys hold them: an absent field is undefined."""
        return {name: self._bound(name, bound) for name, bound in bounds.items()}

    def _bound(self, name: str, bound: object) -> Value | Undefined | Range[Value | Undefined]:
        if not isinstance(bound, Range):
            return self._value(name, bound)
        ends = cast("Range[object]", bound)
        return Range(
            gt=self._end(name, ends.gt),
            gte=self._end(name, ends.gte),
            lt=self._end(name, ends.lt),
            lte=self._end(name, ends.lte),
        )

    def _end(self, name: str, end: object) -> Value | Undefined | Unbounded:
        return UNBOUNDED if end is UNBOUNDED else self._value(name, end)

    def _value(self, name: str, value: object) -> Value | Undefined:
        if type(value) is str and name in self._texts and value.isascii():
            return value  # as the codec would, in a tenth of its time
        if type(value) is int and name in self._numbers and abs(value) <= MAX_SAFE_INTEGER:
            return float(value)
        if value is ABSENT:
            return UNDEFINED
        if value is None and name in self._absent_if_none:
            return UNDEFINED
        if name not in self._codecs:
            raise BadRange(self.table_name, self.definition.name, f"a bound on {name}")
        return self._codecs[name].encode(value)


@dataclass(frozen=True)
class TableAccess:
    """One declared table in an open database: its number, its codec, its indexes."""

    model: type[Table]
    name: str
    number: int
    codec: Codec[Any]
    indexes: Mapping[str, IndexAccess]
    make: Callable[..., Table]
    """Makes a document of its fields."""

    def encode(self, document: Table) -> dict[str, Value]:
        """What is stored of a document beside its system fields."""
        encoded = cast("dict[str, Value]", self.codec.encode(document))
        for name in SYSTEM_FIELDS:
            encoded.pop(name, None)
        return encoded


@dataclass(frozen=True)
class OpenTables:
    """The declared tables as an open database knows them; answers which table an id is of."""

    by_name: Mapping[str, TableAccess] = field(default_factory=dict[str, TableAccess])
    by_number: Mapping[int, TableAccess] = field(default_factory=dict[int, TableAccess])

    @classmethod
    def of(cls, tables: Iterable[type[Table]], catalog: Catalog) -> OpenTables:
        """These tables, as the catalog numbers them."""
        opened = [_open(table, catalog) for table in tables]
        return cls({each.name: each for each in opened}, {each.number: each for each in opened})

    @cached_property
    def _by_model(self) -> dict[object, TableAccess]:
        return {}  # those that were asked for: each function does, every time that it runs

    def table_name(self, number: int) -> str | None:
        """The name of the table with this number."""
        access = self.by_number.get(number)
        return access.name if access else EMPTY_CATALOG.table_name(number)

    def of_model(self, model: object) -> TableAccess:
        """The access to a table by its class."""
        known = self._by_model.get(model)
        if known is not None:
            return known
        table = cast("type[Table]", model)
        if is_variant(table):
            raise VariantIsNoTable(table.__name__, definition_of(table).name)
        access = self._by_model[model] = self.of_document(table)
        return access

    def of_document(self, model: type[Table]) -> TableAccess:
        """The access to the table that holds documents of a class, a variant perhaps."""
        name = definition_of(model).name
        if name not in self.by_name:
            raise UnknownTable(f"{name!r}")
        return self.by_name[name]


def keyword_of(path: str) -> str:
    """The keyword that bounds an index's field: `address.city` is `address__city`."""
    return path.replace(".", "__")


class _VariantMaker:
    """Makes a document of the variant that its discriminator names."""

    def __init__(self, table: str, union: TableUnion) -> None:
        self._table = table
        self._discriminator = union.discriminator
        self._variants = {
            tag: variant
            for variant in union.variants
            for tag in tags_of(variant, union.discriminator)
        }

    def __call__(self, **fields: object) -> Table:
        tag = fields.get(self._discriminator)
        if not isinstance(tag, Hashable) or tag not in self._variants:
            raise UnknownVariant(self._table, self._discriminator, tag, [*self._variants])
        return cast("Table", self._variants[tag](**fields))


def _open(table: type[Table], catalog: Catalog) -> TableAccess:
    definition = definition_of(table)
    entry = catalog.table(definition.name)
    indexes = {index_name: IndexAccess(table, index) for index_name, index in entry.indexes.items()}
    codec = Codec[Any](table, what=definition.name, is_stored=True)
    union = definition.union
    make = table if union is None else _VariantMaker(definition.name, union)
    return TableAccess(table, definition.name, entry.number, codec, indexes, make)


def _present(found: FieldsAt) -> Any:
    """The type of what is at a path where it is not absent."""
    if not found.fields:
        return Any  # an index that another version of the program declares
    # `|` cannot join what is only known at run time
    return Union[tuple(_present_in(field) for field in found.fields)]  # noqa: UP007


def _present_in(field: FieldInfo) -> Any:
    annotation = field.annotation
    if get_origin(annotation) not in (Union, UnionType):
        return field.rebuild_annotation()
    return Union[tuple(each for each in get_args(annotation) if each != Absent)]  # noqa: UP007
