"""`confect check`: everything that can be known about a project before it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def check(
    directory: Annotated[Path, typer.Argument(help="The folder of the project.")] = Path(),
    *,
    json: Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")] = False,
) -> None:
    """Find the mistakes of a project, and what its queries and mutations must not use.

    Nothing is written. Ends with 1 if there is a mistake. A line that is right for a reason says so
    with a comment: `# confect: allow[time]`.

    confect check examples/notes
    """
    # imported here, so that the other commands do not load the checks
    from confect_codegen.checking import mistakes_in
    from confect_codegen.report import as_json, print_each, print_line

    mistakes = mistakes_in(directory)
    if json:
        typer.echo(as_json(mistakes))
    elif mistakes:
        print_each(mistakes)
    else:
        print_line("no mistakes")
    if mistakes:
        raise typer.Exit(1)
