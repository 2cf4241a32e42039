"""A notebook as Jupyter runs it: a kernel in a process, whose loop runs between the cells."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Generator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat import v4

from tests.client.bank_thread import BankInThread, bank_in_thread

PROJECT = Path(__file__).parents[2]

pytestmark = [
    # of the tools that run the notebook, and nothing of ours
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture
def bank() -> Generator[BankInThread]:
    with bank_in_thread() as bank:
        yield bank


def outputs(*cells: str) -> list[str]:
    """What each cell prints."""
    write: Any = v4
    notebook: nbformat.NotebookNode = write.new_notebook(
        cells=[write.new_code_cell(cell) for cell in cells]
    )
    run: Any = NotebookClient(notebook, timeout=60, kernel_name="python3")
    run.execute(cwd=str(PROJECT), env={**os.environ, "PYTHONPATH": str(PROJECT)})
    return ["".join(out["text"] for out in cell["outputs"]) for cell in notebook["cells"]]


def test_the_cells_of_a_notebook_share_clients(bank: BankInThread) -> None:
    begin = textwrap.dedent(f"""
        import threading
        from confect_client import AsyncClient, AsyncHttpClient, Client, HttpClient
        from confect_core import ref
        from tests.server.runtime.bank import Accounts, Refs
        OPEN = ref("accounts:open", Accounts.open_)
        before, url = threading.active_count(), {bank.url!r}
    """)
    said = outputs(
        begin,
        "blocking, http = Client(url), HttpClient(url)",
        "print(blocking.mutation(OPEN, name='Ada', balance=1) is None, http.query(Refs.total))",
        "totals = blocking.subscribe(Refs.total); print(next(totals))",
        "waiting, web = await AsyncClient.open(url), AsyncHttpClient(url)",
        "_ = await waiting.mutation(OPEN, name='Bea', balance=2); print(next(totals))",
        "print(await web.query(Refs.total), await waiting.query(Refs.total))",
        "await waiting.close(); await web.close(); blocking.close(); http.close()",
        "print(threading.active_count() == before)",
    )
    assert said == ["", "", "False 1\n", "1\n", "", "3\n", "3 3\n", "", "True\n"]
