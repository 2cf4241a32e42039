"""The server of all that is done in a storm, as the main program.

python -m tests.storm.serve DATABASE PORT [ISSUER]
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import anyio

from confect_server import (
    DataModel,
    GroupImpl,
    Impl,
    Memory,
    OidcProvider,
    Retention,
    Settings,
    Sockets,
    layers,
)
from confect_server.runtime import Backend, settle_collector
from confect_server.settings import MIB
from confect_server.store import SqliteStore
from confect_server.transport import AdminKey, ConfectAsgi, serving
from tests.storm import cards, errands, ledger

# So that whatever a server keeps for a while is full, or forgotten, long before a storm is over.
_SETTINGS = Settings(
    sockets=Sockets(unsent_bytes=4_000_000),
    memory=Memory(document_cache_bytes=MIB, query_cache_bytes=MIB),
    retention=Retention(history_s=5, log_s=10, sweep_s=1),
)


def application(*issuers: str) -> Impl[Any]:
    tables = DataModel((ledger.Entry, ledger.Total, cards.Card, errands.Errand))
    return (
        Impl(layers())
        .provide(
            GroupImpl("ledger", ledger.Ledger, ledger.FUNCTIONS, {}, tables),
            GroupImpl("cards", cards.Cards, cards.FUNCTIONS, {}, tables),
            GroupImpl("errands", errands.Errands, errands.FUNCTIONS, {}, tables),
        )
        .authenticate(*(OidcProvider(domain=each, application_id="app") for each in issuers))
    )


async def serve(*arguments: str) -> None:
    database, port, *issuers = arguments
    store = SqliteStore(Path(database))
    async with Backend.open(application(*issuers), store, settings=_SETTINGS) as backend:
        settle_collector()
        app = ConfectAsgi(backend, AdminKey("secret"))
        async with serving(app, "127.0.0.1", int(port)) as served:
            print(served, flush=True)  # noqa: T201  # whoever started this reads it
            await anyio.sleep_forever()


if __name__ == "__main__":
    anyio.run(serve, *sys.argv[1:], backend_options={"use_uvloop": True})
