"""Every benchmark still runs; how fast is not a test's business."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.catalogue import BENCHMARKS
from benchmarks.report import document, line
from benchmarks.result import Peer, Quantity, Result, Target, at_least, at_most
from benchmarks.scale import SMOKE


@pytest.mark.parametrize("name", BENCHMARKS)
async def test_a_benchmark_runs_and_finds_something(name: str, tmp_path: Path) -> None:
    results = await BENCHMARKS[name](SMOKE, tmp_path)
    assert results
    for result in results:
        assert result.ours.value > 0
        assert result.what in line(result)


@pytest.mark.parametrize(
    ("target", "ratio", "is_missed"),
    [
        (at_least(0.12, 0.3), 0.12, False),
        (at_least(0.12, 0.3), 0.11, True),
        (at_most(4, 2), 4.0, False),
        (at_most(4, 2), 4.1, True),
        (None, 4.1, False),
    ],
)
def test_a_result_keeps_to_the_floor_of_its_target_or_misses_it(
    target: Target | None, ratio: float, is_missed: bool
) -> None:
    peer = Peer(name="another", quantity=Quantity(1, "µs"), ratio=ratio)
    assert Result(what="a call", ours=Quantity(1, "µs"), peer=peer, target=target).is_missed is (
        is_missed
    )


def test_without_a_peer_the_target_is_about_ours_alone() -> None:
    assert Result(what="memory", ours=Quantity(401, "MiB"), target=at_most(400, 200)).is_missed


def test_the_document_has_a_row_for_each_result_with_figures_ratio_and_bounds() -> None:
    peer = Peer(name="another", quantity=Quantity(98_136, "/s"), ratio=0.1)
    result = Result(
        what="a call", ours=Quantity(9_061, "/s"), peer=peer, target=at_least(0.12, 0.3)
    )
    text = document([result], "a machine", "2026-11-21")
    assert "| a call | 9,061/s | 98,136/s (another) | 0.10 | ≥ 0.12 | ≥ 0.3 | missed |" in text
    assert "2026-11-21, a machine." in text
