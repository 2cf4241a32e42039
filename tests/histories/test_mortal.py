"""The servers that are made to be killed, when it is their maker who is killed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

END_S = 30

MAKER = """
import sys
from pathlib import Path
import anyio
from tests.histories.mortal import mortal_server

async def main():
    async with mortal_server(Path(sys.argv[1])) as server:
        await server.start(0)
        print("serving", flush=True)
        await anyio.sleep_forever()

anyio.run(main)
"""


def test_a_server_does_not_outlive_its_maker(tmp_path: Path) -> None:
    command = [sys.executable, "-c", MAKER, str(tmp_path / "data.db")]
    maker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert maker.stdout is not None
    assert maker.stdout.readline() == b"serving\n"
    maker.kill()
    # its servers write to where it does, so that this ends only when they have ended
    maker.communicate(timeout=END_S)
