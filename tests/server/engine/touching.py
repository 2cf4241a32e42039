"""Whether a change touches what was read, told key by key: the faster ways are held against it."""

from __future__ import annotations

from confect_server.engine import ReadSet
from confect_server.store import KeyChange


def is_touched(reads: ReadSet, change: KeyChange) -> bool:
    """Did the change write what was read: by the key it removed, or by the one it made?"""
    keys = (change.old, change.new)
    return any(reads.contains(change.index_no, key) for key in keys if key is not None)
