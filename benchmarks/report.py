"""Saying what was found: on the terminal, and in `RESULTS.md`."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.result import Quantity, Result

_HEADER = ("benchmark", "ours", "peer", "ratio", "floor", "goal", "")
_INTRODUCTION = """# Results

Written by `make bench`; what is measured and why is said in the module of each benchmark. Ours and
the peer run in turn in one run, on the same data, SQLite with synchronous=FULL on both sides;
figures are medians over the rounds, a ratio is the median of the rounds' ratios. Compare ratios
only: absolute figures belong to the machine and its load.
"""


def row(result: Result) -> tuple[str, ...]:
    """A result as the cells of a table."""
    peer, target = result.peer, result.target
    return (
        result.what,
        str(result.ours),
        f"{peer.quantity} ({peer.name})" if peer else "",
        f"{peer.ratio:.2f}" if peer else "",
        _bound(result, target.floor) if target else "",
        _bound(result, target.goal) if target else "",
        _verdict(result.is_missed) if target else "",
    )


def line(result: Result) -> str:
    """A result in a line or two of text."""
    what, ours, peer, ratio, floor, goal, verdict = row(result)
    parts = [f"{what}: {ours}"]
    if peer:
        parts.append(f"against {peer}: {ratio}")
    if verdict:
        parts.append(f"floor {floor}, goal {goal}: {verdict}")
    return "\n    ".join(parts)


def document(results: Sequence[Result], machine: str, date: str) -> str:
    """The text of `RESULTS.md`."""
    table = [_HEADER, ("---",) * len(_HEADER), *map(row, results)]
    rows = "\n".join("| " + " | ".join(cells) + " |" for cells in table)
    return f"{_INTRODUCTION}\n{date}, {machine}.\n\n{rows}\n"


def _bound(result: Result, bound: float) -> str:
    assert result.target is not None, "only targets have bounds"
    sign = "≥" if result.target.better == "more" else "≤"
    return f"{sign} {bound:g}" if result.peer else f"{sign} {Quantity(bound, result.ours.unit)}"


def _verdict(is_missed: bool) -> str:
    return "missed" if is_missed else "kept"
