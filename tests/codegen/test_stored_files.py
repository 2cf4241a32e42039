"""Documents, arguments and results that name stored files, in a generated project."""

from __future__ import annotations

from pathlib import Path

from confect_codegen.generate import files_of
from tests.codegen.projects import MINIMAL, mistakes_in, write_project

PICTURES = {
    "app/tables.py": """
        from confect_core import Id, StoredFile, Table

        class Note(Table, name="notes"):
            text: str
            picture: Id[StoredFile]
            others: list[Id[StoredFile]]
    """,
    "app/notes.py": MINIMAL["app/notes.py"]
    + """
        class Pictures(GroupSpec):
            about = FunctionSpec.public_query(returns=StoredFile | None)
            newest = FunctionSpec.public_query(returns=Id[StoredFile])
    """.replace(
        "        class", "        from confect_core import Id, StoredFile\n\n        class", 1
    ),
}


def test_ids_of_files_stand_wherever_ids_of_documents_do(tmp_path: Path) -> None:
    project = write_project(tmp_path, {**PICTURES})
    assert mistakes_in(project) == []
    written = files_of(project)
    db = written["db.py"]
    assert "picture: Id[StoredFile]" in db
