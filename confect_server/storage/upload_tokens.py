"""Upload tokens: what lets whoever holds it store files for a while.

A token is the end of its time and a digest of that with a key that only servers of the database
have, so every one of them knows its own and none has to remember any.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode

from confect_server.storage.errors import StorageTokenExpired, StorageTokenInvalid

_TIME_BYTES = 8
_NONCE_BYTES = 8
_TAG_BYTES = 16


class UploadTokens:
    """Makes and checks the upload tokens of one database."""

    def __init__(self, incarnation: str) -> None:
        self._key = hashlib.blake2b(incarnation.encode(), person=b"confect uploads").digest()

    def made(self, until_ms: float) -> str:
        """A token that can be used until a moment; no two are alike."""
        plain = int(until_ms).to_bytes(_TIME_BYTES) + secrets.token_bytes(_NONCE_BYTES)
        return urlsafe_b64encode(plain + self._tag(plain)).rstrip(b"=").decode()

    def check(self, token: str, now_ms: float) -> None:
        """Raise `StorageTokenInvalid` or `StorageTokenExpired` unless it can be used."""
        try:
            sealed = urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
        except ValueError:
            raise StorageTokenInvalid from None
        plain, tag = sealed[:-_TAG_BYTES], sealed[-_TAG_BYTES:]
        if not hmac.compare_digest(tag, self._tag(plain)):
            raise StorageTokenInvalid
        if now_ms > int.from_bytes(plain[:_TIME_BYTES]):
            raise StorageTokenExpired

    def _tag(self, plain: bytes) -> bytes:
        return hashlib.blake2b(plain, key=self._key, digest_size=_TAG_BYTES).digest()
