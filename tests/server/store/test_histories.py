"""Whatever was committed, SQLite finds what the store in memory finds."""

from __future__ import annotations

import tempfile
from pathlib import Path

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from confect_core.values import Interval
from confect_server.store import Commit, MemoryStore, Order, SqliteStore
from tests.server.store.histories import INDEX, TABLE, append, commit, doc

NAMES = ["a", "b", "c", "d", "e"]
KEYS = [b"\x03", b"\x10a\x00", b"\x10a\x00\xffb\x00", b"\x10b\x00", b"\x15\x00"]
BOUNDS = st.sampled_from([b"", *KEYS])
INTERVALS = st.builds(Interval, BOUNDS, st.none() | BOUNDS)
# moves of documents to keys of their own: a key is a place and the document's name
MOVES = st.lists(
    st.dictionaries(st.sampled_from(NAMES), st.none() | st.sampled_from(KEYS), min_size=1),
    max_size=12,
)


def history(moves: list[dict[str, bytes | None]]) -> list[Commit]:
    at: dict[str, bytes | None] = {}
    commits: list[Commit] = []
    for number, move in enumerate(moves):
        keys: dict[str, tuple[bytes | None, bytes | None]] = {}
        for name, place in move.items():
            old, new = at.get(name), None if place is None else place + doc(name)
            at[name] = new
            if (old, new) != (None, None):
                keys[name] = old, new
        commits.append(commit(10 * (number + 1), **keys))
    return commits


@settings(max_examples=60, deadline=None)
@given(
    MOVES,
    st.lists(
        st.tuples(
            INTERVALS, st.integers(0, 130), st.sampled_from(["asc", "desc"]), st.integers(1, 6)
        ),
        min_size=1,
        max_size=10,
    ),
)
def test_both_stores_find_the_same(
    moves: list[dict[str, bytes | None]], scans: list[tuple[Interval, int, Order, int]]
) -> None:
    async def compare(folder: Path) -> None:
        memory, sqlite = MemoryStore(), SqliteStore(folder / "data.db")
        await sqlite.open()
        for each in history(moves):
            await append(memory, each)
            await append(sqlite, each)
        for interval, ts, order, limit in scans:
            args = INDEX, interval, ts, order, limit
            assert await sqlite.scan(*args) == await memory.scan(*args)
            for name in NAMES:
                found = await memory.get(TABLE, doc(name), ts)
                assert await sqlite.get(TABLE, doc(name), ts) == found
            assert await sqlite.log_after(ts) == await memory.log_after(ts)
        await sqlite.close()

    with tempfile.TemporaryDirectory() as folder:
        anyio.run(compare, Path(folder))
