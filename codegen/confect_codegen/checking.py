"""Everything that is wrong with a project, as far as it can be found without running a function."""

from __future__ import annotations

from pathlib import Path

from confect_codegen.determinism import findings
from confect_codegen.discover import find_project
from confect_codegen.errors import StaleCode
from confect_codegen.generate import generate
from confect_codegen.loading import load
from confect_codegen.report import mistakes_of
from confect_core.errors import ConfectError, Mistakes


def mistakes_in(directory: Path) -> list[ConfectError]:
    """The mistakes of the project in a folder, in the order of their places.

    What stands against generating, or against loading, is told alone: no more is known then.
    """
    try:
        project = find_project(directory)
        stale = generate(project, check=True)
        if stale:
            return [StaleCode([*stale.added, *stale.changed, *stale.removed])]
        application = load(project).application
    except (ConfectError, Mistakes) as error:
        return mistakes_of(error)
    found = [*application.mistakes(), *findings(project, application)]
    return sorted(found, key=_place)


def _place(mistake: ConfectError) -> tuple[str, int]:
    return (mistake.where.file, mistake.where.line) if mistake.where else ("", 0)
