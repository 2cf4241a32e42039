"""`QueryCache`: answers of queries, shared by every socket and request until they are written to.

An answer is kept only while a subscription watches what it read. The subscription is made in the
step that keeps it and is checked against the log there, so an answer that a commit overtook while
it was computed is given to those who asked for that snapshot and is not kept. A commit is
published and its answers are dropped in one step: whoever finds an answer finds one that is right
at the newest commit, and at every one back to the snapshot that it was read at.

What an answer depends on besides the data says how far it is shared. One that looked at who called
is for that caller: any other caller's run would look as well, as the same function on the same data
does. One that looked at the time is kept for a second, one that was drawn by chance not at all.

Who asks for the same at the same snapshot while it is computed waits for it. Whoever asks at
another snapshot does not wait: that the answer will be right there too is known only after.

To keep and to watch an answer takes 40 µs and 3 KB, as long as to run a short query, and much is
asked for once. So a short answer that is asked for in passing, and by nobody before, is laid aside
as it is, among few others. If it is asked for again while it is there, and the log knows that
nothing of it was written, it is kept then; else it is run again, and kept at once.

A hit takes 0.8 µs, a third of which is writing the arguments as the key.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import anyio
import orjson

from confect_core.protocol import EncodedValue, JsonObject
from confect_server.engine import Clock, Database, ReadSet, Subscription
from confect_server.runtime.caller import Caller
from confect_server.runtime.executor import Executor
from confect_server.runtime.outcome import QueryResult, Succeeded

TIME_KEPT_NS = 1_000_000_000
"""For how long an answer is kept that depends on the time."""

# What is held for one of each, here and in the subscription; measured.
_ENTRY_BYTES = 1_600
_POINT_BYTES = 600
_INTERVAL_BYTES = 450
_LINE_BYTES = 80

_QUESTIONS_REMEMBERED = 16_384
_LAID_ASIDE = 256
_LAID_ASIDE_BYTES = 16 * 1024
"""The longest answer that is laid aside; all of them together are 4 MiB at most."""


class _Heard:
    """Which questions were asked of late, by their hashes: two that share one are rare enough."""

    def __init__(self) -> None:
        self._recent: set[int] = set()
        self._before: set[int] = set()

    def is_new(self, question: Question) -> bool:
        """Is a question asked for the first time? From now on it is not."""
        number = hash(question)
        is_new = number not in self._recent and number not in self._before
        self._recent.add(number)
        if len(self._recent) > _QUESTIONS_REMEMBERED:
            self._before, self._recent = self._recent, set()
        return is_new


class Question(NamedTuple):
    """What an answer depends on, apart from the data; `args` are their JSON, its keys in order."""

    path: str
    args: bytes
    journal: str | None
    may_call_internal: bool
    caller: Caller | None = None
    """For whom alone it is; None if whoever asks is answered the same."""


@dataclass(slots=True)
class _Entry:
    """An answer that is right from its snapshot on, and for how long it is if that is known."""

    question: Question
    answer: QueryResult
    size: int
    kept_at_ns: int | None
    subscription: Subscription | None = None


class _Flight:
    """A run that is under way, for whoever waits for it; mostly nobody does."""

    __slots__ = ("_is_over", "answer", "caller")

    def __init__(self, caller: Caller) -> None:
        self.caller = caller
        self.answer: QueryResult | None = None
        self._is_over: anyio.Event | None = None  # 3 µs to make

    def end(self) -> None:
        """Let those go on who wait."""
        if self._is_over is not None:
            self._is_over.set()

    async def answer_for(self, caller: Caller) -> QueryResult | None:
        """The answer once it is there; None if it is for somebody else or never came."""
        if self._is_over is None:
            self._is_over = anyio.Event()
        await self._is_over.wait()
        if self.answer is None:
            return None
        looked_at = self.answer.looked_at
        is_theirs = looked_at.chance or (looked_at.caller and caller != self.caller)
        return None if is_theirs else self.answer


class QueryCache:
    """Runs queries, each once for all who ask the same until its answer changes."""

    def __init__(
        self, database: Database, executor: Executor, clock: Clock, *, max_bytes: int
    ) -> None:
        self._database = database
        self._executor = executor
        self._clock = clock
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Question, _Entry] = OrderedDict()
        self._flights: dict[tuple[Question, int], _Flight] = {}
        self._personal: set[str] = set()  # functions that have looked at who called
        self._random: set[str] = set()  # functions that have drawn random numbers
        self._heard = _Heard()
        self._aside: dict[Question, QueryResult] = {}
        self._version = 0  # of the application
        self.hits = 0
        """How many queries were answered without a run."""
        self.held_bytes = 0
        """How much memory is taken by what is kept, never more than allowed."""

    async def run(
        self,
        path: str,
        args: JsonObject,
        caller: Caller,
        ts: int | None = None,
        journal: str | None = None,
        *,
        is_kept_at_once: bool = True,
    ) -> QueryResult:
        """What the executor would answer at this snapshot, the newest unless told otherwise.

        Who asks in passing, and not to be told of changes, lets an answer be kept only if somebody
        asks again.
        """
        try:
            encoded = orjson.dumps(args, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:  # nested deeper than any value; the executor says so
            return await self._executor.run_query(path, args, caller, ts, journal)
        # as a class is called it takes twice as long, a tenth of a whole hit
        question = tuple.__new__(  # pyright: ignore[reportUnknownMemberType]  # tuple is generic
            Question, (path, encoded, journal, caller.may_call_internal, None)
        )
        known = self._known(question, self._database.newest_ts if ts is None else ts)
        if known is not None:  # here, because one more coroutine makes a hit take a quarter longer
            return known
        if ts is not None:
            return await self._answer(question, args, caller, ts)
        aside = self._aside.pop(question, None)
        if aside is not None and self._database.is_unchanged(aside.reads, aside.ts):
            return self._kept(question, aside)
        is_new = not is_kept_at_once and self._heard.is_new(question)
        answer = await self._answer(question, args, caller, None, is_new=is_new)
        if not answer.is_out_of_retention:
            return answer
        return await self._executor.at_newer(lambda: self._answer(question, args, caller, None))

    async def answer(
        self, question: Question, args: JsonObject, caller: Caller, ts: int
    ) -> QueryResult:
        """What `run` gives, to whoever has the question ready; `args` are the arguments in it."""
        known = self._known(question, ts)
        return known or await self._answer(question, args, caller, ts)

    async def _answer(
        self,
        question: Question,
        args: JsonObject,
        caller: Caller,
        ts: int | None,
        *,
        is_new: bool = False,
    ) -> QueryResult:
        """An answer to what `_known` did not know a moment ago."""
        path = question.path
        while True:
            # the newest of before may be one that cannot be read any more
            wanted = self._database.newest_ts if ts is None else ts
            shared = question
            if path in self._personal:
                shared = question._replace(caller=caller)
                known = self._known(shared, wanted)
                if known is not None:
                    return known
            if path in self._random:
                version = self._version
                answer = await self._executor.query_at(path, args, caller, wanted, question.journal)
                return self._settled(question, caller, answer, version, is_new=is_new)
            flight = self._flights.get((shared, wanted))
            if flight is None:
                return await self._fly(shared, args, caller, wanted, is_new=is_new)
            theirs = await flight.answer_for(caller)
            theirs = theirs or self._known(question, wanted)
            if theirs is not None:
                return theirs

    def question(
        self, path: str, args: JsonObject, caller: Caller, journal: str | None
    ) -> Question:
        """What `known` is asked, by whoever has asked before and will again; one for all of them.

        What is about a caller alone is found by the question of everybody, in `known`.
        """
        try:
            encoded = orjson.dumps(args, option=orjson.OPT_SORT_KEYS)
        except orjson.JSONEncodeError:  # nested deeper than any value, so there is no answer
            encoded = b""
        question = Question(path, _compact(encoded), journal, caller.may_call_internal)
        entry = self._entries.get(question)
        return question if entry is None else entry.question

    def known(self, question: Question, caller: Caller, ts: int) -> QueryResult | None:
        """What `run` would answer at this snapshot, if that takes no run."""
        known = self._known(question, ts)
        if known is None and question.path in self._personal:
            known = self._known(question._replace(caller=caller), ts)
        return known

    def clear(self) -> None:
        """Forget every answer, those that are being computed too: the functions are others now."""
        self._version += 1
        self._flights = {}
        self._personal, self._random = set(), set()
        self._aside = {}
        while self._entries:
            self._evict()

    def _known(self, question: Question, wanted: int) -> QueryResult | None:
        entry = self._entries.get(question)
        if entry is None:
            return None
        if entry.kept_at_ns is not None:
            age_ns = self._clock.now_ns() - entry.kept_at_ns
            if not 0 <= age_ns <= TIME_KEPT_NS:
                self._drop(entry)
                return None
        answer = entry.answer
        if wanted < answer.ts and not self._database.is_unchanged(answer.reads, wanted):
            return None
        self._entries.move_to_end(question)
        self.hits += 1
        return answer

    async def _fly(
        self, question: Question, args: JsonObject, caller: Caller, ts: int, *, is_new: bool
    ) -> QueryResult:
        place = question, ts
        flight = self._flights[place] = _Flight(caller)
        version = self._version
        try:
            path, journal = question.path, question.journal
            answer = await self._executor.query_at(path, args, caller, ts, journal)
            flight.answer = self._settled(question, caller, answer, version, is_new=is_new)
        finally:
            flight.end()
            if self._flights.get(place) is flight:  # else all was forgotten meanwhile
                del self._flights[place]
        return flight.answer

    def _settled(
        self,
        question: Question,
        caller: Caller,
        answer: QueryResult,
        version: int,
        *,
        is_new: bool,
    ) -> QueryResult:
        """An answer that was just computed, kept or laid aside if it may be."""
        if version != self._version:
            return answer
        looked_at = answer.looked_at
        if looked_at.caller:
            self._personal.add(question.path)
        if looked_at.chance:
            self._random.add(question.path)
            return answer
        if is_new and self._is_laid_aside(question, answer):
            return answer
        theirs = caller if looked_at.caller else None
        if theirs != question.caller:
            question = question._replace(caller=theirs)
        return self._kept(question, answer)

    def _is_laid_aside(self, question: Question, answer: QueryResult) -> bool:
        """Hold on to an answer without keeping it, if it is short and of the data alone."""
        outcome, looked_at = answer.outcome, answer.looked_at
        if looked_at.caller or looked_at.time or not isinstance(outcome, Succeeded):
            return False
        is_short = len(outcome.value) + len(question.args) <= _LAID_ASIDE_BYTES
        if outcome.log_lines or not is_short or self._max_bytes < _LAID_ASIDE * _LAID_ASIDE_BYTES:
            return False
        self._aside[question] = answer
        if len(self._aside) > _LAID_ASIDE:
            del self._aside[next(iter(self._aside))]
        return True

    def _kept(self, question: Question, answer: QueryResult) -> QueryResult:
        """The answer, kept if it is worth it: failures are not, nor is what was written since."""
        if not isinstance(answer.outcome, Succeeded):
            return answer
        size = _size(question, answer.outcome, answer.reads)
        if size > self._max_bytes:
            return answer
        question = question._replace(args=_compact(question.args))
        value = EncodedValue(_compact(answer.outcome.value))
        answer = replace(answer, outcome=Succeeded(value, answer.outcome.log_lines))
        entry = _Entry(
            question, answer, size, self._clock.now_ns() if answer.looked_at.time else None
        )
        entry.subscription = self._database.subscribe(
            answer.reads, answer.ts, partial(self._drop, entry)
        )
        if entry.subscription is not None:
            self._keep(entry)
        return answer

    def _keep(self, entry: _Entry) -> None:
        replaced = self._entries.get(entry.question)
        if replaced is not None:
            self._drop(replaced)
        self._entries[entry.question] = entry
        self.held_bytes += entry.size
        while self.held_bytes > self._max_bytes:
            self._evict()

    def _evict(self) -> None:
        """Forget the answer that was asked for longest ago."""
        self._drop(next(iter(self._entries.values())))

    def _drop(self, entry: _Entry, _written_ts: int = 0) -> None:
        if self._entries.get(entry.question) is entry:
            del self._entries[entry.question]
            self.held_bytes -= entry.size
        # An entry and its subscription know each other, and what goes in circles is collected:
        # that took 20 of the 80 us of telling a thousand sockets the answers of as many queries.
        subscription, entry.subscription = entry.subscription, None
        if subscription is not None:
            subscription.release()


def _compact(made: bytes) -> bytes:
    """The same bytes; those that orjson makes keep the 4 KiB or so that they were built in."""
    return bytes(memoryview(made))


def _size(question: Question, outcome: Succeeded, reads: ReadSet) -> int:
    points = sum(map(len, reads.points.values()))
    intervals = [each for several in reads.intervals.values() for each in several]
    bounds = sum(len(each.start) + len(each.end or b"") for each in intervals)
    counted = _ENTRY_BYTES + _POINT_BYTES * points + _INTERVAL_BYTES * len(intervals)
    lines = sum(_LINE_BYTES + 4 * len(line) for line in outcome.log_lines)
    return counted + len(question.args) + len(outcome.value) + lines + bounds
