"""The declared tables as an open database knows them: their numbers, codecs and indexes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import UnionType
from typing import Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from confect_core import Absent, Table
from confect_core.tables import definition_of, model_in
from confect_core.values import UNDEFINED, Undefined, Value
from confect_core.values.absent import ABSENT
from confect_core.values.codec import Codec
from confect_server.db.range import UNBOUNDED, Range, Unbounded
from confect_server.engine import Catalog, IndexDefinition
from confect_server.errors import BadRange, UnknownTable

D = TypeVar("D", bound=Table)

_CREATION_TIME = "creation_time"


class IndexAccess:
    """One index of an open table: where it is, and how bounds on its fields are encoded."""

    def __init__(self, table: type[Table], definition: IndexDefinition) -> None:
        self.definition = definition
        self.table_name = definition_of(table).name
        self.fields = (*(keyword_of(path) for path in definition.fields), _CREATION_TIME)
        found = {keyword_of(path): _field(table, path) for path in definition.fields}
        self._codecs = {
            name: Codec[Any](_present(field), what=name) for name, field in found.items()
        }
        self._codecs[_CREATION_TIME] = Codec(float, what=_CREATION_TIME)
        self._absent_if_none = {name for name, field in found.items() if field.default is None}

    def encode(
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

    def table_name(self, number: int) -> str | None:
        """The name of the table with this number."""
        access = self.by_number.get(number)
        return access.name if access else None

    def of_model(self, model: object) -> TableAccess:
        """The access to a table by its class."""
        name = definition_of(cast("type[Table]", model)).name
        if name not in self.by_name:
            raise UnknownTable(f"{name!r}")
        return self.by_name[name]


def keyword_of(path: str) -> str:
    """The keyword that bounds an index's field: `address.city` is `address__city`."""
    return path.replace(".", "__")


def _open(table: type[Table], catalog: Catalog) -> TableAccess:
    name = definition_of(table).name
    entry = catalog.table(name)
    indexes = {
        index_name: IndexAccess(table, definition)
        for index_name, definition in entry.indexes.items()
    }
    return TableAccess(table, name, entry.number, Codec(table, what=name, is_stored=True), indexes)


def _field(table: type[Table], path: str) -> FieldInfo:
    *parents, last = path.split(".")
    model: type[BaseModel] = table
    for name in parents:
        inner = model_in(model.model_fields[name].annotation)
        assert inner is not None, "the paths of indexes were checked with their table"
        model = inner
    return model.model_fields[last]


def _present(field: FieldInfo) -> Any:
    """The type of a field's value where it is not absent."""
    annotation = field.annotation
    if get_origin(annotation) not in (Union, UnionType):
        return field.rebuild_annotation()
    # `|` cannot join what is only known at run time
    return Union[tuple(each for each in get_args(annotation) if each != Absent)]  # noqa: UP007
