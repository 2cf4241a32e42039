"""The application on a server of ours, in a process of its own, which is this module.

It has a number of orders to begin with, as the peers have.
"""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import anyio

from benchmarks.product import stocked
from benchmarks.server_process import ServerProcess, server_process
from confect_server.transport import AdminKey, ConfectAsgi, serving


@contextmanager
def product_server(folder: Path, orders: int = 0) -> Generator[ServerProcess]:
    """A server of ours with a new database in a new folder, for as long as the context lasts."""
    folder.mkdir()
    with server_process("benchmarks.product_server", str(folder), str(orders)) as server:
        yield server


async def _serve(folder: Path, orders: int) -> None:
    async with (
        stocked(folder, orders) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0) as port,
    ):
        print(port, flush=True)
        await anyio.sleep_forever()


if __name__ == "__main__":
    folder, orders = sys.argv[1:]
    anyio.run(_serve, Path(folder), int(orders), backend_options={"use_uvloop": True})
