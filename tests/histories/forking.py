"""A process whose children serve the application, so that starting one again takes no time.

Each line that it reads is an `Order`; the child that it forks for it says on which port it serves.
When the child has ended the parent says by which signal, and reads on. Whoever writes the lines may
be killed: the child ends with them.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import threading
from dataclasses import asdict, dataclass
from pathlib import Path

import anyio

from confect_server.engine import PausePoint
from confect_server.runtime import Backend
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.histories.application import application
from tests.server.engine.pausing import Deadly


@dataclass(frozen=True, slots=True)
class Order:
    """What to serve, where, and at which arrival at which pause point to be killed."""

    database: str
    port: int
    seed: int
    point: str | None = None
    arrival: int = 0

    def encoded(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"


def say(**said: int) -> None:
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def end_with_input() -> None:
    """Kill this process once nobody can write its next line."""
    waiting = select.poll()
    waiting.register(sys.stdin, 0)  # nothing is read: the next line is the parent's
    waiting.poll()
    os.kill(os.getpid(), signal.SIGKILL)


async def serve(order: Order) -> None:
    pauses = None if order.point is None else Deadly(PausePoint[order.point], order.arrival)
    store = SqliteStore(Path(order.database))
    async with (
        Backend.open(application(order.seed), store, pauses=pauses) as backend,
        serving(ConfectAsgi(backend, AdminKey("secret")), "127.0.0.1", order.port) as port,
    ):
        say(serving=port, pid=os.getpid())
        await anyio.sleep_forever()


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if not child:
            threading.Thread(target=end_with_input, daemon=True).start()
            anyio.run(serve, Order(**json.loads(line)))
            os._exit(1)  # nobody but a signal ends it
        _, status = os.waitpid(child, 0)
        say(ended=os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
