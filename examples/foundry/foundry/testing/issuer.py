"""An identity provider on loopback, which vouches for whomever a test likes."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import orjson
from joserfc import jwt
from joserfc.jwk import KeySet, RSAKey

_KEYS = "/keys"


class Issuer:
    """Speaks as much of OpenID Connect as is needed to check its tokens."""

    def __init__(self) -> None:
        self.url = ""
        self._key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)

    def token(self, subject: str, now: datetime, **claims: object) -> str:
        """What somebody shows who has signed in just now."""
        times = {"iat": int(now.timestamp()), "exp": int((now + timedelta(hours=1)).timestamp())}
        every = {"iss": self.url, "aud": "foundry", "sub": subject, **times, **claims}
        return jwt.encode({"alg": "RS256", "kid": self._key.kid}, every, self._key)

    @contextmanager
    def serving(self) -> Generator[None]:
        """Inside, its keys are found on a port that the system chooses."""
        issuer = self
        keys = orjson.dumps(KeySet([self._key]).as_dict(private=False))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                discovered = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}{_KEYS}"}
                body = keys if self.path == _KEYS else orjson.dumps(discovered)
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
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
