"""What is subclassed of uvicorn is what was read when the subclasses were written.

uvicorn promises nothing about its protocol classes. A version that changes them fails here, before
it does so in a way that is hard to see: a timer that is never set, an answer in another order.
"""

from __future__ import annotations

import inspect
import tomllib
from hashlib import sha256
from pathlib import Path

import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PYPROJECT = Path(__file__).parents[3] / "pyproject.toml"
BOUNDS = "uvicorn>=0.53,<0.55"
WRITTEN_FOR = {
    HttpToolsProtocol: "18fdf324b11bf160",
    RequestResponseCycle: "e67d470d435dcc1c",
    WebSocketsSansIOProtocol: "0bbcec98938432f7",
    uvicorn.Server: "06e799f7c58f8be6",
}
"""The first letters of the SHA-256 of the source of each."""


@pytest.mark.parametrize("subclassed", WRITTEN_FOR, ids=lambda each: each.__name__)
def test_what_is_subclassed_has_not_changed(subclassed: type) -> None:
    found = sha256(inspect.getsource(subclassed).encode()).hexdigest()[:16]
    assert found == WRITTEN_FOR[subclassed], (
        f"{subclassed.__qualname__} of uvicorn {uvicorn.__version__} is not the one that "
        "confect_server/transport/serve.py, http/connection.py and http/call_protocol.py were "
        "written for. Compare the two, mend what is overridden, then note this digest here and "
        "the new bounds in pyproject.toml."
    )


def test_only_versions_that_were_read_can_be_installed() -> None:
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    assert BOUNDS in project["optional-dependencies"]["server"]
