"""What `import confect_client` costs: nothing of the server, and little time."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

PYDANTICS = 3
"""How many times as long as that of pydantic alone it may take: 0.25 s where that takes 80 ms.

Both are measured in one process by the time that it ran, so that a busy machine slows both alike.
"""

_MEASURE = """
import json, sys, time
begin = time.process_time()
from pydantic import BaseModel, TypeAdapter
class Model(BaseModel):
    field: int
pydantic = time.process_time() - begin
import confect_client
seconds = time.process_time() - begin
measured = {"seconds": seconds, "pydantic": pydantic, "modules": sorted(sys.modules)}
print(json.dumps(measured))
"""


def imported() -> dict[str, Any]:
    """How long the imports took in a process of its own, and which modules there are after it."""
    run = subprocess.run([sys.executable, "-c", _MEASURE], check=True, capture_output=True)
    measured: dict[str, Any] = json.loads(run.stdout)
    return measured


def test_the_client_is_imported_quickly() -> None:
    runs = [imported() for _ in range(5)]
    pydantics = [run["seconds"] / run["pydantic"] for run in runs]
    assert min(pydantics) < PYDANTICS, pydantics


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
