"""`ServerProcess`: a server that is measured, in a process of its own.

Such a process is a module that is run with arguments and prints its port once it is ready.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from time import clock_gettime

from benchmarks.machine import resident_mib

_PIPE = subprocess.PIPE
_SCHEDULER_CLOCK = 2  # of a process, as Linux numbers its clocks


class ServerProcess:
    """A server that runs, on a port of this machine."""

    def __init__(self, process_id: int, port: int) -> None:
        self.port = port
        self._process_id = process_id

    @property
    def memory_mib(self) -> float:
        """What it holds now."""
        return resident_mib(self._process_id)

    @property
    def cpu_s(self) -> float:
        """For how long it has run on a processor, all its threads together."""
        return clock_gettime((~self._process_id << 3) | _SCHEDULER_CLOCK)


@contextmanager
def server_process(module: str, *args: str) -> Generator[ServerProcess]:
    """The server that a module is, for as long as the context lasts."""
    command = [sys.executable, "-m", module, *args]
    with subprocess.Popen(command, stdin=_PIPE, stdout=_PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield ServerProcess(process.pid, int(process.stdout.readline()))
        finally:
            process.terminate()
