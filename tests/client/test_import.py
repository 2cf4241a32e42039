"""What `import confect_client` costs: nothing of the server, and little time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

IMPORT_S = 0.25

_MEASURE = """
import json, sys, time
begin = time.perf_counter()
import confect_client
seconds = time.perf_counter() - begin
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules)}))
"""


def imported() -> dict[str, Any]:
    """How long the import took in a process of its own, and which modules there are after it."""
    run = subprocess.run([sys.executable, "-c", _MEASURE], check=True, capture_output=True)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def test_the_client_is_imported_quickly() -> None:
    taken = [imported()["seconds"] for _ in range(5)]  # others may keep the machine busy
    assert min(taken) < IMPORT_S, taken


def test_the_client_imports_nothing_of_the_server() -> None:
    packages = {module.partition(".")[0] for module in imported()["modules"]}
    assert "confect_core" in packages
    assert not packages & {
        "confect_server",
        "confect_codegen",
        "apsw",
        "rich",
        "typer",
        "uvicorn",
        "uvloop",
        "watchfiles",
    }
