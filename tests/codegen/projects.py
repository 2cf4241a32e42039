"""Small projects, written to a temporary folder for one test."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from confect_codegen.discover import Project, find_project
from confect_codegen.generate import files_of
from confect_codegen.report import mistakes_of
from confect_core.errors import ConfectError, Mistakes

MINIMAL = {
    "pyproject.toml": "[tool.confect]\n",
    "app/__init__.py": "",
    "app/tables.py": """
        from confect_core import Index, Table

        class Note(Table, name="notes"):
            text: str
            by_text = Index("text")
    """,
    "app/spec.py": """
        from app.notes import Notes
        from confect_core import Spec

        spec = Spec.make().add(Notes)
    """,
    "app/notes.py": """
        from app.tables import Note
        from confect_core import FunctionSpec, GroupSpec

        class Notes(GroupSpec):
            list_ = FunctionSpec.public_query(returns=list[Note])
    """,
    "app/impl.py": """
        from app._generated import impls
        from app._generated.db import QueryCtx
        from app.notes import Notes
        from app.tables import Note
        from confect_core import NoArgs
        from confect_server import Impl, impl, layers

        @impl(Notes.list_)
        async def list_(ctx: QueryCtx, args: NoArgs) -> list[Note]:
            return []

        app = Impl(layers()).provide(impls.notes(list=list_))
    """,
}
"""The smallest whole project: one table, one group, one function."""


def write_project(root: Path, files: dict[str, str | None] | None = None) -> Project:
    """The minimal project with other or more files, or, for `None`, without one."""
    for name, text in {**MINIMAL, **(files or {})}.items():
        if text is not None:
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(dedent(text).lstrip("\n"), encoding="utf-8")
    return find_project(root)


def mistakes_in(project: Project) -> list[ConfectError]:
    """Everything that generation refuses."""
    try:
        files_of(project)
    except (ConfectError, Mistakes) as error:
        return mistakes_of(error)
    return []


def line_of(mistake: ConfectError) -> str:
    """The line of source that a mistake points at."""
    assert mistake.where is not None
    lines = Path(mistake.where.file).read_text(encoding="utf-8").splitlines()
    return lines[mistake.where.line - 1].strip()
