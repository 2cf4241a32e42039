"""What logs look like, to people and to programs, whatever is said."""

from __future__ import annotations

import logging
import sys
from io import StringIO

import orjson
import pytest

from confect_server.log import Lines, Log, LogLine
from confect_server.observe import logging_to
from confect_server.observe.logs import HumanFormatter, JsonFormatter, tell_line
from confect_server.settings import Observing


def a_line(message: str, *args: object, **fields: object) -> LogLine:
    lines = Lines()
    Log(lines, "notes:add").info(message, *args, **fields)
    (line,) = lines.said()
    return line


def a_record(message: str, **extra: object) -> logging.LogRecord:
    return logging.getLogger("confect").makeRecord(
        "confect", logging.INFO, "", 0, message, (), None, extra=extra
    )


def test_a_line_of_a_function_says_of_which() -> None:
    told = HumanFormatter().format(a_line("added %s", "a note", by="Ada"))
    assert told[8:] == " INFO    notes:add: added a note by='Ada'"


def test_a_line_of_a_function_is_an_object_with_its_fields_apart() -> None:
    line = a_line("added", by="Ada", level="high", function="none")
    line.request_id = "abc"
    told = orjson.loads(JsonFormatter().format(line))
    assert told["fields"] == {"by": "Ada", "level": "high", "function": "none"}
    assert (told["function"], told["request_id"]) == ("notes:add", "abc")
    assert (told["level"], told["logger"], told["message"]) == (
        "info",
        "confect.functions",
        "added",
    )
    assert told["where"].startswith(f"{__file__}:")


def test_nobodys_text_looks_like_a_line_of_its_own() -> None:
    forged = "12:00:00 ERROR   the disk is full"
    for record in (
        a_line(f"hello\n{forged}"),
        a_line("hello", name=f"\n{forged}"),
        a_record(f"hello\n{forged}"),
    ):
        told = HumanFormatter().format(record).splitlines()
        assert not [line for line in told[1:] if line[:2].isdigit()]
    try:
        raise ValueError(f"no\n{forged}")
    except ValueError:
        record = a_record("failed")
        record.exc_info = sys.exc_info()
    told = HumanFormatter().format(record).splitlines()
    assert not [line for line in told[1:] if line[:2].isdigit()]
    assert f"    {forged}" in told


def test_nobodys_text_does_anything_to_a_terminal() -> None:
    told = HumanFormatter().format(a_line("hello\x1b[2J\r\x07\u202e"))
    assert told.endswith("hello\\x1b[2J\\r\\x07\\u202e")


def test_colours_are_only_for_terminals(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.delenv("NO_COLOR", raising=False)
    coloured, plain = Terminal(), StringIO()
    for stream in (coloured, plain):
        with logging_to(stream, Observing()):
            tell_line(a_line("hello"))
    assert "\x1b[36mnotes:add\x1b[0m: hello\n" in coloured.getvalue()
    assert "\x1b" not in plain.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    forbidden = Terminal()
    with logging_to(forbidden, Observing()):
        tell_line(a_line("hello"))
    assert "\x1b" not in forbidden.getvalue()


def test_what_json_cannot_hold_is_written_all_the_same() -> None:
    circle: dict[object, object] = {}
    circle["self"] = circle
    odd = {"keys": {1: 2, (1, 2): 3}, "large": 2**80, "circle": circle, "half": "\ud800"}
    told = orjson.loads(JsonFormatter().format(a_record("odd", bytes=b"\xff", **odd)))
    assert told["message"] == "odd"
    assert told["large"] == str(2**80)
    assert "circle" in told
    assert "half" in orjson.loads(JsonFormatter().format(a_line("odd", half="\ud800")))["fields"]
    assert orjson.loads(JsonFormatter().format(a_line("odd", x=float("inf"), y=2**80)))


def test_lines_of_functions_are_written_even_those_for_finding_mistakes() -> None:
    stream = StringIO()
    lines = Lines(tell_line)
    log = Log(lines, "notes:add")
    log.debug("before anybody listens")
    with logging_to(stream, Observing()):
        log.debug("while somebody does")
    log.error("after")
    assert [line[8:] for line in stream.getvalue().splitlines()] == [
        " DEBUG   notes:add: while somebody does"
    ]
