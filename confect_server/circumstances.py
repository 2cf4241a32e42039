"""What a run depends on besides the data: the time, chance, and who called.

A query or a mutation is given the time at which it began and random numbers from one seed, and so
are the functions that it calls inside; what it looked at of these is noted, because an answer is
shared only as far as that allows. Each attempt of a mutation has a time and a seed of its own: one
that lost left nothing behind, and one that lost by what it drew would lose again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from random import Random

from confect_core.protocol.record import record
from confect_server.auth import UserIdentity
from confect_server.auth.errors import TokenRefused
from confect_server.engine import Randomness, Timepiece
from confect_server.log import Lines

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US = 1000
_SEED_BYTES = 32


@dataclass(slots=True)
class LookedAt:
    """What a run looked at besides the data, until now."""

    time: bool = False
    chance: bool = False
    caller: bool = False


@record
class Moment:
    """A clock that stands."""

    at_ns: int

    def now_ns(self) -> int:
        """Nanoseconds since the epoch."""
        return self.at_ns


def seed_of(randomness: Randomness) -> Callable[[], bytes]:
    """What draws the seed of a run, if the run asks for chance at all."""
    return lambda: randomness(_SEED_BYTES)


class Circumstances:
    """Time and chance as one run of one function sees them."""

    refusal: TokenRefused | None = None
    """Why nobody knows who called, if a token was shown that proves nothing."""
    _called = 0

    def __init__(
        self,
        clock: Timepiece,
        seed: Callable[[], bytes],
        identity: UserIdentity | None,
        looked_at: LookedAt | None = None,
        lines: Lines | None = None,
    ) -> None:
        self.looked_at = LookedAt() if looked_at is None else looked_at
        """What was looked at, by this run and by those inside it."""
        self.lines = Lines() if lines is None else lines
        """What was said, by this run and by those inside it."""
        self.identity = identity
        """Who called, for the runtime, which hands it on; handlers ask `caller`."""
        self._clock = clock
        self._draw_seed = seed

    @classmethod
    def drawn(
        cls,
        clock: Timepiece,
        randomness: Randomness,
        identity: UserIdentity | None = None,
        lines: Lines | None = None,
    ) -> Circumstances:
        """The circumstances of a run that no other one is part of; nothing is drawn in vain."""
        return cls(clock, seed_of(randomness), identity, None, lines)

    def caller(self) -> UserIdentity | None:
        """Who called, if a token has proved it; raises `TokenRefused` if one did not."""
        self.looked_at.caller = True
        if self.refusal is not None:
            raise self.refusal
        return self.identity

    def now(self) -> datetime:
        """The time of the clock, to the microsecond."""
        self.looked_at.time = True
        return _EPOCH + timedelta(microseconds=self._clock.now_ns() // _NS_PER_US)

    @property
    def random(self) -> Random:
        """The random numbers of this run."""
        self.looked_at.chance = True
        return self._random

    def inside(self) -> Circumstances:
        """Those of the next function that is called inside: the same time, and its own numbers.

        They do not depend on how many numbers its caller has drawn before, or draws meanwhile.
        """
        number = self._called.to_bytes(4)
        self._called += 1
        return Circumstances(
            self._clock, lambda: self._seed + number, self.identity, self.looked_at, self.lines
        )

    def again(self) -> Circumstances:
        """The same ones from the beginning, for whoever runs once more to compare."""
        return Circumstances(self._clock, lambda: self._seed, self.identity)

    @cached_property
    def _seed(self) -> bytes:
        return self._draw_seed()

    @cached_property
    def _random(self) -> Random:
        return Random(self._seed)
