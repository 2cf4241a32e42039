"""The garbage collector of a server process.

A call makes a hundred objects that refer to others, nearly all of which go away by themselves. With
the thresholds that Python begins with, the collector looks at them every few calls: 4 of the 105 µs
that a mutation takes.
"""

from __future__ import annotations

import gc

_YOUNG = 20_000
_OLDER = 20


def settle_collector() -> None:
    """Let the collector look seldom, and never at what is loaded by now, which stays."""
    gc.freeze()
    gc.set_threshold(_YOUNG, _OLDER, _OLDER)
