"""How every command ends when the user made a mistake: told of it, without a traceback."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

import typer


@contextmanager
def reported() -> Generator[None]:
    """Inside, a mistake that Confect recognises is printed and ends the command with 1."""
    # imported here, so that `confect --help` loads nothing of the project's models
    from confect_codegen.report import print_mistakes
    from confect_core.errors import ConfectError, Mistakes

    try:
        yield
    except (ConfectError, Mistakes) as error:
        print_mistakes(error)
        raise typer.Exit(1) from None
