"""Resident memory: of a server with a large table, and of one that does nothing.

Each is measured in a process of its own, which is this module: `python -m benchmarks.memory`.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Literal, TypeAlias

import anyio

from benchmarks.application import customer
from benchmarks.machine import peak_mib, resident_mib
from benchmarks.product import customers_of, query, running, stock
from benchmarks.result import Quantity, Result, at_most
from benchmarks.scale import Scale
from confect_core.protocol import JsonObject
from confect_core.values import loads
from confect_server.runtime import Backend
from confect_server.transport import AdminKey, ConfectAsgi, serving

Doing: TypeAlias = Literal["inserting", "reading", "nothing"]

_ONE_CUSTOMER_OF = 5
_PAGE_ITEMS = 500
_STEP = 7919  # a prime: the documents come in no order


async def measure(scale: Scale, folder: Path) -> list[Result]:
    """Memory while a large table is made, while it is read, and of an idle server."""
    database, documents = folder / "memory.db", scale.many_documents
    table = f"{documents:,} documents of 200 B"
    target = at_most(400, 200)
    return [
        Result(
            what=f"peak memory while {table} are inserted",
            ours=_in_a_process("inserting", database, documents),
            target=target,
        ),
        Result(
            what=f"peak memory while {table} are read, at random and all of them",
            ours=_in_a_process("reading", database, documents),
            target=target,
        ),
        Result(what="memory of an idle server", ours=_in_a_process("nothing", database, documents)),
    ]


def _in_a_process(doing: Doing, database: Path, documents: int) -> Quantity:
    command = [sys.executable, "-m", "benchmarks.memory", doing, str(database), str(documents)]
    said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Quantity(float(said), "MiB")


async def _inserting(database: Path, documents: int) -> float:
    async with running(database) as backend:
        await stock(backend, documents)
        return peak_mib(os.getpid())


async def _reading(database: Path, documents: int) -> float:
    async with running(database) as backend:
        customers = customers_of(documents)
        for number in range(customers // _ONE_CUSTOMER_OF):
            args: JsonObject = {"customer": customer(number * _STEP % customers)}
            await query(backend, "orders:of_customer", args)
        await _scan(backend)
        return peak_mib(os.getpid())


async def _scan(backend: Backend) -> None:
    """Read the whole table, page after page."""
    cursor: str | None = None
    while True:
        options: JsonObject = {"numItems": _PAGE_ITEMS, "cursor": cursor}
        page = loads(await query(backend, "orders:page", {"paginationOpts": options}))
        assert isinstance(page, dict), "a page is an object"
        if page["isDone"]:
            return
        cursor = str(page["continueCursor"])


async def _nothing(database: Path, documents: int) -> float:
    del documents
    async with (
        running(database) as backend,
        serving(ConfectAsgi(backend, AdminKey("")), "127.0.0.1", 0),
    ):
        return resident_mib(os.getpid())


_MEASURES = {"inserting": _inserting, "reading": _reading, "nothing": _nothing}

if __name__ == "__main__":
    doing, database, documents = sys.argv[1:]
    on_uvloop = {"use_uvloop": True}
    figure = anyio.run(_MEASURES[doing], Path(database), int(documents), backend_options=on_uvloop)
    print(figure)
