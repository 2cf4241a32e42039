"""What the protocol says of an outcome, of each kind of function."""

from __future__ import annotations

from confect_core.protocol import (
    ActionFailed,
    ActionSucceeded,
    EncodedValue,
    MutationFailed,
    QueryFailed,
    QueryUpdated,
)
from confect_core.values.absent import ABSENT, Absent
from confect_server.runtime.outcome import Failed, RunOutcome, Succeeded


def query_answer(
    query_id: int, outcome: RunOutcome, journal: str | None
) -> QueryUpdated[EncodedValue] | QueryFailed[EncodedValue]:
    """The part of a Transition that tells how a query ended."""
    if isinstance(outcome, Succeeded):
        return QueryUpdated(query_id, outcome.value, outcome.log_lines, journal)
    return QueryFailed(query_id, outcome.message, outcome.log_lines, journal, _data(outcome))


def mutation_failure(request_id: int, outcome: Failed) -> MutationFailed[EncodedValue]:
    """The response to a mutation that wrote nothing."""
    return MutationFailed(request_id, outcome.message, outcome.log_lines, _data(outcome))


def action_answer(
    request_id: int, outcome: RunOutcome
) -> ActionSucceeded[EncodedValue] | ActionFailed[EncodedValue]:
    """The response to an action."""
    if isinstance(outcome, Succeeded):
        return ActionSucceeded(request_id, outcome.value, outcome.log_lines)
    return ActionFailed(request_id, outcome.message, outcome.log_lines, _data(outcome))


def _data(failed: Failed) -> EncodedValue | Absent:
    return ABSENT if failed.error_data is None else failed.error_data
