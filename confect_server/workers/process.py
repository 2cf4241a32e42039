"""What a worker process does: one job after another, as its server sends them.

A job is a handler's name with encoded arguments, an answer a letter and what it says. Both are
frames: their length in four bytes, then JSON. What handlers print goes where the server prints its
own lines; the pipe of the answers is nobody's standard output.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import IO, Any, cast

import orjson
from returns.result import Failure

from confect_core.errors import TaggedError
from confect_core.spec import Schemas
from confect_core.spec.call import SchemaCall
from confect_core.values import dumps_canonical, loads
from confect_core.values.codec import Mismatch
from confect_server.workers.handlers import HandlerName

LENGTH_BYTES = 4

VALUE, ERROR, MISMATCH, RAISED, TOO_LARGE, UNDECLARED = b"v", b"e", b"m", b"r", b"l", b"u"
"""What an answer says: a value, a declared error, or one of the ways in which there is neither."""


def answer(job: bytes) -> bytes:
    """What a job comes to."""
    asked = orjson.loads(job)
    try:
        letter, said = _answered(HandlerName(asked["module"], asked["name"]), asked["args"])
    except Mismatch as mismatch:
        return MISMATCH + orjson.dumps([mismatch.what, mismatch.problems])
    except BaseException as error:  # a handler that exits does not end the worker
        stack = "".join(traceback.format_exception(error))
        return RAISED + orjson.dumps([type(error).__name__, str(error), stack])
    if len(said) > asked["result_bytes"]:
        return TOO_LARGE + b"%d" % len(said)
    return letter + said


def _answered(name: HandlerName, args: str) -> tuple[bytes, bytes]:
    function = name.imported()
    call = SchemaCall(cast("Schemas", function.spec.contract))
    handler: Any = function.handler
    try:
        result = handler(call.decode_args(loads(args)))
    except TaggedError as raised:
        return _failed(call, raised)
    if type(result) is Failure:
        return _failed(call, cast("Failure[TaggedError]", result).failure())
    return VALUE, dumps_canonical(call.encode_result(result))


def _failed(call: SchemaCall, error: TaggedError) -> tuple[bytes, bytes]:
    data = call.encode_error(error)
    if data is None:
        return UNDECLARED, str(error).encode()
    return ERROR, dumps_canonical(data)


def main() -> None:
    """Work until the server is gone, and end then whatever is being done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends its workers
    asked, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    sys.stdin.close()
    # what a handler forks would keep the pipes open, so that nobody learns how the worker ended;
    # not by the objects, whose locks another thread may hold
    os.register_at_fork(after_in_child=partial(_close, asked.fileno(), answers.fileno()))
    jobs: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_listen, args=(asked, jobs), daemon=True).start()
    while True:
        said = answer(jobs.get())
        answers.write(len(said).to_bytes(LENGTH_BYTES) + said)
        answers.flush()


def _close(*files: int) -> None:
    for file in files:
        os.close(file)


def _listen(asked: IO[bytes], jobs: SimpleQueue[bytes]) -> None:
    while length := asked.read(LENGTH_BYTES):
        jobs.put(asked.read(int.from_bytes(length)))
    os._exit(0)
