"""The client of PyPI's `convex`, driven by a test: one line of JSON in, one line of JSON out.

It has a process of its own, because whatever it waits for it waits for with the GIL held.

    python pypi_client.py socket|http URL
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from typing import Any

from convex import ConvexClient, ConvexError
from convex.http_client import ConvexHttpClient
from convex.values import convex_to_json, json_to_convex


class Commands:
    """What the test may ask for; every answer is one event."""

    def __init__(self, kind: str, url: str) -> None:
        self._client: Any = ConvexHttpClient(url) if kind == "http" else ConvexClient(url)
        self._subscriptions: dict[str, Iterator[object]] = {}

    def subscribe(self, name: str, path: str, args: dict[str, Any]) -> tuple[str, object]:
        self._subscriptions[name] = iter(self._client.subscribe(path, args))
        return self.next(name)

    def next(self, name: str) -> tuple[str, object]:
        return "update", next(self._subscriptions[name])

    def unsubscribe(self, name: str) -> tuple[str, object]:
        del self._subscriptions[name]
        return "unsubscribed", None

    def setAuth(self, name: str, tokens: list[str]) -> tuple[str, object]:  # noqa: N802
        self._client.set_auth(tokens[0])
        return "set", None

    def setAdminAuth(self, name: str, key: str, identity: None) -> tuple[str, object]:  # noqa: N802
        self._client.set_admin_auth(key)
        return "set", None

    def clearAuth(self, name: str) -> tuple[str, object]:  # noqa: N802
        self._client.clear_auth()
        return "set", None

    def watchAll(self, name: str) -> tuple[str, object]:  # noqa: N802
        self._subscriptions[name] = iter(self._client.watch_all())
        return "watched", None

    def nextOfAll(self, name: str) -> tuple[str, object]:  # noqa: N802
        together: Any = next(self._subscriptions[name])
        return "update", [together[each]["value"] for each in sorted(together, key=str)]

    def call(self, name: str, **call: Any) -> tuple[str, object]:
        args = json_to_convex(call["args"])
        return "resolved", getattr(self._client, call["as"])(call["path"], args)


def main(kind: str, url: str) -> None:
    events = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # the client prints what functions say
    commands = Commands(kind, url)
    for line in sys.stdin:
        command: dict[str, Any] = json.loads(line, parse_int=float)
        do, name = command.pop("do"), command["name"]
        value: Any
        if do == "close":
            return
        try:
            event, value = getattr(commands, do)(**command)
        except ConvexError as error:
            event, value = "failed", {"message": str(error), "data": error.data}
        except Exception as error:
            event, value = "failed", {"message": str(error)}
        json.dump({"event": event, "name": name, "value": convex_to_json(value)}, events)
        events.write("\n")
        events.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
