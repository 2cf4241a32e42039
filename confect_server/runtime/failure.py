"""What callers are told of a failure: everything in development, a request id in production."""

from __future__ import annotations

import logging
import traceback
from dataclasses import replace

from confect_core.errors import CallError, ConfectError, ValueRefused
from confect_core.protocol import EncodedValue
from confect_core.spec.call import PAGINATION_OPTS
from confect_core.values import dumps_canonical
from confect_core.values.codec import Mismatch
from confect_server.engine import (
    DatabaseClosed,
    OutOfRetention,
    TurnTooLong,
    conflict_in,
)
from confect_server.errors import InvalidCursor
from confect_server.observe import OutcomeKind
from confect_server.runtime.functions import DeclaredFailure
from confect_server.runtime.outcome import Failed
from confect_server.store import DatabaseBusy, StoreFailed

_INVALID_CURSOR = EncodedValue(b'{"isConvexSystemError":true,"paginationError":"InvalidCursor"}')
"""What tells the official clients to begin again at the first page."""

_FROM_CALLERS = frozenset({"args", PAGINATION_OPTS})
"""What callers give; whatever else does not fit its type is a defect."""

_log = logging.getLogger("confect")


def kind_of(error: Exception) -> OutcomeKind:
    """Whose fault it is: an error of the spec, one of the caller, or a defect."""
    if isinstance(error, DeclaredFailure):
        return "declared"
    is_callers = isinstance(error, (CallError, ValueRefused, InvalidCursor))
    return "refused" if is_callers else "failed"


def tag_of(error: Exception) -> str:
    """The name of the class of an error, that of the declared one if it is such."""
    return type(error.error if isinstance(error, DeclaredFailure) else error).__name__


def unavailability_of(error: Exception) -> str | None:
    """The word for why the database let nothing happen; None if it was something else."""
    if isinstance(error, OutOfRetention):
        return "OutOfRetention"
    if conflict_in(error) is not None or isinstance(error, TurnTooLong):
        return "OptimisticConcurrencyControlFailure"
    is_stores = isinstance(error, (DatabaseBusy, DatabaseClosed, StoreFailed))
    return tag_of(error) if is_stores else None


class Failures:
    """Turns what a run raised into what its caller is told."""

    def __init__(self, *, redacts: bool, keeps_causes: bool = False) -> None:
        self.redacts = redacts
        """Are callers told a request id instead of what went wrong, and what was said?"""
        self._keeps_causes = keeps_causes

    def told(self, error: Exception, path: str, request_id: str) -> Failed:
        """The failure as its caller may know it; defects are logged with their traceback."""
        told = self._told(error, path, request_id)
        return replace(told, cause=error) if self._keeps_causes else told

    def _told(self, error: Exception, path: str, request_id: str) -> Failed:
        if isinstance(error, DeclaredFailure):
            data = EncodedValue(dumps_canonical(error.data))
            return Failed(self._message(f"Uncaught {error.error}", request_id), data)
        if isinstance(error, InvalidCursor):
            told = f"[Request ID: {request_id}] {error.tag}: {error.message}"
            return Failed(told, _INVALID_CURSOR)
        if isinstance(error, CallError):
            return Failed(f"[Request ID: {request_id}] {error.message}")
        if isinstance(error, Mismatch) and error.what in _FROM_CALLERS:
            return Failed(self._message(_validation(error), request_id))
        if isinstance(error, ValueRefused) and not isinstance(error, Mismatch):
            return Failed(self._message(f"{error.tag}: {error.message}", request_id))
        about = {"function": path, "request_id": request_id, "error": tag_of(error)}
        if isinstance(error, OutOfRetention):  # no defect, and often run again
            _log.warning(
                "%s was refused [Request ID: %s]: %s", path, request_id, error, extra=about
            )
            return Failed(self._message(f"{error.tag}: {error}", request_id))
        _log.error("%s failed [Request ID: %s]", path, request_id, exc_info=error, extra=about)
        detail = f"{error.tag}: {error}" if isinstance(error, ConfectError) else _uncaught(error)
        if isinstance(error, Mismatch):
            detail = _validation(error)
        return Failed(self._message(detail, request_id))

    def _message(self, detail: str, request_id: str) -> str:
        message = f"[Request ID: {request_id}] Server Error"
        return message if self.redacts else f"{message}\n{detail}"


def _validation(error: Mismatch) -> str:
    if error.what == "returns":
        return "ReturnsValidationError: " + "\n".join(error.problems)
    if error.what in _FROM_CALLERS:
        return "ArgumentValidationError: " + "\n".join(error.problems)
    return f"{error.tag}: {error}"


def _uncaught(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    stack = "".join(f"\n    at {each.name} ({each.filename}:{each.lineno})" for each in frames)
    return f"Uncaught {type(error).__name__}: {error}{stack}"
