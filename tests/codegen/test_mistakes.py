"""Every mistake that a project can have is refused by name, at the line that makes it."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from pathlib import Path

import pytest

from confect_codegen import errors
from confect_codegen.errors import (
    AmbiguousAttribute,
    AmbiguousConstructor,
    BadParameter,
    BrokenSource,
    DuplicateTable,
    ImportFailed,
    NoCtx,
    NoPaginationOptions,
    NoSpec,
    NoSpecModule,
    NotAsync,
    PlainNeedsImpls,
    PlainNotFound,
    PrivateName,
    ReservedField,
    ServerOnlyType,
    SpecImportsGenerated,
    SpecImportsServer,
    UnknownTable,
    UnnamedSpec,
    UnprintableType,
    UnresolvedSignature,
    UnwritableType,
    WrongCtx,
)
from confect_core.errors import ConfectError, ProjectError
from confect_server.errors import PlainMismatch
from tests.codegen.projects import line_of, mistakes_in, write_project

SPEC_OF_PLAIN = """
    from typing import TYPE_CHECKING

    from confect_core import FunctionSpec, GroupSpec

    if TYPE_CHECKING:
        from app.plain import search

    class Notes(GroupSpec):
        search = FunctionSpec.{constructor}(lambda: search)
"""


@dataclass(frozen=True)
class Case:
    """A project with one mistake, what it is refused with and a piece of the line it is at."""

    error: type[ConfectError]
    at: str
    files: dict[str, str | None]


def plain(function: str, constructor: str = "plain_public_query") -> dict[str, str | None]:
    """A project with a plain function."""
    head = """
        from __future__ import annotations
        from typing import Annotated
        from confect_core import PaginationOptions
        from confect_server import ActionCtx
        from confect_server import plain as decorators
        from app._generated.db import MutationCtx, QueryCtx
    """
    return {
        "app/plain.py": head + function,
        "app/notes.py": SPEC_OF_PLAIN.format(constructor=constructor),
    }


def spec(body: str) -> dict[str, str | None]:
    """A project whose one module of specs says this."""
    head = """
        from confect_core import Args, FunctionSpec, GroupSpec, Id, Spec, Table
    """
    return {"app/spec.py": head + body, "app/notes.py": None}


def tables(body: str) -> dict[str, str | None]:
    """A project whose tables are these."""
    head = """
        from pydantic import BaseModel
        from confect_core import Id, Index, Table
        class Note(Table, name="notes"):
            text: str
    """
    return {"app/tables.py": head + body}


CASES = {
    "no module spec": Case(NoSpecModule, "", {"app/spec.py": None}),
    "nothing called spec": Case(NoSpec, "", {"app/spec.py": "tree = 1\n"}),
    "a spec that is none": Case(NoSpec, "", {"app/spec.py": "spec = 1\n"}),
    "a module that raises": Case(
        ImportFailed, "1 / 0", {"app/tables.py": "def half():\n    return 1 / 0\nhalf()\n"}
    ),
    "a module that exits": Case(
        ImportFailed, "SystemExit", {"app/tables.py": "raise SystemExit\n"}
    ),
    "a module that is no Python": Case(BrokenSource, "def", {"app/notes.py": "\ndef (\n"}),
    "a spec that imports the server": Case(
        SpecImportsServer,
        "from confect_server",
        {
            "app/services.py": "from confect_server import Service\n",
            "app/tables.py": "import app.services\n",
        },
    ),
    "a package that imports the server": Case(
        SpecImportsServer, "import confect_server", {"app/__init__.py": "import confect_server\n"}
    ),
    "a spec that imports generated code": Case(
        SpecImportsGenerated,
        "from . import _generated",
        {"app/notes.py": "from . import _generated\n"},
    ),
    "a spec without a name": Case(
        UnnamedSpec,
        "returns=int",
        spec("""
        spec = Spec.make().add(
            GroupSpec.make("a").add_function("b", FunctionSpec.public_query(returns=int))
        )
        """),
    ),
    "a spec with a private name": Case(
        PrivateName,
        "_b =",
        spec("""
        _b = FunctionSpec.public_query(returns=int)
        spec = Spec.make().add(GroupSpec.make("a").add_function("b", _b))
        """),
    ),
    "a type with a private name": Case(
        PrivateName,
        "b =",
        spec("""
        class _Args(Args):
            x: int
        class A(GroupSpec):
            b = FunctionSpec.public_query(args=_Args, returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "two groups with one constructor": Case(
        AmbiguousConstructor,
        "class A_B",
        spec("""
        class A(GroupSpec):
            class b(GroupSpec):
                pass
        class A_B(GroupSpec, name="a_b"):
            pass
        spec = Spec.make().add(A).add(A_B)
        """),
    ),
    "two attributes of one name": Case(
        AmbiguousAttribute,
        "second =",
        spec("""
        first = FunctionSpec.public_query(returns=int)
        second = FunctionSpec.public_query(returns=int)
        group = GroupSpec.make("a").add_function("class", first).add_function("class_", second)
        spec = Spec.make().add(group)
        """),
    ),
    "a type without a name": Case(
        UnprintableType,
        "b =",
        spec("""
        def made():
            class Local(Args):
                x: int
            return Local
        class A(GroupSpec):
            b = FunctionSpec.public_query(args=made(), returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "a type that says nothing useful of how it travels": Case(
        UnwritableType,
        "b =",
        spec("""
        from typing import Annotated
        from pydantic import PlainSerializer
        def parts(number: complex) -> complex:
            return number
        class A(GroupSpec):
            b = FunctionSpec.public_query(returns=Annotated[str, PlainSerializer(parts)])
        spec = Spec.make().add(A)
        """),
    ),
    "a table with a type that says nothing useful of how it travels": Case(
        UnwritableType,
        "class Drawing",
        {
            "app/tables.py": """
            from typing import Annotated
            from confect_core import Table
            from pydantic import PlainSerializer
            def parts(number: str) -> complex:
                return complex(number)
            class Drawing(Table):
                at: Annotated[str, PlainSerializer(parts)]
            class Note(Table, name="notes"):
                text: str
            """,
        },
    ),
    "an id of a table elsewhere": Case(
        UnknownTable,
        "b =",
        spec("""
        class Draft(Table):
            text: str
        class ByDraft(Args):
            drafts: list[Id[Draft]]
        class A(GroupSpec):
            b = FunctionSpec.public_query(args=ByDraft, returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "two tables of one name": Case(
        DuplicateTable,
        "class Other",
        tables("    class Other(Table, name='notes'):\n            x: int"),
    ),
    "a field called self": Case(
        ReservedField, "class Odd", tables("    class Odd(Table):\n            self: int")
    ),
    "a field called self in a variant": Case(
        ReservedField,
        "class Event",
        tables("""
        from typing import Literal
        class Event(Table, discriminator="kind"):
            at: float
        class Start(Event):
            kind: Literal["start"] = "start"
            self: int
        """),
    ),
    "a middleware with a private name": Case(
        PrivateName,
        "class _Checked",
        spec("""
        from confect_core import Middleware
        class _Checked(Middleware):
            pass
        class A(GroupSpec, behind=[_Checked]):
            b = FunctionSpec.public_query(returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "a middleware with an error without a name": Case(
        UnprintableType,
        "class Checked",
        spec("""
        from confect_core import Middleware, TaggedError
        class Checked(Middleware[type("Hidden", (TaggedError,), {})]):
            pass
        b = FunctionSpec.public_query(returns=int).behind(Checked)
        spec = Spec.make().add(GroupSpec.make("a").add_function("b", b))
        """),
    ),
    "a middleware that provides what has a private name": Case(
        PrivateName,
        "class Checked",
        spec("""
        from confect_core import Middleware, Provided
        from typing import Never
        class _User(Provided):
            pass
        class Checked(Middleware[Never, _User]):
            pass
        class A(GroupSpec, behind=[Checked]):
            b = FunctionSpec.public_query(returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "a middleware whose error speaks of a table elsewhere": Case(
        UnknownTable,
        "class Checked",
        spec("""
        from confect_core import Id, Middleware, Table, TaggedError
        class Elsewhere(Table, name="elsewhere"):
            pass
        class Missing(TaggedError):
            id: Id[Elsewhere]
        class Checked(Middleware[Missing]):
            pass
        class A(GroupSpec, behind=[Checked]):
            b = FunctionSpec.public_query(returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "a variant with a private name": Case(
        PrivateName,
        "class Event",
        tables("""
        from typing import Literal
        class Event(Table, discriminator="kind"):
            at: float
        class _Start(Event):
            kind: Literal["start"] = "start"
        """),
    ),
    "an id of a variant elsewhere": Case(
        UnknownTable,
        "b =",
        spec("""
        from typing import Literal
        class Draft(Table, discriminator="kind"):
            text: str
        class Short(Draft):
            kind: Literal["short"] = "short"
        class Long(Draft):
            kind: Literal["long"] = "long"
        class ByDraft(Args):
            draft: Id[Short | Long]
        class A(GroupSpec):
            b = FunctionSpec.public_query(args=ByDraft, returns=int)
        spec = Spec.make().add(A)
        """),
    ),
    "a plain function that is not imported": Case(
        PlainNotFound,
        "lambda: nowhere",
        {
            "app/notes.py": """
                from confect_core import FunctionSpec, GroupSpec

                class Notes(GroupSpec):
                    search = FunctionSpec.plain_public_query(lambda: nowhere)
            """
        },
    ),
    "a plain function that does not exist": Case(
        PlainNotFound,
        "lambda: search",
        plain("    async def other(ctx: QueryCtx) -> int: return 1"),
    ),
    "a plain function that is computed": Case(
        PlainNotFound,
        "lambda: make",
        {
            "app/notes.py": """
                from confect_core import FunctionSpec, GroupSpec

                class Notes(GroupSpec):
                    search = FunctionSpec.plain_public_query(lambda: make("search"))
            """
        },
    ),
    "a private plain function": Case(
        PrivateName,
        "async def _search",
        {
            "app/plain.py": """
                from confect_server import QueryCtx
                async def _search(ctx: QueryCtx) -> int: return 1
            """,
            "app/notes.py": """
                from typing import TYPE_CHECKING
                from confect_core import FunctionSpec, GroupSpec
                if TYPE_CHECKING:
                    from app.plain import _search

                class Notes(GroupSpec):
                    search = FunctionSpec.plain_public_query(lambda: _search)
            """,
        },
    ),
    "a plain function beside implementations": Case(
        PlainNeedsImpls,
        "import impls",
        plain("""
        from app._generated import impls
        async def search(ctx: QueryCtx) -> int: return 1
        """),
    ),
    "a plain function that is not async": Case(
        NotAsync, "def search", plain("    def search(ctx: QueryCtx) -> int: return 1")
    ),
    "a plain function without a ctx": Case(
        NoCtx, "def search", plain("    async def search() -> int: return 1")
    ),
    "a ctx without an annotation": Case(
        NoCtx, "def search", plain("    async def search(ctx) -> int: return 1")
    ),
    "a query that takes the ctx of a mutation": Case(
        WrongCtx, "def search", plain("    async def search(ctx: MutationCtx) -> int: return 1")
    ),
    "a mutation that takes the ctx of an action": Case(
        WrongCtx,
        "def search",
        plain("    async def search(ctx: ActionCtx) -> int: return 1", "plain_internal_mutation"),
    ),
    "a function of another kind than its spec says": Case(
        PlainMismatch,
        "@decorators.mutation",
        plain(
            "    @decorators.mutation\n        async def search(ctx: MutationCtx) -> int: return 1"
        ),
    ),
    "a function of another visibility than its spec says": Case(
        PlainMismatch,
        "@decorators.internal_query",
        plain(
            "    @decorators.internal_query\n        "
            "async def search(ctx: QueryCtx) -> int: return 1"
        ),
    ),
    "an action that takes the ctx of a query": Case(
        WrongCtx,
        "def search",
        plain("    async def search(ctx: QueryCtx) -> int: return 1", "plain_public_action"),
    ),
    "a paginated query without a page": Case(
        NoPaginationOptions,
        "def search",
        plain(
            "    async def search(ctx: QueryCtx, text: str) -> int: return 1",
            "plain_public_paginated_query",
        ),
    ),
    "a parameter for any number of arguments": Case(
        BadParameter,
        "def search",
        plain("    async def search(ctx: QueryCtx, *a: int) -> int: return 1"),
    ),
    "a parameter without an annotation": Case(
        BadParameter,
        "def search",
        plain("    async def search(ctx: QueryCtx, text) -> int: return 1"),
    ),
    "a parameter called returns": Case(
        BadParameter,
        "def search",
        plain("    async def search(ctx: QueryCtx, returns: int) -> int: return 1"),
    ),
    "a signature without a result": Case(
        UnresolvedSignature, "def search", plain("    async def search(ctx: QueryCtx): return 1")
    ),
    "a signature with a type for checkers only": Case(
        UnresolvedSignature,
        "def search",
        plain("    async def search(ctx: QueryCtx, id: Missing) -> int: return 1"),
    ),
    "a signature with a type of the server": Case(
        ServerOnlyType,
        "def search",
        plain("""
        from pydantic import BaseModel
        class Found(BaseModel):
            text: str
        async def search(ctx: QueryCtx) -> list[Found]: return []
        """),
    ),
    "a signature with a serializer that has no name": Case(
        UnprintableType,
        "lambda: search",
        plain("""
        from pydantic import PlainSerializer
        async def search(
            ctx: QueryCtx, text: Annotated[str, PlainSerializer(str.upper)]
        ) -> int: return 1
        """),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES.keys())
def test_a_mistake_is_refused_at_its_line(case: Case, tmp_path: Path) -> None:
    found = mistakes_in(write_project(tmp_path, case.files))

    assert [type(mistake) for mistake in found] == [case.error]
    assert found[0].hint
    if case.at:
        assert case.at in line_of(found[0])


def test_several_mistakes_are_refused_together(tmp_path: Path) -> None:
    project = write_project(
        tmp_path,
        {
            **tables("    class Other(Table, name='notes'):\n            x: int"),
            **spec("""
        class Draft(Table):
            text: str
        _hidden = FunctionSpec.public_query(returns=Draft)
        group = GroupSpec.make("a").add_function("hidden", _hidden)
        spec = Spec.make().add(group)
            """),
        },
    )

    assert {type(each) for each in mistakes_in(project)} == {
        DuplicateTable,
        PrivateName,
        UnknownTable,
    }


def test_what_the_wire_cannot_carry_is_refused_in_tables_too(tmp_path: Path) -> None:
    project = write_project(tmp_path, tables("    class Odd(Table):\n            x: complex"))

    (mistake,) = mistakes_in(project)
    assert mistake.tag == "Uncarryable"
    assert "class Odd" in line_of(mistake)


def test_an_exception_is_told_at_the_innermost_line_of_the_users(tmp_path: Path) -> None:
    project = write_project(tmp_path, {"app/tables.py": 'import json\njson.loads("{")\n'})

    (mistake,) = mistakes_in(project)
    assert line_of(mistake) == 'json.loads("{")'
    assert "JSONDecodeError" in mistake.message


def test_every_mistake_of_a_project_has_a_test() -> None:
    here = {case.error for case in CASES.values() if issubclass(case.error, ProjectError)}
    elsewhere = {
        *("NoProject", "NotConfigured", "BadConfiguration", "NoPackage"),
        *("NoImplModule", "NoImpl", "GroupNotProvided", "GroupNotDeclared"),
        "StaleCode",  # in test_determinism.py
        *("NoServer", "ServerUnreachable", "BadArguments", "CallFailed"),
        *("BadUser", "NotChanged", "NoSuchVariable", "BadAssignment"),
    }
    declared = {
        name
        for name, value in vars(errors).items()
        if inspect.isclass(value) and value.__module__ == errors.__name__
    }

    assert declared == {error.__name__ for error in here} | elsewhere
