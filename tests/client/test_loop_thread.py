"""The thread behind a blocking client: what it is given comes to an end, whatever ends it."""

from __future__ import annotations

import asyncio
import gc
import signal
import subprocess
import sys
import threading
import warnings
from collections.abc import AsyncGenerator, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

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


class EndsByItself:
    """A context that another call ends; it holds its loop until a last one has been given."""

    def __init__(self) -> None:
        self.is_leaving = threading.Event()
        self.is_given = threading.Event()

    async def __aenter__(self) -> None:
        self.task = asyncio.current_task()

    async def __aexit__(self, *of_an_error: object) -> None:
        self.is_leaving.set()
        assert self.is_given.wait(WAIT_S)

    async def end(self) -> None:
        assert self.task is not None
        self.task.cancel()

    def last(self) -> Coroutine[Any, Any, None]:
        self.is_given.set()
        return wait_for_ever()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_is_given_to_a_loop_that_ends_by_itself_is_not_waited_for_in_vain() -> None:
    context = EndsByItself()
    loop = LoopThread(context)
    loop.start()
    loop.call_soon(context.end)  # whose answer the loop that is held could not give
    assert context.is_leaving.wait(WAIT_S)
    ended: list[BaseException] = []

    def call() -> None:
        try:
            loop.call(context.last)
        except ClientClosed as error:
            ended.append(error)

    calling = threading.Thread(target=call, daemon=True)  # a program that ends does not wait
    calling.start()
    calling.join(WAIT_S)
    assert len(ended) == 1
    with pytest.raises(ClientClosed):
        loop.call(wait_for_ever)
    loop.close()


def test_a_thread_that_was_closed_is_forgotten_without_a_word() -> None:
    loop = LoopThread(context())
    loop.start()
    loop.close()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        del loop
        gc.collect()
    assert not [each for each in said if "was not closed" in str(each.message)]


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
