"""Cursors: where a page of a query ends, sealed so that a client can only hand it back.

A cursor is part of a result and later of arguments, so the same place always has the same cursor,
in every process of a database. It is sealed as SIV does it: a keyed digest of the place and of the
query vouches for both and is the nonce of the stream that hides the place, since keys hold field
values. Rejected: a signature alone, which shows values that no function has answered, and a
random nonce, with which a result would differ each time it is found anew.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import TypeAlias

from confect_server.errors import InvalidCursor

Place: TypeAlias = bytes | None
"""After this index key, or at the end of the query if it is None."""

_TAG_BYTES = 16
_END = b"\x00"
_AFTER = b"\x01"


class Cursors:
    """Seals and opens the cursors of one database."""

    def __init__(self, incarnation: str) -> None:
        secret = incarnation.encode()
        self._sealing_key = hashlib.blake2b(secret, person=b"confect cursor 1").digest()
        self._hiding_key = hashlib.blake2b(secret, person=b"confect cursor 2").digest()

    def seal(self, place: Place, query: bytes) -> str:
        """The cursor of a place in the query with this fingerprint."""
        plain = _END if place is None else _AFTER + place
        tag = self._tag(plain, query)
        return urlsafe_b64encode(tag + self._hidden(plain, tag)).rstrip(b"=").decode()

    def open(self, cursor: str, query: bytes) -> Place:
        """The place of a cursor; raises `InvalidCursor` if it is of another query or of nobody."""
        try:
            sealed = urlsafe_b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4))
        except ValueError:
            raise InvalidCursor from None
        tag = sealed[:_TAG_BYTES]
        plain = self._hidden(sealed[_TAG_BYTES:], tag)
        if not hmac.compare_digest(tag, self._tag(plain, query)):
            raise InvalidCursor
        return None if plain == _END else plain[len(_AFTER) :]

    def _tag(self, plain: bytes, query: bytes) -> bytes:
        digest = hashlib.blake2b(query, key=self._sealing_key, digest_size=32).digest()
        return hashlib.blake2b(plain, key=digest, digest_size=_TAG_BYTES).digest()

    def _hidden(self, data: bytes, tag: bytes) -> bytes:
        """The data with a stream of the tag's own mixed in; doing it twice gives it back."""
        stream = hashlib.shake_256(self._hiding_key + tag).digest(len(data))
        mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream, "big")
        return mixed.to_bytes(len(data), "big")
