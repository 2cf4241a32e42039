"""`Log`: what functions say, which is `ctx.log`, and the lines that are kept of it with each run.

A query or a mutation is told of when its run is over, so that an attempt that lost has said
nothing; an action may run for long, and what it says is told at once.

A line takes 9 µs, half of them for a record of the standard library; a run that says nothing takes
0.6 µs longer for it, of the 11 of the shortest query.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable
from typing import Final

import orjson

FUNCTIONS: Final = "confect.functions"
"""The logger of the standard library that what functions say goes to."""
MOST_LINES: Final = 256
"""How many lines are kept of one run, with those of everything that it calls inside."""
MOST_CHARACTERS: Final = 4_096
"""How long a line may be, and each of its fields."""

_CUT = " (truncated due to length)"
_LEVELS = {
    logging.DEBUG: "DEBUG",
    logging.INFO: "INFO",
    logging.WARNING: "WARN",
    logging.ERROR: "ERROR",
}
_INT64 = range(-(2**63), 2**64)


class LogLine(logging.LogRecord):
    """One line that a function has said: a record of the standard library that knows of whom.

    What it was given is written down at once, for it may be something else when it is told.
    """

    function: str
    """The path of the function that said it."""
    fields: dict[str, object]
    """What was said beside the message, as JSON can hold it."""
    request_id: str
    """The id that callers are told with an error of the same run."""

    def __init__(
        self,
        function: str,
        level: int,
        message: str,
        fields: dict[str, object] | None = None,
        place: tuple[str, int, str] = ("", 0, ""),
    ) -> None:
        file, number, name = place
        super().__init__(FUNCTIONS, level, file, number, message, (), None, name)
        self.function = function
        self.fields = fields or {}
        self.request_id = ""

    @property
    def message_and_fields(self) -> str:
        """The message, and each field behind it as `name=value`."""
        said = "".join(f" {name}={value!r}" for name, value in self.fields.items())
        return _cut(f"{self.msg}{said}")

    @property
    def text(self) -> str:
        """The line as clients get it: strings are quoted, and so it is always one line."""
        said = "".join(f" {name}={value!r}" for name, value in self.fields.items())
        return _cut(f"[{_LEVELS[self.levelno]}] {self.msg!r}{said}")


class Lines:
    """What one run has said, with everything that it called inside."""

    __slots__ = ("_left_out", "_said", "_tell")

    def __init__(self, tell: Callable[[LogLine], None] | None = None) -> None:
        self._tell = tell
        self._said: list[LogLine] = []
        self._left_out = 0

    def add(self, line: LogLine) -> None:
        """One line more; told at once if the run is one whose lines are."""
        if self._tell is not None:
            self._tell(line)
        if len(self._said) < MOST_LINES:
            self._said.append(line)
        else:
            self._left_out += 1

    def tell(self, hear: Callable[[LogLine], None]) -> None:
        """Tell what was said until now, unless it was, and whatever is said from now on."""
        if self._tell is None:
            for line in self.said():
                hear(line)
            self._tell = hear

    def add_all(self, inner: Lines) -> None:
        """The lines of a run that this one has waited for."""
        for line in inner.said():
            self.add(line)

    def said(self) -> list[LogLine]:
        """The lines that are kept, and one that says so if there were more."""
        if not self._left_out:
            return self._said
        told = f"{self._left_out} more lines were left out: a run keeps {MOST_LINES}"
        return [*self._said, LogLine(self._said[-1].function, logging.WARNING, told)]

    def texts(self) -> tuple[str, ...]:
        """The lines as clients get them."""
        return tuple([line.text for line in self.said()]) if self._said else ()


class Log:
    """Says something: to the log of the server, and in development to whoever calls, too.

    ctx.log.info("sold %s of them", count, customer=customer.name)

    The message is one for `%`, as in the standard library; fields are named values beside it.
    """

    __slots__ = ("_function", "_lines")

    def __init__(self, lines: Lines, function: str) -> None:
        self._lines = lines
        self._function = function

    def debug(self, message: str, /, *args: object, **fields: object) -> None:
        """Say something that only helps to find mistakes."""
        self._say(logging.DEBUG, message, args, fields)

    def info(self, message: str, /, *args: object, **fields: object) -> None:
        """Say what has happened."""
        self._say(logging.INFO, message, args, fields)

    def warning(self, message: str, /, *args: object, **fields: object) -> None:
        """Say that something is not as it should be."""
        self._say(logging.WARNING, message, args, fields)

    def error(self, message: str, /, *args: object, **fields: object) -> None:
        """Say that something has failed, and the function goes on or tells its caller."""
        self._say(logging.ERROR, message, args, fields)

    def _say(
        self, level: int, message: str, args: tuple[object, ...], fields: dict[str, object]
    ) -> None:
        code = sys._getframe(2)
        place = code.f_code.co_filename, code.f_lineno, code.f_code.co_name
        written = {name: as_json(value) for name, value in fields.items()}
        line = LogLine(self._function, level, _cut(_formatted(message, args)), written, place)
        self._lines.add(line)


def _formatted(message: object, args: tuple[object, ...]) -> str:
    try:
        return str(message) % args if args else str(message)
    except Exception:  # what is wrong in a line of a log is not worth failing for
        return " ".join([_shown(message), *map(_shown, args)])


def as_json(value: object) -> object:
    """A value as it is now, as something that JSON can hold; a long one is cut."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return value if value in _INT64 else str(value)
    if isinstance(value, str):
        return _cut(value)
    try:
        written = orjson.dumps(value, default=_shown, option=orjson.OPT_NON_STR_KEYS)
    except Exception:
        return _cut(_shown(value))
    return orjson.loads(written) if len(written) <= MOST_CHARACTERS else _cut(written.decode())


def _shown(value: object) -> str:
    try:
        return value if isinstance(value, str) else repr(value)
    except Exception:
        return f"<{type(value).__name__}>"


def _cut(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return text
    return text[: MOST_CHARACTERS - len(_CUT)] + _CUT
