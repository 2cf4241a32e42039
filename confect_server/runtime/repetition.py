"""`Repetition`: runs a query a second time, and refuses an answer that is not the same again.

An answer is kept until what it read is written, and given to everybody who asks. So it may depend
on nothing but the data, the arguments, and what its ctx gave it; what else it depends on is found
by giving it all of that twice. Only where functions are developed: it takes twice the time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from confect_core.values import Value, dumps_canonical
from confect_server.engine import Conflict, conflict_in
from confect_server.errors import NotDeterministic
from confect_server.runtime.calls import TransactionRun
from confect_server.runtime.functions import DeclaredFailure

_SHOWN = 80
_THIS_CENTURY = 0.5e9, 4e9
"""Seconds since the epoch in which clocks of this century lie."""


@dataclass(frozen=True)
class Difference:
    """Where two values differ first, in an order that is the same each time."""

    path: str
    first: Value
    second: Value


@dataclass(frozen=True)
class Repetition:
    """Runs a query as one run and then as another, which was given the same."""

    path: str
    first: TransactionRun
    second: TransactionRun
    run: Callable[[TransactionRun], Awaitable[Value]]

    async def answer(self) -> Value:
        """What the query answers both times, or how it fails; raises `NotDeterministic`."""
        try:
            answer = await self.run(self.first)
            await self._compare(answer)
        except DeclaredFailure as failure:
            await self._compare(failure)
            raise
        finally:
            self.second.transaction.end()
        return answer

    async def _compare(self, first: Value | DeclaredFailure) -> None:
        try:
            second = await self._again()
        except Conflict:
            return  # the snapshot is kept no longer, and nothing can be said
        self._check(first, second)

    async def _again(self) -> Value | DeclaredFailure:
        try:
            return await self.run(self.second)
        except DeclaredFailure as failure:
            return failure
        except Exception as error:
            if (conflict := conflict_in(error)) is not None:
                raise conflict from error
            raise NotDeterministic(self.path, "it answers", repr(error), _STATE) from error

    def _check(self, first: Value | DeclaredFailure, second: Value | DeclaredFailure) -> None:
        one, other = _value_of(first), _value_of(second)
        found = next(differences(one, other), None)
        if found is not None:
            shown = f"{found.path} is {_shown(found.first)}", _shown(found.second)
            raise NotDeterministic(self.path, *shown, _reason(found))
        if type(first) is not type(second):
            raise NotDeterministic(self.path, f"it gives {first!r}", repr(second), _STATE)
        if self.first.transaction.reads != self.second.transaction.reads:
            raise NotDeterministic(self.path, "it reads some documents", "others", _STATE)


def differences(one: Value, other: Value, path: str = "the answer") -> Iterator[Difference]:
    """Where two values differ."""
    if dumps_canonical(one) == dumps_canonical(other):
        return
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for name in one:
            yield from differences(one[name], other[name], f"{path}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        if _bag(one) == _bag(other):
            yield Difference(path, one, other)
            return
        for place, (each, counterpart) in enumerate(zip(one, other, strict=True)):
            yield from differences(each, counterpart, f"{path}[{place}]")
    else:
        yield Difference(path, one, other)


_TIME = "it looks like a time: take it from ctx.now(), which is the same in both runs"
_UUID = "it looks like a random UUID: take it from ctx.uuid()"
_ORDER = "the same items in another order: sort what comes out of a set before it is answered"
_CHANCE = "if it is drawn by chance, take it from ctx.random; if it counts, count in the database"
_STATE = "take time and chance from ctx, and keep nothing in variables that outlive the call"


def _reason(found: Difference) -> str:
    if isinstance(found.first, list) and isinstance(found.second, list):
        same_items = len(found.first) == len(found.second)  # else a difference is inside of them
        return _ORDER if same_items else _STATE
    both = found.first, found.second
    if all(_is_time(each) for each in both):
        return _TIME
    if all(_is_uuid(each) for each in both):
        return _UUID
    return _CHANCE if all(isinstance(each, float) for each in both) else _STATE


def _is_time(value: Value) -> bool:
    if isinstance(value, str):
        return len(value) >= len("2026-01-01") and value[4:5] == "-" and value[:4].isdigit()
    if not isinstance(value, float):
        return False
    earliest, latest = _THIS_CENTURY
    return any(earliest < value / scale < latest for scale in (1, 1e3, 1e6, 1e9))


def _is_uuid(value: Value) -> bool:
    try:
        return isinstance(value, str) and UUID(value).version == 4
    except ValueError:
        return False


def _value_of(given: Value | DeclaredFailure) -> Value:
    return given.data if isinstance(given, DeclaredFailure) else given


def _bag(items: list[Value]) -> Counter[bytes]:
    return Counter(dumps_canonical(each) for each in items)


def _shown(value: Value) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"
