"""`TestIssuer`: vouches for everybody, so that one can try the application without a provider.

Somebody who types a name gets a token for it, signed with a key of this machine. The server checks
it as it would check that of a real provider: only where the key is found differs, in a `data:`
address.
"""

from __future__ import annotations

import base64
import os
import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import orjson
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from confect_server import CustomJwtProvider

_ISSUER = "https://test-issuer.chat.example"
_APPLICATION = "chat"
_ALGORITHM: Final = "ES256"
_FILE = "test_issuer.json"


@dataclass(frozen=True)
class TestIssuer:
    """Signs tokens with a key that is made when it is first asked for."""

    __test__ = False  # its name begins as those of the classes do that pytest collects

    key: ECKey

    @classmethod
    def at(cls, folder: Path) -> TestIssuer:
        """The issuer whose key lies in a folder, readable by its owner only."""
        path = folder / _FILE
        if not path.exists():
            folder.mkdir(parents=True, exist_ok=True)
            key = ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True)
            # linked once it is whole, so that no other process reads half of a key
            whole = path.with_name(f"{_FILE}.{secrets.token_hex(8)}")
            descriptor = os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(orjson.dumps(key.as_dict(private=True)))
            with suppress(FileExistsError):
                os.link(whole, path)
            whole.unlink()
        return cls(ECKey.import_key(orjson.loads(path.read_bytes())))

    @property
    def provider(self) -> CustomJwtProvider:
        """What the application is told of it."""
        keys = orjson.dumps(KeySet([self.key]).as_dict(private=False))
        return CustomJwtProvider(
            issuer=_ISSUER,
            jwks=f"data:application/json;base64,{base64.b64encode(keys).decode()}",
            algorithm=_ALGORITHM,
            application_id=_APPLICATION,
        )

    def token(self, name: str, now: datetime, lasts: timedelta) -> str:
        """What somebody shows who has just said that this is their name."""
        claims = {
            "iss": _ISSUER,
            "aud": _APPLICATION,
            "sub": name.casefold(),
            "name": name,
            "iat": int(now.timestamp()),
            "exp": int((now + lasts).timestamp()),
        }
        return jwt.encode({"alg": _ALGORITHM, "kid": self.key.kid}, claims, self.key)
