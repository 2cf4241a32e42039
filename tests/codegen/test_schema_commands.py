"""`confect schema diff` and `confect schema show` look at a database and leave it as it is."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from confect_codegen.generate import declared_tables
from confect_server.db import DataModel
from confect_server.engine import Database
from confect_server.runtime.clock import SystemClock
from confect_server.store import SqliteStore
from tests.codegen.projects import write_project
from tests.codegen.test_cli import confect

pytestmark = pytest.mark.usefixtures("own_modules")

NOTES = """
    from confect_core import Index, Table

    class Note(Table, name="notes"):
        text: str
        by_text = Index("text")
"""

WIDER = """
    from confect_core import Index, Table

    class Note(Table, name="notes"):
        text: str
        likes: int = 0
        by_text = Index("text")
        by_likes = Index("likes")
"""

TIGHTER = """
    from typing import Annotated
    from pydantic import Field
    from confect_core import Index, Table

    class Note(Table, name="notes"):
        text: Annotated[str, Field(max_length=3)]
        by_text = Index("text")

    class Room(Table, name="rooms"):
        title: str
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_tables(root: Path, tables: str) -> DataModel:
    project = write_project(root, {"app/tables.py": tables})
    return DataModel(tuple(declared_tables(project)))


async def fill(path: Path, model: DataModel, *texts: str) -> None:
    """Let a server declare the tables in the file and insert notes."""
    async with Database.open(SqliteStore(path), SystemClock(), os.urandom) as database:
        await database.declare(model.declared)
        await insert(database, *texts)


async def insert(database: Database, *texts: str) -> None:
    transaction = database.begin()
    for text in texts:
        await transaction.insert(database.catalog.table("notes").number, {"text": text})
    await database.commit(transaction)


def filled(root: Path, *texts: str) -> Path:
    """The project's own database with these notes."""
    path = root / ".confect" / "data.db"
    anyio.run(fill, path, write_tables(root, NOTES), *texts)
    return path


def contents(folder: Path) -> Mapping[str, bytes]:
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_without_a_database_everything_is_new_and_none_is_made(root: Path) -> None:
    write_tables(root, NOTES)

    code, shown = confect("schema", "diff")

    assert code == 1
    assert "everything is new" in shown
    assert shown.splitlines()[1:] == [
        "+ table notes",
        "    + text: string",
        "    + index by_text (text)",
    ]
    assert not (root / ".confect").exists()


def test_a_database_that_is_as_declared_has_nothing_to_change(root: Path) -> None:
    filled(root, "a")

    assert confect("schema", "diff", str(root)) == (0, "nothing to change\n")


def test_what_changes_is_shown_with_what_has_to_be_filled(root: Path) -> None:
    filled(root, "a", "b")
    write_tables(root, WIDER)

    assert confect("schema", "diff") == (
        1,
        "~ table notes · 2 documents\n"
        "    + likes: integer, optional\n"
        "    + index by_likes (likes) · filled with 2 documents\n"
        "1 index to fill\n",
    )


def test_the_first_document_that_does_not_fit_is_shown(root: Path) -> None:
    filled(root, "a", "long text", "longer text")
    write_tables(root, TIGHTER)

    code, shown = confect("schema", "diff")

    assert code == 2
    assert "    ~ text: string → string (max_length 3)\n" in shown
    assert "+ table rooms\n" in shown
    assert "3 documents to validate\n" in shown
    assert " of notes would be refused\n" in shown
    assert "Path: .text" in shown
    assert "'long text'" in shown
    assert "longer text" not in shown
    assert "hint: " in shown


def test_documents_that_fit_are_said_to(root: Path) -> None:
    filled(root, "a", "b")
    write_tables(root, TIGHTER)

    code, shown = confect("schema", "diff")

    assert code == 1
    assert shown.endswith("2 documents to validate\nall of them fit\n")


def test_nobody_looks_at_documents_if_told_so(root: Path) -> None:
    filled(root, "long text")
    write_tables(root, TIGHTER)

    code, shown = confect("schema", "diff", "--no-check")

    assert code == 1
    assert shown.endswith("1 document to validate\n")


def test_documents_are_looked_at_beyond_the_first_step(root: Path) -> None:
    filled(root, *(["a"] * 450), "long text")
    write_tables(root, TIGHTER)

    assert confect("schema", "diff")[0] == 2


def test_programs_get_json(root: Path) -> None:
    path = filled(root, "long text")
    write_tables(root, TIGHTER)

    code, shown = confect("schema", "diff", "--json")
    found: dict[str, Any] = json.loads(shown)

    assert code == 2
    assert (found["database"], found["exists"]) == (str(path), True)
    assert (found["documents_to_validate"], found["indexes_to_fill"]) == (1, 0)
    assert [(each["sign"], each["name"]) for each in found["tables"]] == [
        ("~", "notes"),
        ("+", "rooms"),
    ]
    (refused,) = found["refused"]
    assert refused["table"] == "notes"
    assert "Path: .text" in refused["problem"]
    assert json.loads(confect("schema", "diff", "--json", "--no-check")[1])["refused"] is None


def test_the_database_stays_as_it_is(root: Path) -> None:
    path = filled(root, "a")
    write_tables(root, TIGHTER)
    before = contents(path.parent)

    confect("schema", "diff")
    confect("schema", "show")

    assert contents(path.parent) == before


async def test_a_server_may_be_running_on_the_database(root: Path) -> None:
    path, model = root / "data.db", write_tables(root, NOTES)
    async with Database.open(SqliteStore(path), SystemClock(), os.urandom) as database:
        await database.declare(model.declared)
        await insert(database, "long text")
        write_tables(root, TIGHTER)
        look = partial(confect, "schema", "diff", "--db", str(path))

        code, shown = await anyio.to_thread.run_sync(look)

        assert code == 2
        assert "1 document to validate" in shown
        await insert(database, "still writing")


def test_another_program_s_file_is_refused(root: Path) -> None:
    write_tables(root, NOTES)
    (root / "other.db").write_text("no database")

    code, shown = confect("schema", "diff", "--db", "other.db")

    assert code == 1
    assert "ForeignDatabase" in shown


def test_an_empty_file_is_no_database_yet(root: Path) -> None:
    write_tables(root, NOTES)
    (root / "empty.db").touch()

    code, shown = confect("schema", "diff", "--db", "empty.db")

    assert code == 1
    assert "everything is new" in shown
    assert (root / "empty.db").stat().st_size == 0


def test_the_tables_of_a_database_are_shown(root: Path) -> None:
    filled(root, "a", "b")
    write_tables(root, TIGHTER)

    assert confect("schema", "show") == (
        0,
        "notes · 2 documents\n    text: string\n    index by_text (text)\n",
    )
    shown = json.loads(confect("schema", "show", "--json")[1])
    assert shown["notes"]["documents"] == 2
    assert shown["notes"]["shape"]["fields"] == {"text": {"kind": "string"}}


def test_a_database_that_is_not_there_has_nothing_to_show(root: Path) -> None:
    write_tables(root, NOTES)

    assert "there is no database" in confect("schema", "show", "--db", "none.db")[1]
    assert confect("schema", "show", "--json", "--db", "none.db") == (0, "null\n")
    assert not (root / "none.db").exists()


def test_help_teaches_by_example() -> None:
    assert (
        "confect schema diff examples/notes --db backup.db"
        in confect("schema", "diff", "--help")[1]
    )
    assert "confect schema show" in confect("schema", "show", "--help")[1]
