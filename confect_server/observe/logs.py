"""Logs: what a run was, in the fields of a record; and how records look, to people and programs.

Everything goes to the logger `confect` of the standard library, so that an application that has its
own handlers sees it there.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import Any, TextIO

import orjson
from typing_extensions import override

from confect_server.log import FUNCTIONS, LogLine, as_json
from confect_server.observe.run_record import RunRecord
from confect_server.settings import Observing

_log = logging.getLogger("confect")
_functions_log = logging.getLogger(FUNCTIONS)

_CYAN, _PLAIN = "\x1b[36m", "\x1b[0m"
_COLOURS = {
    logging.DEBUG: "\x1b[2m",
    logging.WARNING: "\x1b[33m",
    logging.ERROR: "\x1b[31m",
    logging.CRITICAL: "\x1b[31m",
}
_NEWLINE, _INDENT = "\n", "    "
_TIME = re.compile(r"^(?=\d\d:\d\d:\d\d )", re.MULTILINE)

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class RunLog:
    """Logs the runs that are slow, and of the others as many as the settings say."""

    def __init__(self, settings: Observing, chance: Random | None = None) -> None:
        self._slow_s = settings.slow_run_s
        self._share = settings.logged_runs
        self._chance = chance or Random()

    def ended(self, run: RunRecord) -> None:
        """Say what a run was."""
        if run.caller == "function":
            return  # its caller's run says how long all of it took
        # an action waits for others, for as long as its timeout lets it
        is_slow = run.duration_s >= self._slow_s and run.called in ("Query", "Mutation")
        if not is_slow and (not self._share or self._chance.random() >= self._share):
            return
        level = logging.WARNING if is_slow else logging.INFO
        told = "%s %s: %s in %.1f ms [Request ID: %s]"
        duration_ms = 1000 * run.duration_s
        about = (run.called, run.path, run.outcome, duration_ms, run.request_id)
        _log.log(level, told, *about, extra=fields_of(run))


def fields_of(run: RunRecord) -> dict[str, object]:
    """A run as the fields of a log record."""
    fields: dict[str, object] = {
        "function": run.path,
        "kind": run.called.lower(),
        "caller": run.caller,
        "request_id": run.request_id,
        "outcome": run.outcome,
        "duration_ms": round(1000 * run.duration_s, 3),
        "attempts": run.attempts,
        "result_bytes": run.result_bytes,
    }
    if run.late_s is not None:
        fields["late_ms"] = round(1000 * run.late_s, 3)
    if run.error is not None:
        fields["error"] = run.error
    if run.usage is not None:
        fields["documents_read"] = run.usage.documents_read
        fields["bytes_read"] = run.usage.bytes_read
        fields["documents_written"] = run.usage.documents_written
        fields["bytes_written"] = run.usage.bytes_written
    return fields


def tell_line(line: LogLine) -> None:
    """Log what a function has said, where such lines are logged."""
    if _functions_log.isEnabledFor(line.levelno):
        _functions_log.handle(line)


class HumanFormatter(logging.Formatter):
    """One line for people: the time, how bad it is, and the message; a traceback below it.

    What is written below begins with no time, so that nobody's text looks like a line of its own,
    and it does nothing to a terminal.
    """

    def __init__(self, *, is_coloured: bool = False) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")
        self._is_coloured = is_coloured

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line without what stands below it."""
        message = record.message
        if isinstance(record, LogLine):
            function = self._styled(record.function, _CYAN)
            message = f"{function}: {_harmless(record.message_and_fields)}"
        else:
            message = _harmless(message)
        level = self._styled(f"{record.levelname:<7}", _COLOURS.get(record.levelno, ""))
        return f"{record.asctime} {level} {message.replace(_NEWLINE, _NEWLINE + _INDENT)}"

    @override
    def formatException(self, ei: Any) -> str:
        """The traceback, in which a message may have any number of lines."""
        return _TIME.sub(_INDENT, _harmless(super().formatException(ei)))

    def _styled(self, text: str, colour: str) -> str:
        return f"{colour}{text}{_PLAIN}" if self._is_coloured and colour else text


class JsonFormatter(logging.Formatter):
    """One JSON object per line, with every field that a record was given."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        fields: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        given = {name: value for name, value in vars(record).items() if name not in _STANDARD}
        if isinstance(record, LogLine):
            given["where"] = f"{record.pathname}:{record.lineno}"
        if record.exc_info:
            given["traceback"] = self.formatException(record.exc_info)
        try:
            return orjson.dumps({**given, **fields}, default=repr).decode()
        except orjson.JSONEncodeError:  # one of them is nothing that JSON can hold
            odd = {name: as_json(value) for name, value in given.items() if name != "traceback"}
            told = json.dumps({**given, **odd, **fields}, ensure_ascii=False)
            return told.encode("utf-8", "replace").decode()  # halves of surrogate pairs


@contextmanager
def logging_to(stream: TextIO, settings: Observing) -> Generator[None]:
    """Inside, what `confect` logs is written to a stream as the settings say.

    All that functions say is written, what only helps to find mistakes too.
    """
    is_coloured = stream.isatty() and not os.environ.get("NO_COLOR")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        JsonFormatter() if settings.json_logs else HumanFormatter(is_coloured=is_coloured)
    )
    levels = [(_log, logging.INFO), (_functions_log, logging.DEBUG)]
    before = [(log, log.level) for log, _ in levels]
    _log.addHandler(handler)
    for log, level in levels:
        log.setLevel(level)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        for log, level in before:
            log.setLevel(level)


def _harmless(text: str) -> str:
    """The text without what makes a terminal do something, or cannot be written to one."""
    if text.isprintable():
        return text
    return "".join(
        each if each.isprintable() or each in "\n\t" else _escaped(each) for each in text
    )


def _escaped(character: str) -> str:
    return ascii(character)[1:-1]
