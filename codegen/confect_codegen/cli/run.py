"""`confect run`: call one function of a running server."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from confect_codegen.cli.reporting import reported


def run(
    function: Annotated[str, typer.Argument(help="Its path, such as notes:list.")],
    args: Annotated[str, typer.Argument(help="Its arguments as a JSON object.")] = "{}",
    *,
    project: Annotated[Path, typer.Option(help="The folder of the project.")] = Path(),
    as_: Annotated[
        str | None, typer.Option("--as", help="The user to act as, as a JSON object.")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The server, if not the project's own.")] = None,
) -> None:
    """Call a function, public or internal, and print what it answers as JSON.

    What it says on the way is printed to the standard error.

    confect run notes:insert '{"text": "hello"}'

    confect run notes:mine --as '{"issuer": "https://id.example.com", "subject": "ada"}'
    """
    # imported here, so that the other commands do not load an HTTP client
    from confect_codegen.remote import Server
    from confect_codegen.running import ProjectState

    with reported():
        state = ProjectState.of(project.resolve())
        hear = partial(typer.echo, err=True)  # away from the answer, which programs read
        server = Server(url or state.address(), state.admin_key(), hear)
        typer.echo(server.call(function, args, as_))
