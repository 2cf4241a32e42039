"""`ProviderKeys`: the public keys of a provider, fetched when they are needed and kept a while."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import unquote_to_bytes

import anyio
import httpx2
import orjson
from joserfc.errors import JoseError
from joserfc.jwk import Key, KeySet

from confect_core.values import Json
from confect_server.auth.errors import KeysUnavailable
from confect_server.auth.providers import CustomJwtProvider, Provider, bare, is_web_address
from confect_server.engine import Timepiece

_KEPT_NS = 3_600 * 10**9
_RETRY_NS = 10 * 10**9
"""How soon unknown keys make the server look again: rotated ones are found, floods are not."""
_TIMEOUT_S = 5.0
"""How long a provider may take for all of it, however it spreads its answers."""
_MOST_BYTES = 2**20
_KEY_TYPES = ("application/json", "application/jwk-set+json")
_ASYMMETRIC = ("RSA", "EC", "OKP")


class Fetched(NamedTuple):
    """What an address answered."""

    content_type: str
    body: bytes


class Fetch(Protocol):
    """Gets a document of the web."""

    async def __call__(self, url: str, /) -> Fetched:
        """What the address answers; raises `FetchFailed`."""
        ...


class FetchFailed(Exception):
    """An address did not answer with what was asked for."""


async def fetch(url: str) -> Fetched:
    """Get a document over HTTP.

    Redirects are not followed: a provider says where its keys are, and nobody else does.
    """
    if not is_web_address(url):
        raise FetchFailed(f"{url!r} is no address of the web")
    body = bytearray()
    try:
        async with (
            httpx2.AsyncClient(timeout=_TIMEOUT_S) as client,
            client.stream("GET", url) as response,
        ):
            if not response.is_success:
                raise FetchFailed(f"{url} answers {response.status_code}")
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > _MOST_BYTES:
                    raise FetchFailed(f"{url} answers more than {_MOST_BYTES} bytes")
    except (httpx2.HTTPError, httpx2.InvalidURL) as error:
        raise FetchFailed(f"{url}: {str(error) or type(error).__name__}") from None
    content_type, _, _ = response.headers.get("content-type", "").partition(";")
    return Fetched(content_type.strip().lower(), bytes(body))


class ProviderKeys:
    """The keys of one provider; whoever asks while they are fetched waits for the same answer.

    A provider that does not answer leaves the keys that it gave before in use, and is asked again
    a while later, not for every token; only the one who asks waits for it then.
    """

    def __init__(self, provider: Provider, clock: Timepiece, fetch: Fetch) -> None:
        self._provider = provider
        self._clock = clock
        self._fetch = fetch
        self._keys: KeySet | None = None
        self._failure: KeysUnavailable | None = None
        self._asked_at_ns: int | None = None
        self._asking = anyio.Lock()

    async def containing(self, key_id: str) -> KeySet:
        """The keys, asked for anew if this one is not among them; raises `KeysUnavailable`."""
        is_being_asked = self._asking.locked() and self._has(key_id)
        if self._is_due(key_id) and not is_being_asked:
            async with self._asking:
                if self._is_due(key_id):
                    await self._ask()
        if self._keys is not None:
            return self._keys
        assert self._failure is not None, "who has asked has keys or a failure"
        raise KeysUnavailable(self._provider.issuer, self._failure.problem)

    def _is_due(self, key_id: str) -> bool:
        if self._asked_at_ns is None:
            return True
        kept_ns = _KEPT_NS if self._has(key_id) and self._failure is None else _RETRY_NS
        return self._clock.now_ns() - self._asked_at_ns > kept_ns

    def _has(self, key_id: str) -> bool:
        return self._keys is not None and any(key.kid == key_id for key in self._keys)

    async def _ask(self) -> None:
        problem: str | None = None
        try:
            with anyio.fail_after(_TIMEOUT_S):
                self._keys = _keys_in(await self._document())
        except FetchFailed as error:
            problem = str(error)
        except TimeoutError:
            problem = f"it takes longer than {_TIMEOUT_S} s"
        except (ValueError, KeyError, TypeError) as error:
            problem = f"its keys cannot be read: {error}"
        self._failure = KeysUnavailable(self._provider.issuer, problem) if problem else None
        self._asked_at_ns = self._clock.now_ns()

    async def _document(self) -> bytes:
        if isinstance(self._provider, CustomJwtProvider) and _is_data(self._provider.jwks):
            return _data_of(self._provider.jwks)
        address = await self._address()
        content_type, body = await self._fetch(address)
        if content_type not in _KEY_TYPES:
            raise FetchFailed(f"{address} is {content_type or 'of no type'}, not a set of keys")
        return body

    async def _address(self) -> str:
        if isinstance(self._provider, CustomJwtProvider):
            return self._provider.jwks
        issuer = self._provider.issuer
        _, body = await self._fetch(f"{issuer}/.well-known/openid-configuration")
        found = cast("dict[str, Json]", orjson.loads(body))
        claimed, address = found["issuer"], found["jwks_uri"]
        if not isinstance(claimed, str) or bare(claimed) != issuer:
            raise FetchFailed(f"its configuration is that of {claimed}")
        if issuer.startswith("https:") and not str(address).startswith("https:"):
            raise FetchFailed("its configuration says that its keys are at no https address")
        return str(address)


def _keys_in(document: bytes) -> KeySet:
    """Those keys of a set that can be used; others may be of a kind that is known to others."""
    found = cast("dict[str, list[dict[str, Any]]]", orjson.loads(document))
    usable: list[Key] = []
    for each in found["keys"]:
        # a secret that was published proves nothing
        with suppress(JoseError, ValueError, KeyError, TypeError):
            if each["kty"] in _ASYMMETRIC:
                usable += KeySet.import_key_set({"keys": [each]}).keys
    if not usable:
        raise ValueError("none of them can be used")
    return KeySet(usable)


def _is_data(address: str) -> bool:
    return address.startswith("data:")


def _data_of(address: str) -> bytes:
    head, _, body = address.partition(",")
    data = unquote_to_bytes(body)
    return base64.b64decode(data) if head.endswith(";base64") else data
