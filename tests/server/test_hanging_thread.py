"""A handler that never returns from its thread does not keep its server from ending."""

from __future__ import annotations

import subprocess
import sys

_SERVER = """
import threading
import anyio
from confect_server import Actions, Settings
from tests.server.runtime.workshop import workshop

async def main() -> None:
    blocks = threading.Event()
    def block(ctx):
        blocks.set()
        threading.Event().wait()
    async with anyio.create_task_group() as tasks:
        async with workshop(Settings(actions=Actions(grace_s=0.01))) as at:
            at.script.block = block
            tasks.start_soon(at.failure, "block")
            await anyio.to_thread.run_sync(blocks.wait)
    print("stopped")

anyio.run(main)
"""


def test_a_server_ends_although_a_thread_of_it_never_does() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _SERVER], capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stdout == "stopped\n", ended.stderr
    assert ended.returncode == 0
    assert "work:block was given up, but its thread goes on" in ended.stderr
