"""`Callers`: on whose behalf a call comes, by the token or the header that it shows."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

import orjson

from confect_core.protocol import AdminToken, JsonObject, NoToken, Token
from confect_core.values import Json
from confect_server.auth import VerifiedToken
from confect_server.auth.errors import BadHeader, BadIdentity, TokenRefused
from confect_server.auth.identity import identity_of_attributes
from confect_server.runtime import ADMIN, CLIENT, Backend, Caller
from confect_server.transport.admin import AdminKey, NotAdmin

_NS_PER_MS = 1_000_000


class Identified(NamedTuple):
    """Who calls on a socket, and until when, if a token says so."""

    caller: Caller
    lapses_at_ms: int | None = None


class Callers:
    """Tells who calls, by the providers of whichever version of the application runs.

    Whatever proves nothing raises `TokenRefused`, or `NotAdmin` for a wrong admin key.
    """

    def __init__(self, backend: Backend, admin_key: AdminKey) -> None:
        self._executor = backend.executor
        self._admin_key = admin_key

    async def showing(self, token: Token) -> Identified:
        """Whoever shows a token on a socket."""
        if isinstance(token, NoToken):
            return Identified(CLIENT)
        if isinstance(token, AdminToken):
            return Identified(self._admin(token.value, token.acting_as))
        verified = await self._verified(token.value)
        return Identified(Caller(identity=verified.identity), verified.lapses_at_ns // _NS_PER_MS)

    async def sending(self, header: bytes | None) -> Caller:
        """Whoever sends an Authorization header, or none, to call what is public."""
        if header is None:
            return CLIENT
        scheme, shown = _parts(header)
        if scheme == "bearer":
            return Caller(identity=(await self._verified(shown)).identity)
        if scheme == "convex":
            return Caller(identity=self.administering(header).identity)
        raise BadHeader

    def administering(self, header: bytes | None) -> Caller:
        """Whoever sends the admin key, and perhaps a user behind it: `key:<base64 of JSON>`."""
        scheme, shown = ("", "") if header is None else _parts(header)
        if scheme != "convex":
            raise NotAdmin
        if self._admin_key.is_key(shown):
            return ADMIN
        key, _, encoded = shown.rpartition(":")
        return self._admin(key, _attributes(encoded) if self._admin_key.is_key(key) else None)

    async def requesting(self, header: bytes | None) -> Caller:
        """Whoever sends a request to a route, which may have an Authorization of its own.

        What proves nothing is told to the route if it asks, and never keeps it from running.
        """
        if header is None or _parts(header)[0] not in ("bearer", "convex"):
            return CLIENT
        try:
            return await self.sending(header)
        except NotAdmin:
            return CLIENT
        except TokenRefused as refused:
            return Caller(refusal=refused)

    async def _verified(self, token: str) -> VerifiedToken:
        while True:
            tokens = self._executor.application.tokens
            verified = await tokens.verify(token)
            if tokens is self._executor.application.tokens:
                return verified  # else another version runs by now, which may trust others

    def _admin(self, key: str, acting_as: JsonObject | None) -> Caller:
        if not self._admin_key.is_key(key):
            raise NotAdmin
        if acting_as is None:
            return ADMIN
        return Caller(may_call_internal=True, identity=identity_of_attributes(acting_as))


def _parts(header: bytes) -> tuple[str, str]:
    scheme, _, shown = header.decode("latin-1").strip().partition(" ")
    return scheme.lower(), shown.strip()


def _attributes(encoded: str) -> JsonObject:
    padded = encoded + "=" * (-len(encoded) % 4)
    try:
        tree: Json = orjson.loads(base64.b64decode(padded, altchars=b"-_"))
    except (binascii.Error, ValueError):
        raise BadIdentity("what follows the admin key is no base64 of JSON") from None
    if not isinstance(tree, dict):
        raise BadIdentity("what follows the admin key is no JSON object")
    return tree
