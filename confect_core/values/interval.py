"""`Interval`: a stretch of an index, in key bytes."""

from __future__ import annotations

from dataclasses import dataclass

from confect_core.values.order import successor


# not frozen: that takes three times as long to make, and each range that is read makes several
@dataclass(slots=True, unsafe_hash=True)
class Interval:
    """All keys from `start` on and before `end`; without an `end` there is no last one.

    Keys are those of `key_of`. An interval whose end is not after its start holds no key.
    """

    start: bytes
    end: bytes | None

    @classmethod
    def all(cls) -> Interval:
        """Every key there can be."""
        return cls(b"", None)

    @classmethod
    def point(cls, key: bytes) -> Interval:
        """Exactly one key."""
        return cls(key, key + b"\x00")

    @classmethod
    def prefix(cls, prefix: bytes) -> Interval:
        """The keys whose first values are those of `prefix`, itself a key."""
        return cls(prefix, successor(prefix))

    @property
    def is_empty(self) -> bool:
        """Whether no key can be inside."""
        return self.end is not None and self.end <= self.start

    def contains(self, key: bytes) -> bool:
        """Whether the key is inside."""
        return self.start <= key and (self.end is None or key < self.end)

    def overlaps(self, other: Interval) -> bool:
        """Whether some key is inside both."""
        start = max(self.start, other.start)
        return all(end is None or start < end for end in (self.end, other.end))
