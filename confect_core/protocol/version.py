"""Who is calling: the kind and version that a client states when it connects.

There is no negotiation. JavaScript clients put their version into the path of the socket
(`/api/1.48.0/sync`), all others send a header (`Convex-Client: python-0.8.1`).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from confect_core.protocol.errors import InvalidClientVersion, UnsupportedClientVersion

_VERSION = re.compile(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})([-+].+)?")
_HEADER = re.compile(r"([A-Za-z][A-Za-z-]*)-(\d.*)")


class Semver(NamedTuple):
    """A version as three numbers, which compare as versions do."""

    major: int
    minor: int
    patch: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}"


_NEWEST_UNSUPPORTED = {
    "npm": Semver(0, 19, 1),
    "python": Semver(0, 0, 2),
    "rust": Semver(0, 0, 1),
}
_FIRST_WITH_CHUNKS = Semver(1, 28, 0)
_FIRST_WITH_CLEAN_RESULTS = {
    "npm": Semver(1, 4, 1),
    "npm-cli": Semver(1, 4, 1),
    "actions": Semver(1, 4, 1),
    "python": Semver(0, 5, 0),
}


class ClientVersion(NamedTuple):
    """A client's kind (`npm`, `python`, `rust`, …) and its version."""

    kind: str
    version: Semver

    @classmethod
    def of_path(cls, text: str) -> ClientVersion:
        """The JavaScript client whose version stands in the path of its socket."""
        return cls("npm", _semver(text, text))

    @classmethod
    def of_header(cls, text: str) -> ClientVersion:
        """The client that a `Convex-Client` header names."""
        match = _HEADER.fullmatch(text)
        if match is None:
            raise InvalidClientVersion(text)
        return cls(match[1].lower(), _semver(match[2], text))

    def check_supported(self) -> None:
        """Raises `UnsupportedClientVersion` for a client that is too old to be understood."""
        newest_unsupported = _NEWEST_UNSUPPORTED.get(self.kind)
        if newest_unsupported is not None and self.version <= newest_unsupported:
            raise UnsupportedClientVersion(str(self), str(newest_unsupported))

    @property
    def knows_chunks(self) -> bool:
        """Whether the client can put a Transition together that arrives in several frames."""
        return self.kind == "npm" and self.version >= _FIRST_WITH_CHUNKS

    @property
    def expects_encoded_results(self) -> bool:
        """Whether the client means encoded results when its request names no format."""
        first = _FIRST_WITH_CLEAN_RESULTS.get(self.kind)
        return first is not None and self.version < first

    def __str__(self) -> str:
        return f"{self.kind}-{self.version}"


def _semver(text: str, whole: str) -> Semver:
    match = _VERSION.fullmatch(text)
    if match is None:
        raise InvalidClientVersion(whole)
    return Semver(int(match[1]), int(match[2]), int(match[3]))
