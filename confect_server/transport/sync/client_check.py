"""Who opens a socket, and whether there is one at that path for them."""

from __future__ import annotations

import re

from confect_core.protocol import ClientVersion

_PATH = re.compile(r"/api/(?:([^/]+)/)?sync")


class NoSuchSocket(Exception):
    """A socket to a path at which nothing is served."""


def check_client(path: str, header: bytes | None) -> ClientVersion | None:
    """Who opens a socket to this path with this header; raises unless it can be served."""
    match = _PATH.fullmatch(path)
    if match is None:
        raise NoSuchSocket
    if match[1] is not None:
        client = ClientVersion.of_path(match[1])
    elif header is not None:
        client = ClientVersion.of_header(header.decode("latin-1"))
    else:
        return None
    client.check_supported()
    return client
