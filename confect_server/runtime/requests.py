"""Answered requests: a mutation that a client sends again after a lost connection runs once.

The answer is recorded in the mutation's own transaction, so it is there if and only if the mutation
was committed; failed mutations leave nothing and run again.

Its document has an id that is made of the request, so to look for it is to look at one point: every
mutation of a socket looks, and in an index by session and request that took 30 µs of 150.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import cast

from confect_core.protocol import EncodedValue
from confect_core.values import Value, key_of, loads_canonical
from confect_core.values.ids import INTERNAL_ID_LENGTH
from confect_server.engine import SESSION_REQUESTS, Transaction
from confect_server.runtime.outcome import Succeeded


@dataclass(frozen=True, slots=True)
class SessionRequest:
    """A request as its client names it: the same name when it is sent again."""

    session_id: str
    request_id: int


def answer_id(request: SessionRequest) -> bytes:
    """The id of the document that keeps the answer; no two requests have the same one."""
    named = key_of((request.session_id, float(request.request_id)))
    return blake2b(named, digest_size=INTERNAL_ID_LENGTH).digest()


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """What a mutation answered, and the timestamp of its commit."""

    value: EncodedValue
    ts: int
    log_lines: tuple[str, ...]


async def answer_to(id: bytes, transaction: Transaction) -> RecordedAnswer | None:
    """The answer that a request got before, if it did."""
    stored = await transaction.stored(SESSION_REQUESTS, id)
    if stored is None:
        return None
    document = cast("dict[str, Value]", loads_canonical(stored.value))
    answer = cast("str", document["answer"])
    lines = cast("list[str]", document.get("lines", []))
    return RecordedAnswer(EncodedValue(answer.encode()), stored.ts, tuple(lines))


async def record_answer(
    id: bytes, request: SessionRequest, answer: Succeeded, transaction: Transaction
) -> None:
    """Keep the answer, if the transaction commits."""
    fields: dict[str, Value] = {
        "session": request.session_id,
        "request": float(request.request_id),
        "answer": answer.value.decode(),
    }
    if answer.log_lines:
        fields["lines"] = list[Value](answer.log_lines)
    await transaction.insert(SESSION_REQUESTS, fields, internal=id)
