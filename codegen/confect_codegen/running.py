"""What a development server leaves in `.confect/`, so that other commands find it."""

from __future__ import annotations

import json
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from confect_codegen.errors import NoServer

STATE_DIRECTORY = ".confect"
_DATABASE = "data.db"
_ADMIN_KEY = "admin_key"
_ADDRESS = "dev.json"


@dataclass(frozen=True)
class ProjectState:
    """The folder beside a project's code that holds its database and its server's address."""

    directory: Path

    @classmethod
    def of(cls, project_root: Path) -> ProjectState:
        """The state of a project; the folder is made when something is first written."""
        return cls(project_root / STATE_DIRECTORY)

    @property
    def database(self) -> Path:
        """Where the embedded database lies unless the user says otherwise."""
        return self.directory / _DATABASE

    def admin_key(self) -> str:
        """The secret of this project's server, made on first use and readable by its owner only."""
        path = self.directory / _ADMIN_KEY
        if not path.exists():
            self.directory.mkdir(parents=True, exist_ok=True)
            # linked once it is whole, so that no other process reads half of a key
            whole = path.with_name(f"{_ADMIN_KEY}.{secrets.token_hex(8)}")
            descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            with suppress(FileExistsError):
                os.link(whole, path)
            whole.unlink()
        return path.read_text().strip()

    def announce(self, url: str) -> None:
        """Leave the address of the running server."""
        (self.directory / _ADDRESS).write_text(json.dumps({"url": url}))

    def withdraw(self) -> None:
        """Take the address away: the server stops."""
        (self.directory / _ADDRESS).unlink(missing_ok=True)

    def address(self) -> str:
        """Where the running server of this project is; raises `NoServer`."""
        try:
            url: object = json.loads((self.directory / _ADDRESS).read_text())["url"]
        except (OSError, ValueError, KeyError):
            raise NoServer(self.directory.parent) from None
        return str(url)
