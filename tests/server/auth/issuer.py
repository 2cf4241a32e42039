"""`Issuer`: an identity provider on loopback, with keys of its own that it can rotate."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Literal

import orjson
from joserfc import jwt
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, KeySet, OKPKey, RSAKey

Algorithm = Literal["RS256", "ES256", "EdDSA", "Ed25519"]


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now_s = 1_800_000_000.0

    def now_ns(self) -> int:
        return int(self.now_s * 1e9)


class Issuer:
    """Signs tokens, and serves its configuration and its keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.url = ""
        self.requests: list[str] = []
        self.content_type = "application/json"
        self.is_down = False
        self.claimed_issuer: str | None = None
        self.rotate()

    def rotate(self) -> None:
        """Sign with new keys from now on."""
        self._keys: dict[Algorithm, RSAKey | ECKey | OKPKey] = {
            "RS256": RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True),
            "ES256": ECKey.generate_key("P-256", {"use": "sig"}, auto_kid=True),
            "EdDSA": OKPKey.generate_key("Ed25519", {"use": "sig"}, auto_kid=True),
            "Ed25519": OKPKey.generate_key("Ed25519", {"use": "sig"}, auto_kid=True),
        }

    def token(
        self,
        algorithm: Algorithm = "RS256",
        *,
        key_id: str | None = "its own",
        lasts_s: float = 60,
        **claims: object,
    ) -> str:
        """A token that lasts a minute, with these claims; a claim that is None is left out."""
        now = int(self._clock.now_s)
        every: dict[str, object] = {
            "iss": self.url,
            "sub": "ada",
            "aud": "app",
            "iat": now,
            "exp": int(now + lasts_s),
            **claims,
        }
        key = self._keys[algorithm]
        header: dict[str, Any] = {"alg": algorithm}
        if key_id is not None:
            header["kid"] = key.kid if key_id == "its own" else key_id
        present = {name: value for name, value in every.items() if value is not None}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # EdDSA has got another name
            return jwt.encode(header, present, key, algorithms=[algorithm])

    def token_with(self, claim: str, value: object) -> str:
        """A token with this one claim made different."""
        claims: dict[str, Any] = {claim: value}
        return self.token(**claims)

    @property
    def keys(self) -> bytes:
        """The public keys, as JSON."""
        return orjson.dumps(KeySet(list(self._keys.values())).as_dict(private=False))

    @property
    def keys_as_data(self) -> str:
        """The public keys, as an address that holds them."""
        return f"data:application/json;base64,{base64.b64encode(self.keys).decode()}"

    def answer(self, path: str) -> tuple[int, bytes]:
        """What a request for a path is answered with."""
        self.requests.append(path)
        if self.is_down:
            return 503, b"{}"
        if path == "/keys":
            return 200, self.keys
        if path == "/.well-known/openid-configuration":
            issuer = self.claimed_issuer or self.url
            return 200, orjson.dumps({"issuer": issuer, "jwks_uri": f"{self.url}/keys"})
        return 404, b"{}"

    @contextmanager
    def serving(self) -> Generator[None]:
        """Serve on a port of loopback that the system chooses."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                status, body = issuer.answer(self.path)
                self.send_response(status)
                self.send_header("Content-Type", issuer.content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.url = f"http://127.0.0.1:{server.server_port}"
            Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
            try:
                yield
            finally:
                server.shutdown()
