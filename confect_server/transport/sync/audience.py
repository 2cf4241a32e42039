"""`Audience`: sockets whose clients are at the same version, told of a query in one step.

Of the 12 µs that it takes to deliver an update to one of a thousand, the system takes 5 to send it.
Most of the rest is waiting for memory: of each socket a session, a query set, a subscription and
what they hold are looked at and changed, all of them in the same way. So sockets that were told the
same are joined. What an update changes is changed once in their audience, which has the only
subscription to the query, and of each socket nothing is touched but what writes to it.

A member's session stands still meanwhile. Before anything else happens to it, by its client, by
time or by another of its queries, it leaves: then it learns how far it was told, and whether it is
behind. Whoever has nothing to wait for but updates comes back with the next one.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import anyio

from confect_core.protocol import StateVersion, encode_update
from confect_server.runtime import Backend, QueryResult
from confect_server.runtime.outcome import Succeeded
from confect_server.transport.sync.burst import Outlet
from confect_server.transport.sync.pusher import Pusher
from confect_server.transport.sync.query_set import LONGEST_KEPT
from confect_server.transport.sync.subscribed import Subscribed

MOST_MEMBERS = 250
"""How many sockets are told in one step; all others on the loop have a turn after it."""

_ATTEMPTS = 3
"""How often a query is run that is written to again while it runs."""

_NS_PER_MS = 1_000_000


class Told(NamedTuple):
    """What a client was told last: where that has brought it, and by which answer of a query."""

    version: StateVersion
    query_id: int
    answer: QueryResult


class Member(Protocol):
    """A socket that can be part of an audience."""

    @property
    def stands_at(self) -> StateVersion | None:
        """Where its client is; None if it is owed or waits for anything but updates."""
        ...

    @property
    def lapses_at_ms(self) -> int | None:
        """Until when it may be told anything, if that is limited."""
        ...

    @property
    def outlet(self) -> Outlet | None:
        """What writes to it, where that is done at once."""
        ...

    def enter(self, audience: Audience, query_id: int) -> None:
        """Watch the query no longer, and leave before anything else happens."""
        ...

    def step_out(self) -> None:
        """Leave the audience, and be behind if that is."""
        ...

    def fail(self, error: Exception) -> None:
        """Nobody knows what it was told."""
        ...


class Audience:
    """The sockets that one query is told to in one step."""

    __slots__ = (
        "_audiences",
        "_backend",
        "_lapses_at_ms",
        "_members",
        "_pusher",
        "_shown",
        "_subscription",
        "stale_ts",
        "told",
        "told_ts",
    )

    def __init__(
        self,
        audiences: Audiences,
        backend: Backend,
        pusher: Pusher,
        shown: Subscribed,
        told: Told,
    ) -> None:
        self._audiences = audiences
        self._backend = backend
        self._pusher = pusher
        self._shown = shown
        self._members: dict[Member, Outlet] = {}
        self._lapses_at_ms: int | None = None
        self.told = told
        """What everybody was told last."""
        self.told_ts = told.version.ts
        """Up to where it is right, which may be later."""
        self.stale_ts: int | None = None
        """Which commit wrote what was read, if one did."""
        self._subscription = backend.database.subscription(self._written)
        self._subscription.renew(told.answer.reads, told.answer.ts)

    @property
    def is_full(self) -> bool:
        """Has it as many members as are told in one step?"""
        return len(self._members) >= MOST_MEMBERS

    def admit(self, member: Member) -> None:
        """Have a socket as a member that was told the same, unless it waits for something else.

        Nothing is done once the audience is behind, or was left by everybody.
        """
        outlet = member.outlet
        is_over = self._subscription.watch is None
        if is_over or outlet is None or member.stands_at != self.told.version:
            return
        self._members[member] = outlet
        lapses = [at for at in (self._lapses_at_ms, member.lapses_at_ms) if at is not None]
        self._lapses_at_ms = min(lapses, default=None)
        member.enter(self, self.told.query_id)

    def leave(self, member: Member) -> None:
        """Let go of a member."""
        del self._members[member]
        if not self._members:
            self._subscription.release()

    def push_at_once(self, newest_ts: int, answered_ts: int, now_ms: int) -> int:
        """Tell all members, if the answer is known, and right for all of them."""
        if not self._members:
            return 1  # all of them have left meanwhile
        queries = self._backend.queries
        answer = queries.known(self._shown.question, self._shown.caller, newest_ts)
        if answer is None or not is_for_all(answer) or self._has_lapsed(now_ms):
            return 0
        queries.hits += len(self._members) - 1
        told = self._tell(answer, newest_ts)
        self.told_ts, self.stale_ts = newest_ts, None
        self._subscription.renew(answer.reads, answer.ts)
        self._audiences.were_told(self)
        return told

    def _tell(self, answer: QueryResult, ts: int) -> int:
        told, outcome = self.told, answer.outcome
        members = len(self._members)
        if not isinstance(outcome, Succeeded) or outcome == told.answer.outcome:
            self.told = told._replace(answer=answer)
            return members
        version, text = encode_update(
            told.version, ts, told.query_id, outcome.value, answer.journal
        )
        waiting = [member for member, outlet in self._members.items() if not outlet.send_now(text)]
        for member in waiting:
            member.step_out()  # as one that is still behind
        self.told = Told(version, told.query_id, answer)
        return members

    def _has_lapsed(self, now_ms: int) -> bool:
        return self._lapses_at_ms is not None and now_ms > self._lapses_at_ms

    async def push(self, answered_ts: int) -> None:
        """Run the query and tell all members; where that is not for all, each goes its own way.

        Nobody does so on behalf of the others, who would wait for all else that it is owed.
        """
        queries, database = self._backend.queries, self._backend.database
        question, args, caller = self._shown.question, self._shown.query.args, self._shown.caller
        try:
            for _ in range(_ATTEMPTS):
                answer = await queries.answer(question, args, caller, database.newest_ts)
                now_ms = self._backend.clock.now_ns() // _NS_PER_MS
                if self.push_at_once(database.newest_ts, answered_ts, now_ms):
                    return
                if not is_for_all(answer):
                    break
        finally:
            if self.stale_ts is not None:
                self._dissolve()

    def _dissolve(self) -> None:
        for member in list(self._members):
            member.step_out()

    def keep(self, scope: anyio.CancelScope) -> None:
        """The query waits: it goes on for all who are left, and ends like any other."""

    def fail(self, error: Exception) -> None:
        """Nobody knows who was told what: end the sockets of all members with this error."""
        for member in list(self._members):
            member.fail(error)

    def _written(self, ts: int) -> None:
        self.stale_ts = ts
        self._pusher.add(self)


class Audiences:
    """Joins sockets that were told the same one after the other."""

    def __init__(self, backend: Backend, pusher: Pusher) -> None:
        self._backend = backend
        self._pusher = pusher
        self._told: Told | None = None
        self._first: Member | None = None  # who was told that and is alone so far
        self._audience: Audience | None = None

    def was_told(self, member: Member, shown: Subscribed, told: Told) -> None:
        """A socket was told this, and is to be told together with others that were."""
        is_full = self._audience is not None and self._audience.is_full
        if is_full or not self._is_last(told):
            self._told, self._first, self._audience = told, member, None
            return
        if self._audience is None:
            if not is_for_all(told.answer):
                return
            self._audience = Audience(self, self._backend, self._pusher, shown, told)
        if self._first is not None:
            self._audience.admit(self._first)
            self._first = None
        self._audience.admit(member)

    def were_told(self, audience: Audience) -> None:
        """The members of an audience were told something, which others may be told next."""
        if audience.is_full:
            return
        if self._first is not None and self._is_last(audience.told):
            audience.admit(self._first)
        self._told, self._first, self._audience = audience.told, None, audience

    def _is_last(self, told: Told) -> bool:
        last = self._told
        return last is not None and last.answer is told.answer and last[:2] == told[:2]

    def forget(self, member: Member) -> None:
        """Hold nothing of a socket that is closed."""
        if self._first is member:
            self._told, self._first = None, None


def is_for_all(answer: QueryResult) -> bool:
    """Is this what every client is told, whoever it is and whenever it asks?"""
    outcome, looked_at = answer.outcome, answer.looked_at
    is_short = isinstance(outcome, Succeeded) and len(outcome.value) <= LONGEST_KEPT
    is_same = not (looked_at.caller or looked_at.time or looked_at.chance)
    return is_short and is_same and not outcome.log_lines
