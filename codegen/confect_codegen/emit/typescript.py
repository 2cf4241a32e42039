"""`api.ts`: the functions and documents of an application, for TypeScript and npm's `convex`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from confect_codegen.docstrings import Docstrings
from confect_codegen.emit import typescript_nodes as ts
from confect_codegen.emit.source import MARK, separated
from confect_codegen.emit.typescript_layout import WIDTH, comment, lay
from confect_codegen.emit.typescript_types import TypeScriptTypes, Unwritable
from confect_codegen.errors import UnwritableType
from confect_codegen.model import FunctionModel, GroupModel, ProjectModel
from confect_codegen.naming import Name
from confect_codegen.plain import PlainSignature
from confect_core.errors import ConfectError, TaggedError, refuse
from confect_core.spec import Schemas
from confect_core.spec.call import PAGINATION_OPTS
from confect_core.tables import definition_of

_HEAD = f"// The functions and documents of this application. {MARK}; do not edit."

_OWN_NAMES = (
    "Documents",
    "TableNames",
    "SystemTableNames",
    "Doc",
    "Id",
    "GenericId",
    "FailsWith",
    "DeclaredErrors",
    "FunctionReference",
    "PaginationOptions",
    "PaginationResult",
    "ConvexError",
    "ArrayBuffer",
    "Partial",
    "Record",
)

_TABLES: str = """\
/** The names of the tables. */
export type TableNames = keyof Documents;

/** A document of a table, as functions answer it. */
export type Doc<TableName extends TableNames> = Documents[TableName];

/** The id of a document of a table; a string at run time. */
export type Id<TableName extends TableNames | SystemTableNames> =
  GenericId<TableName>;"""

_ERRORS: str = """\
/** A reference to a function that declares the errors it fails with. */
export type FailsWith<Called, Errors> = Called & { _declaredErrors: Errors };

/** The errors that a function declares, told apart by their `_tag`. */
export type DeclaredErrors<Called> =
  Called extends FailsWith<unknown, infer Errors> ? Errors : never;

/**
 * The declared error that a call of this function failed with, or undefined if
 * it failed with anything else.
 *
 *     const failure = declaredError(api.notes.get, error);
 *     if (failure?._tag === "NoteNotFound") show(failure.note_id);
 */
export function declaredError<
  Called extends FunctionReference<any, "public", any, any>,
>(called: Called, error: unknown): DeclaredErrors<Called> | undefined {
  if (!(error instanceof ConvexError)) return undefined;
  const data: unknown = error.data;
  if (typeof data !== "object" || data === null || !("_tag" in data)) {
    return undefined;
  }
  const isDeclared = declaredTags[getFunctionName(called)]?.some(
    (tag) => tag === data._tag,
  );
  return isDeclared ? (data as DeclaredErrors<Called>) : undefined;
}"""


def emit_typescript(model: ProjectModel) -> str:
    """The text of `api.ts`; raises everything in types that TypeScript has no type for."""
    return _TypeScript(model).text()


class _TypeScript:
    def __init__(self, model: ProjectModel) -> None:
        self._model = model
        self._docstrings = Docstrings()
        self._types = TypeScriptTypes(self._docstrings, frozenset(_OWN_NAMES))
        self._mistakes: list[ConfectError] = []

    def text(self) -> str:
        documents = self._documents()
        public, internal = self._api(is_public=True), self._api(is_public=False)
        refuse(f"the types of {self._model.package}", self._mistakes)
        named = self._types.declared.named
        used = self._types.declared.used_by(documents, public, internal)
        blocks = [
            _declared("Documents", "The documents of each table.", named(documents)),
            *(each.splitlines() for each in _TABLES.split("\n\n")),
            *(_declared(name, doc, made) for name, doc, made in used),
            _root("api", "The functions that clients may call.", named(public)),
            _root("internal", "The functions that only other functions may call.", named(internal)),
            self._tags(),
            _ERRORS.splitlines(),
        ]
        lines = separated([[_HEAD], self._imports(), *blocks], space=1)
        return "\n".join(lines) + "\n"

    def _imports(self) -> list[str]:
        values = ["anyApi", "getFunctionName"]
        types = ["FunctionReference", "SystemTableNames"]
        types += self._types.imported
        return [
            *_import([*values, *(f"type {each}" for each in sorted(types))], "convex/server"),
            *_import(["ConvexError", "type GenericId"], "convex/values"),
        ]

    def _documents(self) -> ts.Object:
        fields: list[ts.Field] = []
        for table in self._model.tables:
            try:
                fields.append(ts.Field(table.name, self._types.of(table.model, "received")))
            except Unwritable as mistake:
                what, where = f"the table {table.name}", definition_of(table.model).where
                self._mistakes.append(UnwritableType(what, str(mistake), where))
        return ts.Object(tuple(fields))

    # functions

    def _api(self, *, is_public: bool) -> ts.Object:
        """The tree of all references, whose types may still refer to others."""
        return ts.Object(tuple(self._groups(self._model.groups, is_public)))

    def _groups(self, groups: Iterable[GroupModel], is_public: bool) -> Iterator[ts.Field]:
        for group in groups:
            if group.has(is_public=is_public):
                functions = self._functions(group, is_public)
                members = ts.Object((*functions, *self._groups(group.groups, is_public)))
                yield ts.Field(group.name, members, doc=self._said_of(group.source))

    def _functions(self, group: GroupModel, is_public: bool) -> Iterator[ts.Field]:
        for function in group.functions:
            if function.is_public is is_public:
                try:
                    reference = self._reference(function)
                except Unwritable as mistake:
                    self._mistakes.append(
                        UnwritableType(function.path, str(mistake), function.where)
                    )
                    continue
                yield ts.Field(function.name, reference, doc=self._said_of_function(function))

    def _reference(self, function: FunctionModel) -> ts.Type:
        kind = "query" if function.kind == "paginated query" else function.kind
        parts: list[ts.Type] = [
            ts.constant(kind),
            ts.constant("public" if function.is_public else "internal"),
            self._arguments(function),
            self._answer(function),
        ]
        reference = ts.Applied("FunctionReference", tuple(parts))
        errors = [self._types.of_error(each) for each in _errors_of(function)]
        return ts.Applied("FailsWith", (reference, ts.union(*errors))) if errors else reference

    def _arguments(self, function: FunctionModel) -> ts.Object:
        contract = function.contract
        if isinstance(contract, Schemas):
            fields = self._types.of_arguments(contract.args).fields
        else:
            assert contract is not None, "signatures are read before this"
            fields = tuple(
                ts.Field(name, self._types.of(each, "sent"), name in contract.optional)
                for name, each in contract.parameters.items()
            )
        if function.kind == "paginated query":
            self._types.imported.add("PaginationOptions")
            fields = (*fields, ts.Field(PAGINATION_OPTS, "PaginationOptions"))
        return ts.Object(fields, is_open=False)

    def _answer(self, function: FunctionModel) -> ts.Type:
        assert function.contract is not None, "signatures are read before this"
        return self._types.of(function.contract.returns, "received")

    def _tags(self) -> list[str]:
        """Which errors a function declares, for `declaredError`.

        Internal ones are left out, because this goes to whoever loads the page.
        """
        head = "const declaredTags: { [path: string]: readonly string[] } = {"
        entries = [
            line
            for group in self._model.all_groups()
            for function in group.functions
            if function.is_public and (errors := _errors_of(function))
            for line in _entry(_path_of(function), [error.tag for error in errors])
        ]
        return [head, *entries, "};"] if entries else [f"{head}}};"]

    # what is said

    def _said_of(self, name: Name | None) -> str:
        return "" if name is None else self._docstrings.of(name)

    def _said_of_function(self, function: FunctionModel) -> str:
        said = self._docstrings.of(function.source)
        if not said and isinstance(function.contract, PlainSignature):
            return self._docstrings.of(function.contract.name)
        return said


def _errors_of(function: FunctionModel) -> tuple[type[TaggedError], ...]:
    """What a function fails with, by itself or by what is in front of it."""
    joined = function.behind.joined
    if isinstance(function.contract, Schemas):
        return function.contract.declared_errors.joined(joined).classes
    return joined.classes


def _path_of(function: FunctionModel) -> str:
    """The path as npm's client says it, which leaves out `default`."""
    return function.path.removesuffix(":default")


def _import(names: list[str], package: str) -> list[str]:
    line = f'import {{ {", ".join(names)} }} from "{package}";'
    if len(line) <= WIDTH:
        return [line]
    return ["import {", *(f"  {each}," for each in names), f'}} from "{package}";']


def _declared(name: str, doc: str, made: ts.Type) -> list[str]:
    return [*comment(doc), *lay(f"export type {name} = ", made, ";")]


def _root(name: str, doc: str, tree: ts.Type) -> list[str]:
    start = f"export const {name} = anyApi as unknown as "
    return [*comment(doc), *lay(start, tree, ";")]


def _entry(path: str, tags: list[str]) -> list[str]:
    texts = [ts.constant(each) for each in tags]
    line = f"  {ts.constant(path)}: [{', '.join(texts)}],"
    if len(line) <= WIDTH:
        return [line]
    return [f"  {ts.constant(path)}: [", *(f"    {each}," for each in texts), "  ],"]
