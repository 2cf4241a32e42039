"""What can be wrong with a project, each as a class of its own.

::

    ProjectError
    ├── finding it         NoProject, NotConfigured, BadConfiguration, NoPackage
    ├── loading it         NoSpecModule, NoSpec, NoImplModule, NoImpl, ImportFailed, BrokenSource
    ├── generating it      StaleCode
    ├── what it declares   SpecImportsServer, SpecImportsGenerated, UnnamedSpec, PrivateName,
    │                      AmbiguousConstructor, AmbiguousAttribute, UnprintableType,
    │                      UnwritableType, UnknownTable, DuplicateTable, ReservedField
    ├── plain functions    PlainNotFound, PlainNeedsImpls, NotAsync, NoCtx, WrongCtx,
    │                      NoPaginationOptions, BadParameter, UnresolvedSignature, ServerOnlyType
    ├── what it implements GroupNotProvided, GroupNotDeclared
    ├── how it runs        NotReproducible and below it, in determinism/errors.py
    └── calling its server NoServer, ServerUnreachable, BadArguments, CallFailed
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from confect_core.errors import ProjectError, Where


class NoProject(ProjectError):
    """There is no `pyproject.toml` where a project was looked for."""

    def __init__(self, directory: Path) -> None:
        super().__init__(
            f"{directory} is in no project: neither it nor a folder above has a pyproject.toml",
            hint="name the project's folder, or add a pyproject.toml with a table [tool.confect]",
        )


class NotConfigured(ProjectError):
    """A `pyproject.toml` without a table `[tool.confect]`."""

    def __init__(self, where: Where) -> None:
        super().__init__(
            "there is no table [tool.confect]",
            hint='add it: [tool.confect] with app = "app", the name of your package',
            where=where,
        )


class BadConfiguration(ProjectError):
    """A `pyproject.toml` that cannot be read, or a setting that cannot be."""

    def __init__(self, problem: str, where: Where) -> None:
        super().__init__(
            problem,
            hint='[tool.confect] takes app = "app", undeclared_tables = false, '
            'typescript = "web/api.ts" '
            "and the tables limits, retention, memory, sharing and checks",
            where=where,
        )


class NoPackage(ProjectError):
    """The package that the project names does not exist."""

    def __init__(self, package: str, root: Path, where: Where) -> None:
        super().__init__(
            f"there is no package {package!r} in {root}",
            hint=f"make the folder {package}/ with an __init__.py, or name another with `app`",
            where=where,
        )


class NoSpecModule(ProjectError):
    """The package has no module `spec`."""

    def __init__(self, package: str, where: Where) -> None:
        super().__init__(
            f"{package} has no module spec",
            hint=f"write {package}/spec.py with `spec = Spec.make().add(...)`",
            where=where,
        )


class NoSpec(ProjectError):
    """The module `spec` has no `spec` in it."""

    def __init__(self, module: str, found: str, where: Where) -> None:
        super().__init__(
            f"{module} defines {found}",
            hint="assign the whole tree to it: `spec = Spec.make().add(...)`",
            where=where,
        )


class NoImplModule(ProjectError):
    """The package has no module `impl`."""

    def __init__(self, package: str, where: Where) -> None:
        super().__init__(
            f"{package} has no module impl",
            hint=f"write {package}/impl.py with `app = Impl(layers()).provide(...)`",
            where=where,
        )


class NoImpl(ProjectError):
    """The module `impl` has no `app` in it."""

    def __init__(self, module: str, found: str, where: Where) -> None:
        super().__init__(
            f"{module} defines {found}",
            hint="assign the application to it: `app = Impl(layers()).provide(...)`",
            where=where,
        )


class ImportFailed(ProjectError):
    """A module of the project raised while it was imported."""

    def __init__(self, module: str, error: BaseException, where: Where) -> None:
        said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        super().__init__(
            f"importing {module} raised {said}",
            hint="correct this line; modules are imported to learn what they declare",
            where=where,
        )


class BrokenSource(ProjectError):
    """A module of the project is no Python."""

    def __init__(self, problem: str, where: Where) -> None:
        super().__init__(problem, hint="correct the syntax of this line", where=where)


class StaleCode(ProjectError):
    """Generated modules that are not what would be generated now."""

    def __init__(self, files: Sequence[Path]) -> None:
        shown = ", ".join(each.name for each in files)
        super().__init__(
            f"the generated code is stale: {shown}",
            hint="run `confect codegen`, and check again",
        )


class SpecImportsServer(ProjectError):
    """A module that clients import would bring the server along."""

    def __init__(self, chain: Sequence[str], imported: str, where: Where) -> None:
        via = " imports ".join([*chain, imported])
        super().__init__(
            f"clients import {chain[0]}, and {via}",
            hint="move what specs need into a module without the server, "
            "or import under `if TYPE_CHECKING:`",
            where=where,
        )


class SpecImportsGenerated(ProjectError):
    """A spec that needs the code which is generated from it."""

    def __init__(self, chain: Sequence[str], imported: str, where: Where) -> None:
        via = " imports ".join([*chain, imported])
        super().__init__(
            f"specs come before generated code, but {via}",
            hint="import the spec or the table itself, or import under `if TYPE_CHECKING:`",
            where=where,
        )


class UnnamedSpec(ProjectError):
    """A function spec that no module names, so that generated code cannot refer to it."""

    def __init__(self, path: str, where: Where) -> None:
        super().__init__(
            f"the spec of {path} has no name of its own",
            hint="assign it at the top of a module, then add it: "
            "`list_ = FunctionSpec.public_query(...)`",
            where=where,
        )


class PrivateName(ProjectError):
    """A private name that generated code would have to use."""

    def __init__(self, name: str, where: Where) -> None:
        super().__init__(
            f"{name} is private, but generated code in another module needs it",
            hint="remove the leading underscore",
            where=where,
        )


class AmbiguousConstructor(ProjectError):
    """Two groups whose constructors in `impls` would have one name."""

    def __init__(self, name: str, first: str, second: str, where: Where) -> None:
        super().__init__(
            f"the groups {first} and {second} would both be implemented by impls.{name}",
            hint="rename one of them",
            where=where,
        )


class AmbiguousAttribute(ProjectError):
    """Two members of a group that would be one attribute of its refs."""

    def __init__(self, name: str, group: str, where: Where) -> None:
        super().__init__(
            f"two members of {group} would both be the attribute {name} of its refs",
            hint="rename one of them: keywords of Python get a trailing underscore",
            where=where,
        )


class UnprintableType(ProjectError):
    """A type that generated code cannot name."""

    def __init__(self, what: str, shown: str, where: Where) -> None:
        super().__init__(
            f"{what} has the type {shown}, which generated code cannot name",
            hint="give it a public name at the top of a module that clients may import",
            where=where,
        )


class UnwritableType(ProjectError):
    """A type that is known to travel, but not as what, so that TypeScript cannot be told."""

    def __init__(self, what: str, shown: str, where: Where) -> None:
        super().__init__(
            f"{what} has a part that TypeScript has no type for: {shown}",
            hint="annotate what its serializer returns with a type that travels, such as str",
            where=where,
        )


class UnknownTable(ProjectError):
    """An id of, or a document from, a table that is not among the project's tables."""

    def __init__(self, what: str, table: str, module: str, where: Where) -> None:
        super().__init__(
            f"{what} speaks of the table {table}, which is not in {module}",
            hint=f"define the table in {module}, or in a module of a package of that name",
            where=where,
        )


class DuplicateTable(ProjectError):
    """Two tables of one name."""

    def __init__(self, table: str, first: Where, where: Where) -> None:
        super().__init__(
            f"there are two tables called {table!r}; the other one is at {first}",
            hint='rename one of them: `class Note(Table, name="other")`',
            where=where,
        )


class ReservedField(ProjectError):
    """A field that generated methods cannot take as a keyword."""

    def __init__(self, table: str, field: str, where: Where) -> None:
        super().__init__(
            f"table {table!r} has a field called {field!r}, which methods call themselves",
            hint="rename the field",
            where=where,
        )


class PlainNotFound(ProjectError):
    """A plain function that the lambda of its spec does not lead to."""

    def __init__(self, path: str, problem: str, where: Where) -> None:
        super().__init__(
            f"the plain function of {path} cannot be found: {problem}",
            hint="import it under `if TYPE_CHECKING:` and name it alone: `lambda: _search`",
            where=where,
        )


class PlainNeedsImpls(ProjectError):
    """A plain function in a module that needs the constructors which are generated from it."""

    def __init__(self, package: str, where: Where) -> None:
        super().__init__(
            f"{package}._generated.impls is made from plain functions, but is imported by one",
            hint="move the plain function into a module that does not import impls",
            where=where,
        )


class NotAsync(ProjectError):
    """A plain function that is no coroutine function."""

    def __init__(self, function: str, where: Where) -> None:
        super().__init__(
            f"{function} is not an async function",
            hint="declare it with `async def`",
            where=where,
        )


class NoCtx(ProjectError):
    """A plain function whose first parameter is no annotated ctx."""

    def __init__(self, function: str, wanted: str, where: Where) -> None:
        super().__init__(
            f"{function} takes no ctx",
            hint=f"let its first parameter be `ctx: {wanted}`",
            where=where,
        )


class WrongCtx(ProjectError):
    """A plain function that asks for more than its kind of function is given."""

    def __init__(self, function: str, kind: str, given: str, wanted: str, where: Where) -> None:
        super().__init__(
            f"{function} is declared as a {kind} but takes a {given}",
            hint=f"take a {wanted}, or declare it as what it is in the spec",
            where=where,
        )


class NoPaginationOptions(ProjectError):
    """A plain paginated query that does not take the page that is asked for."""

    def __init__(self, function: str, where: Where) -> None:
        super().__init__(
            f"{function} is a paginated query and does not take the page that is asked for",
            hint="let its second parameter be `options: PaginationOptions`",
            where=where,
        )


class BadParameter(ProjectError):
    """A parameter of a plain function that cannot be an argument of a call."""

    def __init__(self, function: str, parameter: str, problem: str, where: Where) -> None:
        super().__init__(
            f"the parameter {parameter} of {function} {problem}",
            hint="give it a name of its own and an annotation",
            where=where,
        )


class UnresolvedSignature(ProjectError):
    """An annotation of a plain function that means nothing when it is read."""

    def __init__(self, function: str, problem: str, where: Where) -> None:
        super().__init__(
            f"the signature of {function} cannot be read: {problem}",
            hint="annotate every parameter and the result, with types imported at run time",
            where=where,
        )


class ServerOnlyType(ProjectError):
    """A type in the signature of a plain function that clients cannot import."""

    def __init__(self, function: str, name: str, module: str, where: Where) -> None:
        super().__init__(
            f"the signature of {function} holds {name}, and importing {module} loads the server",
            hint="move the type into a module without the server, such as the one of the spec",
            where=where,
        )


class GroupNotProvided(ProjectError):
    """A declared group that the application does not implement."""

    def __init__(self, group: str, where: Where) -> None:
        super().__init__(
            f"the application provides no implementation of the group {group!r}",
            hint="add it: `app = Impl(...).provide(..., <the group>)`",
            where=where,
        )


class GroupNotDeclared(ProjectError):
    """An implemented group that the spec does not declare."""

    def __init__(self, group: str, where: Where) -> None:
        super().__init__(
            f"the application provides the group {group!r}, which the spec does not declare",
            hint="add it to the spec: `spec = Spec.make().add(...)`, and run `confect codegen`",
            where=where,
        )


class NoServer(ProjectError):
    """No server of this project is running."""

    def __init__(self, root: Path) -> None:
        super().__init__(
            f"no server of {root} is running",
            hint="start one with `confect dev`, or name one with --url",
        )


class ServerUnreachable(ProjectError):
    """A server that does not answer."""

    def __init__(self, url: str, problem: str) -> None:
        super().__init__(
            f"{url} does not answer: {problem}",
            hint="start it with `confect dev`, or name another with --url",
        )


class BadArguments(ProjectError):
    """Arguments on the command line that are no JSON object."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(
            f"the arguments {text} cannot be read: {problem}",
            hint="""pass a JSON object in single quotes: '{"text": "hello"}'""",
        )


class BadUser(ProjectError):
    """A user to act as that is no JSON object."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(
            f"the user {text} cannot be read: {problem}",
            hint="""pass --as '{"issuer": "https://id.example.com", "subject": "ada"}'""",
        )


class CallFailed(ProjectError):
    """A call from the command line that failed."""

    def __init__(self, path: str, message: str, data: str | None) -> None:
        super().__init__(
            f"{path} failed: {message}" + (f"\n{data}" if data else ""),
            hint="the server's log says more",
        )


class NotChanged(ProjectError):
    """Environment variables that a server did not list or change."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            hint="nothing was changed; `confect env list` shows what there is",
        )


class NoSuchVariable(ProjectError):
    """An environment variable that is not stored."""

    def __init__(self, name: str, stored: Sequence[str]) -> None:
        super().__init__(
            f"{name} is not stored",
            hint=f"stored are {', '.join(stored) or 'none'}; `confect env set {name}=...` sets it",
        )


class BadAssignment(ProjectError):
    """What is no variable with a value."""

    def __init__(self, text: str) -> None:
        super().__init__(
            f"{text!r} has no value",
            hint="write NAME=VALUE for each, or one NAME alone to have its value read",
        )
