"""`Server`: a real server process of a project, which a test may kill and start again."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Condition, Event, Thread
from typing import cast

import httpx2
import pytest

START_TIMEOUT_S = 30

_EXAMPLES = Path(__file__).parents[1] / "examples"
_NOTES, _CHAT = _EXAMPLES / "notes", _EXAMPLES / "chat"
_LEFT_BEHIND = shutil.ignore_patterns(".confect", "node_modules")
_CONFECT = Path(sys.executable).with_name("confect")
_ANNOUNCED = re.compile(r"http://127\.0\.0\.1:(\d+)")


class Server:
    """`confect dev` on a copy of a project, examples/notes if not said otherwise.

    It is always on the port of its first start.
    """

    def __init__(
        self,
        directory: Path,
        database: Path | None = None,
        original: Path = _NOTES,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.original = original
        self._environment = environment or {}
        self.project = directory / original.name
        self.database = database or directory / f"{original.name}.db"
        self.port = 0  # the system chooses
        self.output: list[str] = []
        self._heard = Condition()
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def socket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    @property
    def admin_key(self) -> str:
        return (self.project / ".confect" / "admin_key").read_text()

    @property
    def is_alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start serving; returns once GET /version is answered."""
        process = subprocess.Popen(
            self._command(),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self._environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._process = process
        announced = Event()
        Thread(target=self._listen, args=(process, announced), daemon=True).start()
        announced.wait(START_TIMEOUT_S)
        if not self.is_alive or not self.port:
            raise AssertionError("the server did not start:\n" + "".join(self.output))
        httpx2.get(f"{self.url}/version").raise_for_status()

    def wait_said(self, text: str, timeout_s: float = START_TIMEOUT_S) -> bool:
        """Has the server printed this, now or within some seconds?"""
        with self._heard:
            return self._heard.wait_for(lambda: text in "".join(self.output), timeout_s)

    def kill(self) -> None:
        """End the process as kill -9 does."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """Ask the process to end, as Ctrl-C and supervisors do; its exit code."""
        return self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Kill the server and serve the same database on the same port again."""
        self.kill()
        self.start()

    def call(self, kind: str, path: str, *, admin: bool = False, **args: object) -> httpx2.Response:
        """POST one call of a function: `kind` is query, mutation, action or function."""
        headers = {"Authorization": f"Convex {self.admin_key}"} if admin else {}
        body = {"path": path, "args": args}
        return httpx2.post(f"{self.url}/api/{kind}", json=body, headers=headers)

    def texts(self) -> list[str]:
        """The text of every note, newest first."""
        answer = self.call("query", "notes:search", text="", limit=10**6)
        return cast("list[str]", answer.json()["value"])

    def clear(self) -> None:
        """Delete every note."""
        self.call("function", "notes:clear", admin=True).raise_for_status()

    def _command(self) -> list[str]:
        where = ["--port", str(self.port), "--db", str(self.database)]
        return [str(_CONFECT), "dev", str(self.project), *where]

    def _listen(self, process: subprocess.Popen[str], announced: Event) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                with self._heard:
                    self.output.append(line)
                    self._heard.notify_all()
                port = _ANNOUNCED.search(line)
                if port is not None:
                    self.port = int(port[1])
                    announced.set()
        announced.set()  # it ended, if it ever began

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None
        self._process.send_signal(how)
        return self._process.wait(START_TIMEOUT_S)


def run_dev(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run `confect dev` to its end."""
    command = [str(_CONFECT), "dev", str(project), *options]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=START_TIMEOUT_S, check=False
    )


@contextmanager
def serving_notes(directory: Path, database: Path | None = None) -> Generator[Server]:
    """A server of examples/notes, with its files in this folder; it is gone after the context."""
    with _serving(Server(directory, database)) as server:
        yield server


@contextmanager
def serving_project(original: Path, directory: Path) -> Generator[Server]:
    """The same of another project."""
    with _serving(Server(directory, original=original)) as server:
        yield server


@contextmanager
def serving_chat(directory: Path, settings: Mapping[str, str] | None = None) -> Generator[Server]:
    """A server of examples/chat that lets everybody in, with its files in this folder."""
    environment = {"TEST_ISSUER": str(directory), **(settings or {})}
    with _serving(Server(directory, original=_CHAT, environment=environment)) as server:
        yield server


@contextmanager
def _serving(server: Server) -> Generator[Server]:
    shutil.copytree(server.original, server.project, ignore=_LEFT_BEHIND)
    try:
        server.start()
        yield server
    finally:
        if server.is_alive:
            server.kill()


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    """The server that many tests share; take `server`."""
    with serving_notes(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture
def server(shared_server: Server) -> Generator[Server]:
    """A running server without notes, which survives whatever the test does to it."""
    shared_server.clear()
    yield shared_server
    assert shared_server.is_alive
    assert shared_server.call("query", "notes:first").status_code == 200


@pytest.fixture
def mortal_server(tmp_path: Path) -> Generator[Server]:
    """A server of the test's own, to be killed and restarted."""
    with serving_notes(tmp_path) as server:
        yield server
