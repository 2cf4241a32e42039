"""Where something was measured."""

from __future__ import annotations

import os
import platform
from pathlib import Path

import apsw

_MIB_PER_KIB = 1 / 1024


def machine() -> str:
    """The machine and the versions that matter, in one line."""
    parts = (
        _cpu(),
        f"{os.cpu_count()} cores",
        platform.system(),
        f"Python {platform.python_version()}",
        f"SQLite {apsw.sqlite_lib_version()}",
    )
    return ", ".join(parts)


def resident_mib(process: int) -> float:
    """How much memory a process holds now."""
    return _kib(process, "VmRSS") * _MIB_PER_KIB


def peak_mib(process: int) -> float:
    """The most memory that a process has held."""
    return _kib(process, "VmHWM") * _MIB_PER_KIB


def _kib(process: int, name: str) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    (line,) = (each for each in status.splitlines() if each.startswith(f"{name}:"))
    return int(line.split()[1])


def _cpu() -> str:
    said = Path("/proc/cpuinfo")
    lines = said.read_text().splitlines() if said.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()
