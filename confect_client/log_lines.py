"""What functions on the server have said, handed to the logger of the client.

A server that is developed on tells its clients; one in production keeps it to itself.
"""

from __future__ import annotations

import logging
import re

_log = logging.getLogger("confect_client")

_LINE = re.compile(r"\[([A-Z]+)\] (.*)", re.DOTALL)
_LEVELS = {
    "DEBUG": logging.DEBUG,
    "LOG": logging.INFO,
    "INFO": logging.INFO,
    "WARN": logging.WARNING,
    "ERROR": logging.ERROR,
}


def log_lines(path: str, lines: tuple[str, ...]) -> None:
    """Log the lines of a function, each as bad as it says that it is."""
    for line in lines:
        match = _LINE.fullmatch(line)
        level, said = ("INFO", line) if match is None else (match[1], match[2])
        _log.log(_LEVELS.get(level, logging.INFO), "%s: %s", path, said)
