"""Writing generated files: only what changed, each in one step, and nothing that is not ours."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from os.path import normpath
from pathlib import Path

from confect_codegen.emit.source import is_ours

_KINDS = frozenset({".py", ".ts"})


@dataclass(frozen=True)
class Changes:
    """What a write did, or would do: files that are new, different or gone."""

    added: tuple[Path, ...] = ()
    changed: tuple[Path, ...] = ()
    removed: tuple[Path, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


def changes(folder: Path, files: Mapping[str, str]) -> Changes:
    """What writing these files would do; each is named as the folder sees it: `../api.ts`."""
    paths = _placed(folder, files)
    existing = {path for path in paths if path.is_file()}
    return Changes(
        added=tuple(path for path in paths if path not in existing),
        changed=tuple(
            path
            for path, text in paths.items()
            if path in existing and path.read_text(encoding="utf-8") != text
        ),
        removed=tuple(path for path in _ours(folder) if path not in paths),
    )


def write(folder: Path, files: Mapping[str, str]) -> Changes:
    """Make the folder hold these files; stale files of ours go, files of the user's stay."""
    pending, paths = changes(folder, files), _placed(folder, files)
    folder.mkdir(exist_ok=True)
    for path in (*pending.added, *pending.changed):
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, paths[path])
    for path in pending.removed:
        path.unlink()
    return pending


def _placed(folder: Path, files: Mapping[str, str]) -> dict[Path, str]:
    return {Path(normpath(folder / name)): text for name, text in sorted(files.items())}


def _replace(path: Path, text: str) -> None:
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        # a temporary file is its owner's alone, a source file is whoever's the umask says
        os.chmod(temporary, path.stat().st_mode if path.exists() else 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _ours(folder: Path) -> list[Path]:
    files = (path for path in sorted(folder.glob("*")) if path.suffix in _KINDS)
    return [path for path in files if is_ours(path)]
