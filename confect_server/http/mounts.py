"""Other ASGI applications below a path: which one a request goes to, and when they run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, MutableMapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, TypeAlias

import anyio
from anyio.abc import TaskGroup

from confect_core.errors import SpecError, Where
from confect_server.http.errors import BadMount, MountFailed

Message: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]],
    Awaitable[None],
]
"""An ASGI application: Starlette, FastAPI, Django and the like."""

_OWN = ("/api", "/version", "/healthz", "/readyz", "/metrics")


@dataclass(frozen=True, eq=False)
class Mount:
    """Another application, and the path below which it answers."""

    path: str
    app: AsgiApp
    where: Where

    @property
    def prefix(self) -> str:
        """What paths begin with that it answers, without the slash at the end."""
        return self.path.rstrip("/")


@dataclass(frozen=True, eq=False)
class RunningMount:
    """An application that has started, with the state that it wants to find in its requests."""

    prefix: str
    app: AsgiApp
    state: dict[str, Any]


class Mounts:
    """The other applications that run as a part of this one."""

    def __init__(self, running: Iterable[RunningMount] = ()) -> None:
        self._running = sorted(running, key=lambda each: len(each.prefix), reverse=True)

    @staticmethod
    def mistakes(mounts: Sequence[Mount]) -> list[SpecError]:
        """Everything in the paths that cannot be."""
        found: list[SpecError] = []
        taken: set[str] = set()
        for mount in mounts:
            problem = _problem_of(mount.path)
            if mount.prefix in taken:
                problem = "another one is there"
            if problem is not None:
                found.append(BadMount(mount.path, problem, mount.where))
            taken.add(mount.prefix)
        return found

    @classmethod
    async def started(
        cls, mounts: Sequence[Mount], until: AsyncExitStack, tasks: TaskGroup
    ) -> Mounts:
        """The applications, each started; each is stopped when the stack is closed."""
        running: list[RunningMount] = []
        for mount in mounts:
            lifespan = Lifespan(mount)
            until.push_async_callback(lifespan.stop)
            await tasks.start(lifespan.run)
            if lifespan.problem is not None:
                raise MountFailed(mount.path, lifespan.problem)
            running.append(RunningMount(mount.prefix, mount.app, lifespan.state))
        return cls(running)

    def find(self, path: str) -> RunningMount | None:
        """The application that a path belongs to, that of the longest prefix."""
        return next(
            (each for each in self._running if f"{path}/".startswith(f"{each.prefix}/")), None
        )


class Lifespan:
    """Tells one application that it starts and that it stops, in a task of its own.

    One that knows nothing of this leaves at once, and is there all the same.
    """

    def __init__(self, mount: Mount) -> None:
        self._app = mount.app
        self._to_stop = anyio.Event()
        self._has_ended = anyio.Event()
        self._has_begun = False
        self._is_asked = False
        self.state: dict[str, Any] = {}
        """What the application puts down at startup for its requests."""
        self.problem: str | None = None
        """Why it did not start."""

    async def run(self, *, task_status: anyio.abc.TaskStatus[None]) -> None:
        """Run the application's lifespan; it has started once the status says so."""

        async def send(message: Message) -> None:
            if message["type"] == "lifespan.startup.failed":
                self.problem = message.get("message") or "it says no more"
            if message["type"].startswith("lifespan.startup."):
                self._has_begun = True
                task_status.started()

        scope = {"type": "lifespan", "asgi": {"version": "3.0"}, "state": self.state}
        try:
            await self._app(scope, self._receive, send)
        except Exception:
            # ASGI lets an application that has no lifespan raise; one that was running must not
            if self._has_begun and self.problem is None:
                raise
        finally:
            self._has_ended.set()
        if not self._has_begun:
            task_status.started()

    async def stop(self) -> None:
        """Tell the application to stop, and return once it has."""
        self._to_stop.set()
        if self._has_begun:
            await self._has_ended.wait()

    async def _receive(self) -> Message:
        if not self._is_asked:
            self._is_asked = True
            return {"type": "lifespan.startup"}
        await self._to_stop.wait()
        return {"type": "lifespan.shutdown"}


def _problem_of(path: str) -> str | None:
    if not path.startswith("/"):
        return "it does not begin with a slash"
    if any(f"{path}/".startswith(f"{own}/") for own in _OWN):
        return "the server answers there itself"
    return None
