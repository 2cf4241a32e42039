"""`Judge`: the client's end of one socket, which checks every frame against all that clients need.

What it insists on is what the official clients break at, as the fault table of the protocol and
its list of what is easily got wrong have it. It is told what its client asks, and hears everything
that the server says; it raises `AssertionError` at the first frame that is wrong.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any, NoReturn, TypeAlias, cast

Frame: TypeAlias = dict[str, Any]

_LOG_LINE = re.compile(r"^\[.*?\] ", re.DOTALL)
_REQUEST_ID = re.compile(r"^\[Request ID: [0-9a-f]+\] ")
_FIELDS = {
    "Transition": {"startVersion", "endVersion", "modifications"},
    "TransitionChunk": {"chunk", "partNumber", "totalParts", "transitionId"},
    "MutationResponse": {"requestId", "success", "result", "ts", "logLines"},
    "ActionResponse": {"requestId", "success", "result", "logLines"},
    "AuthError": {"error", "baseVersion", "authUpdateAttempted"},
    "FatalError": {"error"},
    "Ping": set[str](),
}
_OPTIONAL = {
    "Transition": {"clientClockSkew", "serverTs"},
    "MutationResponse": {"errorData"},
    "ActionResponse": {"errorData"},
}
_CHANGES = {
    "QueryUpdated": {"queryId", "value", "logLines", "journal"},
    "QueryFailed": {"queryId", "errorMessage", "logLines", "journal"},
    "QueryRemoved": {"queryId"},
}
_WITH_REASON = (1011, 1012, 1013)
_CODES = (None, 1000, 1001, 1005, *_WITH_REASON)


class Judge:
    """Checks one socket from its first frame to its close."""

    def __init__(self, *, knows_chunks: bool = False, tells_time: bool = True) -> None:
        self.version: Frame = {"querySet": 0, "identity": 0, "ts": "AAAAAAAAAAA="}
        self.frames: list[Frame] = []
        """What was heard, Transitions that came in parts put together."""
        self.fatal: str | None = None
        """What the server said before it gave the socket up."""
        self.results: dict[int, tuple[object, ...]] = {}
        """What the client knows of each query."""
        self._knows_chunks = knows_chunks
        self._tells_time = tells_time
        self._mutations: list[int] = []
        self._replayed: set[int] = set()
        self._actions: list[int] = []
        self._queries: set[int] = set()
        self._removed: set[int] = set()
        self._unsettled: list[int] = []
        self._parts: list[str] = []
        self._is_over = False

    # What its client does.

    def mutates(self, request_id: int, *, again: bool = False) -> None:
        """A mutation is sent; `again` if an earlier socket may have sent it, too."""
        self._mutations.append(request_id)
        if again:
            self._replayed.add(request_id)

    def acts(self, request_id: int) -> None:
        self._actions.append(request_id)

    def adds(self, *query_ids: int) -> None:
        self._queries.update(query_ids)

    def removes(self, *query_ids: int) -> None:
        self._removed.update(query_ids)

    # What it hears.

    def hears(self, text: str | bytes) -> Frame | None:
        """The frame, once it is whole."""
        is_over = self._is_over or self.fatal is not None
        assert not is_over, "nothing follows a FatalError, an AuthError or a close"
        loaded: object = json.loads(text, parse_constant=_refuse)
        assert type(loaded) is dict, loaded
        frame = cast("Frame", loaded)
        kind: str = frame.get("type", "")
        assert kind in _FIELDS, f"clients stumble over {kind!r}"
        fields = set(frame) - {"type"}
        assert _FIELDS[kind] <= fields <= _FIELDS[kind] | _OPTIONAL.get(kind, set()), frame
        if kind == "TransitionChunk":
            return self._hears_part(frame)
        assert kind == "Ping" or not self._parts, "only a Ping may come between the parts"
        self._judge(frame)
        self.frames.append(frame)
        return frame

    def hears_close(self, code: int | None, reason: str) -> None:
        """The server closes the socket."""
        assert code in _CODES, (code, reason)
        assert bool(reason) == (code in (*_WITH_REASON, 1001)), (code, reason)
        assert len(reason.encode()) <= 123
        assert self.fatal is None or code in (None, 1000, 1005), (code, self.fatal)
        self._is_over = True

    @property
    def is_owed(self) -> bool:
        """Is there something that has yet to come?"""
        return bool(self._mutations or self._actions or self._removed or self._unsettled)

    def is_satisfied(self) -> None:
        """Nothing is owed: each request is answered, and each commit is shown."""
        assert (self._mutations, self._actions, self._removed) == ([], [], set())
        assert self._unsettled == [], "a Transition follows each answer of a mutation"
        assert self._parts == []

    def _hears_part(self, frame: Frame) -> Frame | None:
        assert self._knows_chunks, "whoever does not know chunks reconnects for ever"
        assert frame["partNumber"] == len(self._parts) < frame["totalParts"]
        self._parts.append(frame["chunk"])
        if len(self._parts) < frame["totalParts"]:
            return None
        whole, self._parts = "".join(self._parts), []
        assert frame["transitionId"] == str(len(whole.encode()))
        return self.hears(whole)

    def _judge(self, frame: Frame) -> None:
        match frame["type"]:
            case "Transition":
                self._moves(frame)
            case "MutationResponse":
                self._is_answered(frame)
            case "ActionResponse":
                assert frame["requestId"] in self._actions, "an answer that nobody waits for"
                self._actions.remove(frame["requestId"])
                _check_response(frame)
            case "AuthError":
                assert frame["baseVersion"] == self.version["identity"]
                assert isinstance(frame["authUpdateAttempted"], bool)
                self._gives_up(frame)
            case "FatalError":
                self._gives_up(frame)
            case _:
                assert frame["type"] == "Ping"

    def _gives_up(self, frame: Frame) -> None:
        self.fatal = frame["error"]
        assert isinstance(self.fatal, str)
        assert self.fatal

    def _is_answered(self, frame: Frame) -> None:
        assert self._mutations, f"an answer that nobody waits for: {frame}"
        assert self._mutations.pop(0) == frame["requestId"], "mutations are answered in order"
        _check_response(frame)
        ts = ts_of(frame["ts"]) if frame["success"] else 0
        assert frame["success"] or frame["ts"] is None
        is_new = frame["success"] and frame["requestId"] not in self._replayed
        assert not is_new or ts > ts_of(self.version["ts"]), "the Transition was faster"
        self._unsettled.append(ts)

    def _moves(self, frame: Frame) -> None:
        start, end = frame["startVersion"], frame["endVersion"]
        assert start == self.version, "each Transition begins where the last one ended"
        for name in ("querySet", "identity"):
            assert type(end[name]) is int
            assert end[name] >= start[name]
        assert ts_of(end["ts"]) >= ts_of(start["ts"]), "time falls"
        clocks = {"clientClockSkew", "serverTs"} & set(frame)
        assert len(clocks) in ((0, 2) if self._tells_time else (0,))
        assert all(type(frame[each]) is int for each in clocks)
        self.version = end
        self._unsettled = [ts for ts in self._unsettled if ts > ts_of(end["ts"])]
        for change in frame["modifications"]:
            self._changes(change)

    def _changes(self, change: Frame) -> None:
        fields = set(change) - {"type"}
        assert fields - {"errorData"} == _CHANGES[change["type"]], change
        query_id = change["queryId"]
        if change["type"] == "QueryRemoved":
            assert query_id in self._removed, "a query that nobody has removed"
            self._removed.discard(query_id)
            self._queries.discard(query_id)
            self.results.pop(query_id, None)
            return
        assert query_id in self._queries, "a query that nobody subscribes to"
        assert change["journal"] is None or isinstance(change["journal"], str)
        _check_lines(change["logLines"])
        result = _result(change)
        assert self.results.get(query_id) != result, "an equal result is not sent again"
        self.results[query_id] = result


def ts_of(text: object) -> int:
    """The timestamp that is written like this."""
    assert isinstance(text, str), text
    raw = b64decode(text, validate=True)
    assert len(raw) == 8, text
    return int.from_bytes(raw, "little")


def _result(change: Frame) -> tuple[object, ...]:
    """What a client can tell apart: how it went, the text of it, and what was said."""
    said, data = tuple(change["logLines"]), change.get("errorData")
    if change["type"] == "QueryUpdated":
        assert "errorData" not in change
        _check_value(change["value"])
        return "updated", json.dumps(change["value"], sort_keys=True), *said
    assert isinstance(change["errorMessage"], str)
    _check_value(data)
    message = _REQUEST_ID.sub("", change["errorMessage"])
    return "failed", message, *([json.dumps(data)] if data is not None else []), *said


def _check_response(frame: Frame) -> None:
    assert isinstance(frame["success"], bool)
    _check_lines(frame["logLines"])
    if frame["success"]:
        assert "errorData" not in frame
        _check_value(frame["result"])
    else:
        assert isinstance(frame["result"], str)
        _check_value(frame.get("errorData"))


def _check_lines(lines: object) -> None:
    assert type(lines) is list
    for line in cast("list[object]", lines):
        assert type(line) is str
        assert _LOG_LINE.match(line), line


def _check_value(value: object) -> None:
    """Numbers have a fraction or an exponent: one of the clients refuses others."""
    assert type(value) is not int, value
    if type(value) is dict:
        for each in cast("dict[str, object]", value).values():
            _check_value(each)
    elif type(value) is list:
        for each in cast("list[object]", value):
            _check_value(each)


def _refuse(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")
