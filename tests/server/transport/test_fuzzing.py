"""Frames that no client would send: they harm nobody but the socket that they come from.

`FUZZED_SOCKETS` of them come to a real server, as the seed in the name of the test has it.
"""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from random import Random, randrange

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed

from confect_core.protocol import EncodedValue, JsonObject, parse_server_message
from confect_core.values import Json
from confect_server.runtime.outcome import Failed, QueryRun, Succeeded
from confect_server.settings import Sockets
from confect_server.transport.sync.effects import (
    Close,
    Effect,
    RunAction,
    RunMutation,
    RunQueries,
    Send,
    Verify,
)
from confect_server.transport.sync.session import SyncSession
from tests.server.transport.test_socket_limits import beside, served
from tests.sync_socket import sync_socket

FUZZED_SOCKETS = 150
MOST_FRAMES = 12
TS = 1_700_000_000_000_000_000
NOW_MS = 1_795_188_240_000
LIMITS = Sockets(mutations=5, actions=5, subscriptions=5, waiting_bytes=5_000)

_CONNECT: JsonObject = {
    "type": "Connect",
    "sessionId": "9208b169-0e8a-4fa7-9341-d27c8fd3dda8",
    "connectionCount": 0,
    "lastCloseReason": None,
    "maxObservedTimestamp": "AAAAAAAAAAA=",
    "clientTs": 0,
}
_ADD: JsonObject = {
    "type": "Add",
    "queryId": 0,
    "udfPath": "ledger:echo",
    "args": [{"text": "hi"}],
    "journal": None,
    "componentPath": "",
}
_CALL: JsonObject = {
    "type": "Mutation",
    "requestId": 0,
    "udfPath": "ledger:add",
    "args": [{"text": "hi"}],
    "componentPath": None,
}
_MESSAGES: list[JsonObject] = [
    _CONNECT,
    {"type": "ModifyQuerySet", "baseVersion": 0, "newVersion": 1, "modifications": [_ADD]},
    {
        "type": "ModifyQuerySet",
        "baseVersion": 1,
        "newVersion": 2,
        "modifications": [{"type": "Remove", "queryId": 0}],
    },
    _CALL,
    {**_CALL, "type": "Action", "udfPath": "ledger:act"},
    {"type": "Authenticate", "baseVersion": 0, "tokenType": "None"},
    {"type": "Authenticate", "baseVersion": 1, "tokenType": "User", "value": "a.b.c"},
    {"type": "Authenticate", "baseVersion": 1, "tokenType": "Admin", "value": "key"},
    {"type": "Event", "eventType": "Hello", "event": None},
]
_SCALARS: list[Json] = [
    *[None, True, False, 0, -1, 1, 2**31, 2**32, 2**64, 10**400, 0.5, -0.0, 1e308],
    *["", "x", "\ud800", "\x00", "a" * 300, "notes:list", "../x", "AAAAAAAAAIA=", "key"],
    *[float("nan"), float("inf")],
]
_TREES: list[Json] = [
    {"$integer": "?"},
    {"$float": 1},
    {"$bytes": None},
    {"$": 1},
    {"_id": 1},
    {"\ud800": 1},
    {},
    [],
    [[]],
    [{}, {}],
    [None],
]
_ODD = _SCALARS + _TREES
_NO_JSON: list[str | bytes] = [
    *["", "{", "nul", '{"type":', "[" * 5_000, '"\\ud800"', "\ufeff{}", "{}{}"],
    *[b"{}", b"\xff"],
]


def nested(depth: int) -> Json:
    """Something as deep as no value may be."""
    inner: Json = 1
    for _ in range(depth):
        inner = [inner] if depth % 2 else {"a": inner}
    return inner


def fuzzed(tree: Json, chooser: Random) -> Json:
    """The same with something else in it, somewhere."""
    if chooser.random() < 0.15:
        return nested(chooser.choice([20, 65, 900])) if chooser.random() < 0.1 else odd(chooser)
    if isinstance(tree, dict):
        kept = {name: value for name, value in tree.items() if chooser.random() > 0.05}
        name = chooser.choice([*kept, "more"])
        return {**kept, name: fuzzed(kept.get(name), chooser)}
    if isinstance(tree, list):
        return [fuzzed(each, chooser) for each in tree] * chooser.choice([1, 1, 1, 2, 20])
    return tree


def odd(chooser: Random) -> Json:
    return chooser.choice(_ODD)


def frame(chooser: Random) -> str | bytes:
    """A frame that is wrong more often than not."""
    kind = chooser.random()
    if kind < 0.1:
        return chooser.choice(_NO_JSON)
    message: Json = chooser.choice(_MESSAGES)
    return json.dumps(message if kind < 0.4 else fuzzed(message, chooser))


class Driver:
    """Does whatever a session asks for, so that the next frame comes to another state."""

    def __init__(self, chooser: Random) -> None:
        self.session = SyncSession("nobody", LIMITS)
        self.closes: list[Close] = []
        self._chooser = chooser
        self._waiting: list[Effect[str]] = []
        self._ts = TS

    def hear(self, frame: str | bytes) -> None:
        if isinstance(frame, bytes):
            frame = frame.decode("latin-1")
        self._do(self.session.receive(frame, NOW_MS, self._ts))
        while self._waiting and self._chooser.random() < 0.7:
            self._do(self._done(self._waiting.pop(0)))
        self._do(self.session.advance(self._ts, NOW_MS))

    def _do(self, effects: list[Effect[str]]) -> None:
        for effect in effects:
            assert not self.closes, "nothing follows a Close"
            if isinstance(effect, Send):
                parse_server_message(effect.frame)
            elif isinstance(effect, Close):
                self.closes.append(effect)
            else:
                self._waiting.append(effect)

    def _done(self, effect: Effect[str]) -> list[Effect[str]]:
        match effect:
            case RunQueries():
                ran = [QueryRun(Succeeded(EncodedValue(b"1.0"))), QueryRun(Failed("\ud800"))]
                runs = {each.query.query_id: self._chooser.choice(ran) for each in effect.queries}
                return self.session.queries_ran(runs, NOW_MS)
            case RunMutation():
                self._ts += 1
                done = Succeeded(EncodedValue(b"null"))
                return self.session.mutation_committed(effect.request.request_id, done, self._ts)
            case RunAction():
                return self.session.action_finished(effect.request.request_id, Failed("no"))
            case Verify():
                if self._chooser.random() < 0.3:
                    return self.session.auth_failed("no")
                return self.session.authenticated("me")
            case _:
                return []


@given(st.randoms(use_true_random=False), st.integers(1, 30))
@settings(max_examples=600, deadline=None)
def test_no_frame_harms_a_session(chooser: Random, frames: int) -> None:
    driver = Driver(chooser)
    if chooser.random() < 0.9:
        driver.hear(json.dumps(_CONNECT))
    for _ in range(frames):
        driver.hear(frame(chooser))
    assert len(driver.closes) == driver.session.is_closed


@given(st.text() | st.binary())
def test_no_text_harms_a_session(text: str | bytes) -> None:
    driver = Driver(Random(0))
    driver.hear(text)
    assert driver.session.is_closed


@pytest.mark.parametrize("seed", [randrange(2**32)])
async def test_no_frame_harms_another_socket(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR)
    chooser = Random(seed)
    async with served(LIMITS) as at, beside(at):
        for _ in range(FUZZED_SOCKETS):
            async with sync_socket(at.url, connects=chooser.random() < 0.9) as socket:
                with suppress(ConnectionClosed):
                    for _ in range(chooser.randrange(MOST_FRAMES)):
                        await socket.say_raw(frame(chooser))
                if chooser.random() < 0.5:
                    socket.vanish()
        await at.until_sockets(1)
    assert [each.getMessage() for each in caplog.records] == []


async def test_a_flood_of_requests_harms_nobody_else() -> None:
    async with served() as at, beside(at), sync_socket(at.url) as flood:
        with suppress(ConnectionClosed):
            for request_id in range(5_000):
                await flood.mutate(request_id, "ledger:nothing")
                await flood.act(request_id, "ledger:nothing")
        async with beside(at):
            pass
