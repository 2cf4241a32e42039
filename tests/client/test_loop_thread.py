"""The thread behind a blocking client: what it is given comes to an end, whatever ends it."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import anyio
import pytest

from confect_client import CallFromOwnLoop, ClientClosed
from confect_client.blocking.loop_thread import LoopThread

WAIT_S = 30


@asynccontextmanager
async def context() -> AsyncGenerator[None]:
    yield


@asynccontextmanager
async def broken() -> AsyncGenerator[None]:
    raise PermissionError("no way in")
    yield


async def wait_for_ever() -> None:
    await anyio.sleep_forever()


def test_an_interrupt_cancels_the_call() -> None:
    is_over, me = threading.Event(), threading.get_ident()

    async def interrupted() -> None:
        signal.pthread_kill(me, signal.SIGINT)
        try:
            await anyio.sleep_forever()
        finally:
            is_over.set()

    loop = LoopThread(context())
    with pytest.raises(KeyboardInterrupt):
        loop.call(interrupted)
    assert is_over.wait(WAIT_S)
    loop.close()


def test_closing_while_threads_call_leaves_nobody_waiting() -> None:
    for _ in range(20):
        loop = LoopThread(context())
        loop.start()
        with ThreadPoolExecutor(4) as threads:
            calls = [threads.submit(loop.call, wait_for_ever) for _ in range(4)]
            loop.close()
            for each in calls:
                with pytest.raises(ClientClosed):
                    each.result(WAIT_S)


def test_what_the_context_raises_is_raised_and_leaves_no_thread() -> None:
    before = threading.enumerate()
    loop = LoopThread(broken())
    with pytest.raises(PermissionError):
        loop.start()
    loop.close()
    for thread in set(threading.enumerate()) - set(before):
        thread.join(WAIT_S)
    assert threading.enumerate() == before


def test_the_loop_itself_cannot_call() -> None:
    loop = LoopThread(context())

    async def inner() -> None:
        loop.call(wait_for_ever)

    with pytest.raises(CallFromOwnLoop):
        loop.call(inner)
    loop.close()


def test_the_context_is_left_when_the_program_ends() -> None:
    program = """
from contextlib import asynccontextmanager
from confect_client.blocking.loop_thread import LoopThread

@asynccontextmanager
async def context():
    yield
    print("left")

loop = LoopThread(context())
loop.start()
print("over")
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=WAIT_S)
    assert (run.stdout, run.stderr) == (b"over\nleft\n", b"")
