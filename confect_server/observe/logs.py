"""Logs: what a run was, in the fields of a record; and how records look, to people and programs.

Everything goes to the logger `confect` of the standard library, so that an application that has its
own handlers sees it there.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from random import Random
from typing import TextIO

import orjson

from confect_server.observe.run_record import RunRecord
from confect_server.settings import Observing

_log = logging.getLogger("confect")

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
        is_slow = run.duration_s >= self._slow_s
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
    if run.error is not None:
        fields["error"] = run.error
    if run.usage is not None:
        fields["documents_read"] = run.usage.documents_read
        fields["bytes_read"] = run.usage.bytes_read
        fields["documents_written"] = run.usage.documents_written
        fields["bytes_written"] = run.usage.bytes_written
    return fields


class HumanFormatter(logging.Formatter):
    """One line for people: the time, how bad it is, and the message; a traceback below it."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%S")


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
        if record.exc_info:
            given["traceback"] = self.formatException(record.exc_info)
        return orjson.dumps({**given, **fields}, default=repr).decode()


@contextmanager
def logging_to(stream: TextIO, settings: Observing) -> Generator[None]:
    """Inside, what `confect` logs is written to a stream as the settings say."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter() if settings.json_logs else HumanFormatter())
    level = _log.level
    _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    try:
        yield
    finally:
        _log.removeHandler(handler)
        _log.setLevel(level)
