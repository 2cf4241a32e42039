"""Serves examples/notes: `python -m tests.serve_notes --port N --db PATH`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import anyio

from confect_server.runtime import Backend
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving

NOTES = Path(__file__).parents[1] / "examples" / "notes"


async def serve(port: int, database: Path, admin_key: str) -> None:
    sys.path.insert(0, str(NOTES))
    from app.impl import app

    async with Backend.open(app, SqliteStore(database)) as backend:
        asgi = ConfectAsgi(backend, AdminKey(admin_key))
        async with serving(asgi, "127.0.0.1", port) as chosen:
            print(f"http://127.0.0.1:{chosen}", flush=True)  # noqa: T201  # what starters wait for
            await anyio.sleep_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--admin-key", default="secret")
    options = parser.parse_args()
    anyio.run(serve, options.port, options.db, options.admin_key)
