"""`confect schema`: what a database has, and what a project would change about it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from confect_codegen.cli.reporting import reported

schema = typer.Typer(
    help="What the database has, and what the project would change about it.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Directory = Annotated[Path, typer.Argument(help="The folder of the project.")]
_Database = Annotated[
    Path | None, typer.Option(help="The database file, if not the project's own.")
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]

_REFUSED = 2
"""The exit code if the change would be refused."""


@schema.command()
def diff(
    directory: _Directory = Path(),
    *,
    db: _Database = None,
    check: Annotated[
        bool, typer.Option(help="Look for stored documents that would be refused.")
    ] = True,
    json: _Json = False,
) -> None:
    """Show what the next start would change in the database.

    Nothing is changed, and a server may be running on it. Ends with 0 if there is nothing to
    change, with 1 if there is, and with 2 if a stored document does not fit, so that the server
    would refuse to start.

    confect schema diff

    confect schema diff examples/notes --db backup.db

    confect schema diff --no-check --json
    """
    # imported here, so that the other commands do not load the server
    import anyio

    from confect_codegen.discover import find_project
    from confect_codegen.generate import declared_tables
    from confect_codegen.running import ProjectState
    from confect_codegen.schema_look import SchemaLook

    with reported():
        project = find_project(directory)
        path = db or ProjectState.of(project.root).database
        look = anyio.run(SchemaLook.of, path, declared_tables(project), check)
    if json:
        typer.echo(look.as_json())
    else:
        look.print()
    if look.refused:
        raise typer.Exit(_REFUSED)
    if look.diff.tables:
        raise typer.Exit(1)


@schema.command()
def show(directory: _Directory = Path(), *, db: _Database = None, json: _Json = False) -> None:
    """Show the tables that the database has.

    With their fields, their indexes, and how many documents each has.

    confect schema show

    confect schema show --db backup.db --json
    """
    # imported here, so that the other commands do not load the server
    import anyio

    from confect_codegen.discover import find_project
    from confect_codegen.running import ProjectState
    from confect_codegen.schema_look import json_of_tables, print_tables, tables_in_file

    with reported():
        path = db or ProjectState.of(find_project(directory).root).database
        tables = anyio.run(tables_in_file, path)
    if json:
        typer.echo(json_of_tables(tables))
    else:
        print_tables(path, tables)
