"""`python -m benchmarks [names] [--quick]`: run them, say what they found, and keep it."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import anyio

from benchmarks.catalogue import BENCHMARKS
from benchmarks.machine import machine
from benchmarks.report import document, line
from benchmarks.result import Result
from benchmarks.scale import FULL, QUICK, Scale

_RESULTS = Path(__file__).with_name("RESULTS.md")


async def measured(names: Sequence[str], scale: Scale) -> list[Result]:
    """What these benchmarks find, said as soon as it is known."""
    results: list[Result] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for result in await BENCHMARKS[name](scale, Path(folder)):
                print(line(result), flush=True)
                results.append(result)
    return results


def main() -> int:
    """Run what the command line asks for; fails if a floor is missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(BENCHMARKS)}; all if none")
    parser.add_argument("--quick", action="store_true", help="small and rough; keeps no results")
    options = parser.parse_args()
    unknown = sorted(set(options.names) - set(BENCHMARKS))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}")
    names, scale = options.names or [*BENCHMARKS], QUICK if options.quick else FULL
    # the loop that the server runs on
    results = anyio.run(measured, names, scale, backend_options={"use_uvloop": True})
    if not options.names and not options.quick:
        date = datetime.now(UTC).date().isoformat()
        _RESULTS.write_text(document(results, machine(), date))
    return 1 if any(result.is_missed for result in results) and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
