"""From what travelled to what a caller gets: the decoded result, a declared error, or a raise."""

from __future__ import annotations

import re
from typing import Any, cast

from returns.result import Failure, Success

from confect_client.errors import FunctionFailed
from confect_client.session.events import FunctionResult, Raised
from confect_core import Ref, TaggedError
from confect_core.values import decode
from confect_core.values.absent import ABSENT

_REQUEST_ID = re.compile(r"\[Request ID: ([0-9a-f]+)\]")


def decoded(ref: Ref[..., Any], result: FunctionResult) -> object:
    """What the function answered, an `Outcome` if it declares errors; raises `FunctionFailed`."""
    if not isinstance(result, Raised):
        return ref.call.decode_result(decode(result.value))
    if result.error_data is not ABSENT:
        declared = ref.call.decode_error(decode(result.error_data))
        if declared is not None:
            return declared
    match = _REQUEST_ID.search(result.message)
    raise FunctionFailed(ref.path, result.message, match[1] if match else None)


def unwrapped(outcome: object) -> object:
    """What a `Success` holds; what a `Failure` holds is raised, and anything else is itself."""
    if isinstance(outcome, Failure):
        raise cast("Failure[TaggedError]", outcome).failure()
    return cast("Success[object]", outcome).unwrap() if isinstance(outcome, Success) else outcome
