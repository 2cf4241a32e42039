"""Answered requests: a mutation that a client sends again after a lost connection runs once.

The answer is recorded in the mutation's own transaction, so it is there if and only if the mutation
was committed; failed mutations leave nothing and run again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from confect_core.protocol import EncodedValue
from confect_core.values import Interval, Value, key_of
from confect_server.engine import BY_REQUEST, SESSION_REQUESTS, Transaction
from confect_server.runtime.outcome import Succeeded


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """A request as its client names it: the same name when it is sent again."""

    session_id: str
    request_id: int


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a mutation answered, and the timestamp of its commit."""

    value: EncodedValue
    ts: int
    log_lines: tuple[str, ...]


async def answer_to(request: SessionRequest, transaction: Transaction) -> RecordedAnswer | None:
    """The answer that this request got before, if it did."""
    key = key_of((request.session_id, float(request.request_id)))
    found = transaction.range(BY_REQUEST, Interval.prefix(key), at_most=1)
    async for row in found:
        ts = await transaction.written_at(SESSION_REQUESTS, row.id)
        assert ts is not None, "a document that was found was written"
        answer = cast("str", row.document["answer"])
        lines = cast("list[str]", row.document.get("lines", []))
        return RecordedAnswer(EncodedValue(answer.encode()), ts, tuple(lines))
    return None


async def record_answer(
    request: SessionRequest, answer: Succeeded, transaction: Transaction
) -> None:
    """Keep the answer, if the transaction commits."""
    fields: dict[str, Value] = {
        "session": request.session_id,
        "request": float(request.request_id),
        "answer": answer.value.decode(),
    }
    if answer.log_lines:
        fields["lines"] = list[Value](answer.log_lines)
    await transaction.insert(SESSION_REQUESTS, fields)
