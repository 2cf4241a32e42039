"""`confect dev`: serve a project while it is being written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from confect_codegen.cli.reporting import reported


def dev(
    directory: Annotated[Path, typer.Argument(help="The folder of the project.")] = Path(),
    *,
    port: Annotated[int, typer.Option(help="Where to listen; 0 lets the system choose.")] = 3210,
    host: Annotated[str, typer.Option(help="The interface to listen on.")] = "127.0.0.1",
    db: Annotated[Path | None, typer.Option(help="The database file.")] = None,
) -> None:
    """Generate, serve, and do both again at every save; the old version answers until then.

    confect dev examples/notes --port 3210
    """
    # imported here, so that the other commands do not load the server
    import anyio

    from confect_codegen.dev_server import DevServer

    with reported():
        server = DevServer(directory.resolve(), host, port, db)
        anyio.run(server.run, backend_options={"use_uvloop": True})
