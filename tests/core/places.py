"""Where in a test file something stands, for tests of where an error says that it stands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from confect_core.errors import ConfectError, Where


def place_of(file: str, marker: str) -> Where:
    """The only line of the file that ends with the comment `# here: <marker>`."""
    lines = Path(file).read_text().splitlines()
    (line,) = [at for at, text in enumerate(lines, 1) if text.endswith(f"# here: {marker}")]
    return Where(file, line)


def told(errors: Iterable[object]) -> list[tuple[str, Where | None]]:
    """The tag and the place of each error, in their order."""
    found = [each for each in errors if isinstance(each, ConfectError)]
    assert all(each.hint for each in found), "every error says what to do"
    return [(each.tag, each.where) for each in found]
