"""Blocking clients where processes end, fork and are interrupted, and where a loop runs already."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from confect_client import Client, HttpClient
from tests.client.bank_thread import BankInThread, bank_in_thread
from tests.server.runtime.bank import Refs

PROJECT = Path(__file__).parents[2]
TIMEOUT_S = 60

_BEGIN = """
import os, signal, sys, threading
from confect_client import *
from confect_core import ref
from tests.server.runtime.bank import Accounts, Refs
url, face = sys.argv[1], {"Client": Client, "HttpClient": HttpClient}[sys.argv[2]]
DEPOSIT = ref("accounts:deposit", Accounts.deposit)
"""

both = pytest.mark.parametrize("face", [Client, HttpClient], ids=["Client", "HttpClient"])


@pytest.fixture(scope="module")
def bank() -> Generator[BankInThread]:
    with bank_in_thread() as bank:
        yield bank


def command(program: str, url: str, face: type) -> list[str]:
    text = _BEGIN + textwrap.dedent(program)
    return [sys.executable, "-W", "error", "-c", text, url, face.__name__]


def printed(program: str, url: str, face: type) -> str:
    """What a program of its own prints, which has to end well and must not complain."""
    run = subprocess.run(
        command(program, url, face),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert (run.returncode, run.stderr) == (0, ""), run.stderr
    return run.stdout


@both
def test_a_program_ends_though_its_client_was_never_closed(face: type, bank: BankInThread) -> None:
    program = """
        client = face(url)
        client.query(Refs.total)
        if face is Client:
            totals = client.subscribe(Refs.total)
            client.on_update(Refs.total, lambda total: None)
            next(totals)
        print("over")
    """
    assert printed(program, bank.url, face) == "over\n"


@both
def test_a_client_that_was_made_before_a_fork_works_after_it(
    face: type, bank: BankInThread
) -> None:
    program = """
        client = face(url)
        if os.fork() == 0:
            print("child", client.query(Refs.total), flush=True)
            client.close()
            sys.exit()
        assert os.wait()[1] == 0
        print("parent", client.query(Refs.total))
        client.close()
    """
    assert printed(program, bank.url, face) == "child 0\nparent 0\n"


@both
def test_a_client_that_has_called_says_that_it_does_not_survive_a_fork(
    face: type, bank: BankInThread
) -> None:
    program = """
        with face(url) as client:
            client.query(Refs.total)
            if os.fork() == 0:
                try:
                    client.query(Refs.total)
                except ClientForked:
                    print("forked", flush=True)
                sys.exit()
            assert os.wait()[1] == 0
            print("parent", client.query(Refs.total))
    """
    assert printed(program, bank.url, face) == "forked\nparent 0\n"


@both
def test_an_interrupt_ends_the_call_and_leaves_the_client_as_it_was(face: type) -> None:
    program = """
        with face(url) as client:
            client.query(Refs.total)
            print("calls", flush=True)
            try:
                client.mutation(DEPOSIT, name="Ada", balance=1)
            except KeyboardInterrupt:
                print("total", client.query(Refs.total))
        print(threading.active_count())
    """
    with bank_in_thread() as mine:
        with subprocess.Popen(
            command(program, mine.url, face),
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            mine.wait_first_at_meeting()
            process.send_signal(signal.SIGINT)
            output, complaints = process.communicate(timeout=TIMEOUT_S)
        mine.meet()
    assert (process.returncode, output, complaints) == (0, "calls\ntotal 0\n1\n", "")


@both
async def test_a_loop_that_runs_in_the_thread_of_the_caller_does_not_matter(
    face: type[Client | HttpClient], bank: BankInThread
) -> None:
    def cell() -> object:
        return client.query(Refs.total)

    before = threading.active_count()
    client = face(bank.url)

    async def made_elsewhere() -> object:
        return cell()

    assert await asyncio.create_task(made_elsewhere()) == cell() == 0
    client.close()
    assert threading.active_count() == before


def test_descriptors_are_given_back(bank: BankInThread) -> None:
    def descriptors() -> int:
        return len(os.listdir("/proc/self/fd"))

    def use() -> None:
        for face in (Client, HttpClient):
            with face(bank.url) as client:
                client.query(Refs.total)

    if not Path("/proc/self/fd").exists():
        pytest.skip("this system does not tell of descriptors")
    use()
    before = descriptors()
    for _ in range(5):
        use()
    # the server gives its own back when it has heard of the end
    assert descriptors() <= before + 4
