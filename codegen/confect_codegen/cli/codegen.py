"""`confect codegen`: bring the generated modules up to date."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from confect_codegen.cli.reporting import reported


def codegen(
    directory: Annotated[Path, typer.Argument(help="The folder of the project.")] = Path(),
    *,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; fail if something would change.")
    ] = False,
) -> None:
    """Check the project and write its `_generated` modules, those that changed.

    confect codegen examples/notes
    """
    # imported here, so that the other commands do not load the generator
    from confect_codegen.discover import find_project
    from confect_codegen.generate import generate
    from confect_codegen.report import print_changes, print_line

    with reported():
        project = find_project(directory)
        changes = generate(project, check=check)
    print_changes(changes)
    if not changes:
        print_line("nothing to change")
    elif check:
        print_line("the generated code is stale: run `confect codegen`")
        raise typer.Exit(1)
