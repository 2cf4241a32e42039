"""A program that two processes run at once."""

from __future__ import annotations

import subprocess
import sys


def run_in_two_processes(program: str, *args: str) -> None:
    """Run it twice; each says that it is ready, and goes on once both are. Neither may fail."""
    command = [sys.executable, "-c", program, *args]
    children = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0, 0]
