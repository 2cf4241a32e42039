"""Our own client of the ledger, driven by a test as the official ones are.

python -m tests.storm.our_client URL
"""

from __future__ import annotations

import sys
from typing import Any, TextIO

import anyio
import orjson
from anyio.abc import TaskGroup
from anyio.to_thread import run_sync

from confect_client import AsyncClient
from confect_core import PublicQueryRef
from tests.storm.ledger import NEWEST, TOTALS, WRITE, Newest

_QUERIES: dict[str, PublicQueryRef[[], Any]] = {"ledger:totals": TOTALS, "ledger:newest": NEWEST}


def tell(event: str, name: str, value: object) -> None:
    sys.stdout.buffer.write(orjson.dumps({"event": event, "name": name, "value": value}) + b"\n")
    sys.stdout.buffer.flush()


async def watch(client: AsyncClient, name: str, path: str) -> None:
    async for value in client.subscribe(_QUERIES[path]):
        tell("update", name, value.model_dump() if isinstance(value, Newest) else value)


async def write(client: AsyncClient, name: str, writer: str, number: int) -> None:
    tell("resolved", name, await client.mutation(WRITE, writer=writer, number=number))


async def obey(commands: TextIO, client: AsyncClient, tasks: TaskGroup) -> None:
    while line := await run_sync(commands.readline, abandon_on_cancel=True):
        command = orjson.loads(line)
        match command["do"]:
            case "subscribe":
                tasks.start_soon(watch, client, command["name"], command["path"])
            case "call":
                args = command["args"]
                tasks.start_soon(write, client, command["name"], args["writer"], args["number"])
            case _:
                break


async def main(url: str) -> None:
    async with AsyncClient(url) as client, anyio.create_task_group() as tasks:
        await obey(sys.stdin, client, tasks)
        tasks.cancel_scope.cancel()


if __name__ == "__main__":
    anyio.run(main, sys.argv[1])
