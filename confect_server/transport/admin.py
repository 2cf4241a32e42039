"""The admin key: whoever has it may call internal functions."""

from __future__ import annotations

import hmac

from confect_core.errors import CallError


class NotAdmin(CallError):
    """A call that needs the admin key came without it."""

    code = "Unauthenticated"

    def __init__(self) -> None:
        super().__init__(
            "this call needs the admin key",
            hint="send `Authorization: Convex <admin key>`; the key lies beside the database",
        )


class AdminKey:
    """The secret of one server; an empty one is nobody's key, since anybody could show it."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def is_key(self, key: str) -> bool:
        """Is this the key? It may name its deployment, as in `dev:key`."""
        bare = key.split(":", 1)[1] if key.startswith(("dev:", "prod:")) else key
        is_same = hmac.compare_digest(bare.encode(), self._secret.encode())
        return is_same and bool(self._secret)
