"""Calls that got no answer.

::

    ClientError
    ├── ConnectionLost      an action whose connection broke before the answer came
    └── ServerRefused       the server said that this client breaks the protocol
"""

from __future__ import annotations

from confect_core.errors import ClientError


class ConnectionLost(ClientError):
    """The connection broke while an action was running; nobody knows how far it came."""

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(
            f"The connection was lost while the action {path} was running: {reason}.",
            hint="Use a mutation for what must happen exactly once, or make the action repeatable.",
        )


class ServerRefused(ClientError):
    """The server ended the session because of what this client sent; no retry would help."""

    def __init__(self, error: str) -> None:
        super().__init__(
            f"The server ended the session: {error}",
            hint="Correct the function path or the version that the server names.",
        )
