"""How schemas and their differences are printed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from confect_codegen.report import Piece, Style
from confect_server.db.schema_diff import (
    FieldChange,
    IndexChange,
    SchemaDiff,
    Sign,
    StoredTable,
    TableDiff,
    fields_of,
)
from confect_server.errors import SchemaRefusesDocument

Line = list[Piece]

_STYLES: dict[Sign, Style] = {"+": "green", "-": "bold red", "~": "cyan"}


def lines_of_diff(diff: SchemaDiff) -> Iterator[Line]:
    """What changes: `+` is new, `-` is gone, `~` is different."""
    for table in diff.tables:
        yield from _of_table(table)
    if work := _work(diff):
        yield [Piece(work)]


def lines_of_refused(refused: Sequence[SchemaRefusesDocument]) -> Iterator[Line]:
    """The documents that do not fit, with the problem of each."""
    for each in refused:
        yield [
            Piece("✘ ", "bold red"),
            Piece(f"document {each.id} of {each.table} would be refused", "bold"),
        ]
        for line in each.problem.splitlines():
            yield [Piece(f"    {line}")]
    if refused:
        yield [Piece("  hint: ", "green"), Piece(refused[0].hint)]


def lines_of_tables(tables: Mapping[str, StoredTable]) -> Iterator[Line]:
    """The tables of a database with their fields and indexes."""
    for name, table in sorted(tables.items()):
        yield [Piece(name, "bold"), Piece(f" · {_several(table.documents, 'document')}", "dim")]
        if table.shape is None:
            yield [Piece("    not declared: its documents may hold anything", "dim")]
        else:
            for tag, fields in sorted(
                fields_of(table.shape).items(), key=lambda each: each[0] or ""
            ):
                for field, text in sorted(fields.items()):
                    yield [Piece(f"    {_path(tag, field)}: {text}")]
        for index in table.indexes:
            filling = "" if index.is_ready else ", which is being filled"
            yield [Piece(f"    index {index.name} ({', '.join(index.fields)}){filling}")]


def _of_table(table: TableDiff) -> Iterator[Line]:
    documents = "" if table.sign == "+" else f" · {_several(table.documents, 'document')}"
    yield _signed(table.sign, f"table {table.name}", documents)
    if table.sign == "-":
        yield [Piece("    no longer declared: its documents and its indexes stay", "dim")]
    for field in table.fields:
        yield _signed(field.sign, _field(field), indent=4)
    if table.has_new_shape and not table.fields:
        yield _signed("~", "its documents are checked otherwise than before", indent=4)
    for index in table.indexes:
        filled = f" · filled with {_several(table.documents, 'document')}"
        is_filled = table.is_filled and index.sign != "-"
        yield _signed(index.sign, _index(index), filled if is_filled else "", indent=4)


def _signed(sign: Sign, text: str, more: str = "", *, indent: int = 0) -> Line:
    return [Piece(f"{' ' * indent}{sign} ", _STYLES[sign]), Piece(text), Piece(more, "dim")]


def _field(field: FieldChange) -> str:
    path = _path(field.variant, field.name)
    if field.sign != "~":
        return f"{path}: {field.now or field.was}"
    if field.was == field.now:
        return f"{path}: {field.now}, checked otherwise than before"
    return f"{path}: {field.was} → {field.now}"


def _index(index: IndexChange) -> str:
    told = [", ".join(fields) for fields in (index.was, index.now) if fields is not None]
    return f"index {index.name} ({') → ('.join(told)})"


def _path(variant: str | None, field: str) -> str:
    return field if variant is None else f"{variant}.{field}"


def _work(diff: SchemaDiff) -> str:
    parts = [
        (
            diff.documents_to_validate,
            f"{_several(diff.documents_to_validate, 'document')} to validate",
        ),
        (diff.indexes_to_fill, f"{_several(diff.indexes_to_fill, 'index')} to fill"),
    ]
    return ", ".join(text for count, text in parts if count)


def _several(count: int, what: str) -> str:
    plural = "indexes" if what == "index" else f"{what}s"
    return f"{count:,} {what if count == 1 else plural}"
