"""`db.py`: the tables, with a method for each index and a keyword for each field."""

from __future__ import annotations

from collections.abc import Iterable

from confect_codegen.emit.annotations import AnnotationPrinter, parameter, union
from confect_codegen.emit.imports import Imports
from confect_codegen.emit.layout import WIDTH, Brackets, Node, brackets, lay, run
from confect_codegen.emit.source import camel_case, separated, source
from confect_codegen.model import Default, DocumentModel, FieldModel, IndexModel, TableModel

_MODULE_NAMES = frozenset({"N", "Reader", "Writer", "QueryCtx", "MutationCtx", "data_model"})
_GIVEN = "_given"
_METHODS = frozenset({"insert", "patch", "replace"})


def emit_db(package: str, tables: tuple[TableModel, ...], *, undeclared: bool = False) -> str:
    """The text of `db.py`; with `undeclared`, other tables may be used too."""
    kind = "UndeclaredTables" if undeclared else "Database"
    return _Db(package, tables, (f"{kind}Reader", f"{kind}Writer")).text()


class _Db:
    def __init__(
        self, package: str, tables: tuple[TableModel, ...], bases: tuple[str, str]
    ) -> None:
        self._tables = tables
        self._bases = bases
        self._classes = _class_names(tables)
        names = self._classes.values()
        classes = {f"{name}{end}" for name in names for end in ("Reader", "Writer", "Document")}
        members = {table.name for table in tables}
        members |= {index.name for table in tables for index in table.indexes}
        self._imports = Imports(package, _MODULE_NAMES | _METHODS | classes | members)
        self._types = AnnotationPrinter(package, self._imports)

    def text(self) -> str:
        type_var = self._imports.name("typing_extensions", "TypeVar")
        never = self._imports.name("typing", "Never")
        blocks = [[f'N = {type_var}("N", default={never})']]
        aliases = [line for each in self._tables if each.variants for line in self._alias(each)]
        blocks += [aliases] if aliases else []
        documents = [each for table in self._tables for each in table.documents]
        if any(self._is_made(field) for document in documents for field in document.fields):
            blocks.append(self._given())
        for table in self._tables:
            blocks += [self._reader(table), self._writer(table)]
        reader, writer = map(self._server, self._bases)
        blocks += [
            self._root("Reader", reader, "to read"),
            self._root("Writer", f"Reader, {writer}", "to read and to write"),
            self._application(),
        ]
        return source("Typed access to the tables.", self._imports, separated(blocks, space=2))

    def _application(self) -> list[str]:
        final = self._imports.name("typing", "Final")
        alias = self._imports.name("typing", "TypeAlias")
        classes: list[Node] = [self._types.of_class(table.model) for table in self._tables]
        models = brackets("(", classes if len(classes) != 1 else [run(classes[0], ",")], ")")
        made = brackets("(", [models, "Reader", "Writer"], ")")
        return [
            *lay(run(f"data_model: {final} = {self._server('DataModel')}", made)),
            "",
            f"QueryCtx: {alias} = {self._ctx('QueryCtx')}[N, Reader]",
            f"MutationCtx: {alias} = {self._ctx('MutationCtx')}[N, Writer]",
        ]

    def _server(self, name: str) -> str:
        return self._imports.name("confect_server", name)

    def _ctx(self, name: str) -> str:
        return self._imports.name("confect_server", name, f"Server{name}")

    def _root(self, name: str, bases: str, purpose: str) -> list[str]:
        members: list[list[str]] = [
            [
                f"    @{self._imports.name('functools', 'cached_property')}",
                f"    def {table.name}(self) -> {self._classes[table.name]}{name}:",
                f'        """The table `{table.name}`."""',
                f"        return {self._classes[table.name]}{name}"
                f"(self, {self._types.of_class(table.model)})",
            ]
            for table in self._tables
        ]
        head = [f"class {name}({bases}):", f'    """The tables of this application, {purpose}."""']
        return separated([head, *members], space=1)

    def _alias(self, table: TableModel) -> list[str]:
        """The name of what the documents of a table with variants are."""
        either = union(*(self._types.of_class(each.model) for each in table.variants))
        alias = self._imports.name("typing", "TypeAlias")
        return lay(run(f"{self._document(table)}: {alias} = ", either))

    def _document(self, table: TableModel) -> str:
        if table.variants:
            return f"{self._classes[table.name]}Document"
        return self._types.of_class(table.model)

    def _read_as(self, table: TableModel) -> list[Node]:
        """What the classes of a table are made for: its documents, and its class if it differs."""
        model = self._types.of_class(table.model)
        return [self._document(table), model] if table.variants else [model]

    def _reader(self, table: TableModel) -> list[str]:
        base = brackets(f"{self._server('TableReader')}[", self._read_as(table), "]")
        head = [
            *_class(f"{self._classes[table.name]}Reader", base),
            f'    """Reads the table `{table.name}`."""',
        ]
        answer = f"{self._server('Query')}[{self._document(table)}]"
        methods = [self._index(index, answer) for index in table.indexes]
        return separated([head, *methods], space=1)

    def _index(self, index: IndexModel, answer: str) -> list[str]:
        overload = self._imports.name("typing", "overload")
        lines: list[str] = []
        for count in range(len(index.keywords) + 1):
            bounds = self._bounds(index.keywords[:count])
            lines += [f"    @{overload}"]
            lines += _method(index.name, bounds, f"{answer}: ...", is_async=False)
        names = [keyword.replace("__", ".") for keyword, _ in index.keywords]
        bounds_type = self._imports.builtin("object")
        return [
            *lines,
            f"    def {index.name}(self, **bounds: {bounds_type}) -> {answer}:",
            _order(names),
            f'        return self.by("{index.name}", **bounds)',
        ]

    def _bounds(self, keywords: tuple[tuple[str, object], ...]) -> list[Node]:
        if not keywords:
            return []
        *equal, (last, annotation) = keywords
        range_of = f"{self._server('Range')}[{self._types.text(annotation)}]"
        return [
            "*",
            *(parameter(name, self._types.node(each)) for name, each in equal),
            parameter(last, union(self._types.node(annotation), range_of)),
        ]

    def _writer(self, table: TableModel) -> list[str]:
        name = self._classes[table.name]
        read_as = ["...", *self._read_as(table)]
        base = brackets(f"{self._server('TableWriter')}[", read_as, "]")
        head = [
            *_class(f"{name}Writer", f"{name}Reader", base),
            f'    """Reads and writes the table `{table.name}`."""',
        ]
        id_type = self._imports.name("confect_core", "Id")
        id_of = f"id: {id_type}[{self._types.of_class(table.model)}]"
        inserted = f"{id_type}[{self._document(table)}]"
        if len(table.variants) > 1:
            return separated([head, *self._written_as_variants(table, id_of, inserted)], space=1)
        (document,) = table.documents
        written = self._written(document, id_of, inserted)
        return separated([head, written[0], self._patch(table, id_of), written[1]], space=1)

    def _written(self, document: DocumentModel, id_of: str, inserted: str) -> list[list[str]]:
        """`insert` and `replace` where all documents are alike."""
        fields = [self._field(field) for field in document.fields]
        return [
            [
                *_method("insert", _keywords(fields), f"{inserted}:"),
                '        """Add a document and give its id."""',
                *self._store("return await super().insert", [], document.fields),
            ],
            [
                *_method("replace", [id_of, *_keywords(fields)], "None:"),
                '        """Give a document a new content."""',
                *self._store("await super().replace", ["id"], document.fields),
            ],
        ]

    def _written_as_variants(self, table: TableModel, id_of: str, inserted: str) -> list[list[str]]:
        """The same with an overload for each variant."""
        overload = f"    @{self._imports.name('typing', 'overload')}"
        insert: list[str] = []
        replace: list[str] = []
        for variant in table.variants:
            fields = _keywords([self._field(field) for field in variant.fields])
            insert += [overload, *_method("insert", fields, f"{inserted}: ...")]
            replace += [overload, *_method("replace", [id_of, *fields], "None: ...")]
        taken: list[Node] = [f"**fields: {self._imports.builtin('object')}"]
        every = [field for variant in table.variants for field in variant.fields]
        given = f"{_GIVEN}(**fields)" if any(map(self._is_made, every)) else "fields"
        insert += [
            *_method("insert", taken, f"{inserted}:"),
            '        """Add a document and give its id."""',
            f"        return await super().insert(**{given})",
        ]
        replace += [
            *_method("replace", [id_of, *taken], "None:"),
            '        """Give a document a new content, of another variant perhaps."""',
            f"        await super().replace(id, **{given})",
        ]
        return [insert, self._patch(table, id_of), replace]

    def _patch(self, table: TableModel, id_of: str) -> list[str]:
        changes = [self._change(field) for field in table.fields]
        mentioned: list[Node] = [f'"{field.name}": {field.name}' for field in table.fields]
        change = run("await self.change", brackets("(", ["id", brackets("{", mentioned, "}")], ")"))
        return [
            *_method("patch", [id_of, *_keywords(changes)], "None:"),
            '        """Change some fields of a document."""',
            *lay(change, 8),
        ]

    def _field(self, field: FieldModel) -> Node:
        node = self._types.node(field.annotation)
        if field.default is Default.REQUIRED:
            return parameter(field.name, node)
        if self._is_made(field):
            return parameter(field.name, union(node, self._server("NotChanged")), self._unchanged)
        return parameter(field.name, node, self._types.literal(field.default))

    def _change(self, field: FieldModel) -> Node:
        node = union(self._types.node(field.annotation), self._server("NotChanged"))
        return parameter(field.name, node, self._unchanged)

    @property
    def _unchanged(self) -> str:
        return self._server("UNCHANGED")

    def _is_made(self, field: FieldModel) -> bool:
        """Does only the model know the default? Then it is left to the model."""
        if field.default is Default.REQUIRED:
            return False
        return field.default is Default.MADE or self._types.literal(field.default) is None

    def _store(self, call: str, leading: list[Node], fields: tuple[FieldModel, ...]) -> list[str]:
        given: list[Node] = [_passed(field) for field in fields if not self._is_made(field)]
        made: list[Node] = [_passed(field) for field in fields if self._is_made(field)]
        if made:
            given.append(brackets(f"**{_GIVEN}(", made, ")"))
        return lay(run(call, brackets("(", [*leading, *given], ")")), 8)

    def _given(self) -> list[str]:
        record, text, anything = map(self._imports.builtin, ("dict", "str", "object"))
        return [
            f"def {_GIVEN}(**fields: {anything}) -> {record}[{text}, {anything}]:",
            '    """The fields that are given; the model makes the others."""',
            "    return {name: value for name, value in fields.items() "
            f"if value is not {self._unchanged}}}",
        ]


def _order(names: list[str]) -> str:
    line = f'        """Documents in order of {", ".join(names)}."""'
    if len(line) <= WIDTH:
        return line
    return f'        """Documents in order of {names[0]} and {len(names) - 1} more fields."""'


def _passed(field: FieldModel) -> Node:
    return f"{field.name}={field.name}"


def _class(name: str, *bases: Node) -> list[str]:
    return lay(run(f"class {name}", brackets("(", [*bases], ")"), ":"))


def _method(name: str, parameters: list[Node], answer: str, *, is_async: bool = True) -> list[str]:
    start = "async def" if is_async else "def"
    taken: Brackets = brackets("(", ["self", *parameters], ")")
    return lay(run(f"{start} {name}", taken, f" -> {answer}"), 4)


def _keywords(parameters: Iterable[Node]) -> list[Node]:
    listed = [*parameters]
    return ["*", *listed] if listed else []


def _class_names(tables: tuple[TableModel, ...]) -> dict[str, str]:
    """The start of the names of a table's classes; different tables may look alike in it."""
    names: dict[str, str] = {}
    for table in tables:
        wanted = name = camel_case(table.name)
        number = 2
        while name in names.values():
            name, number = f"{wanted}{number}", number + 1
        names[table.name] = name
    return names
