"""Actions whose handlers run in worker processes, and so are found by name."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from returns.result import Failure, Success

from confect_core import Args, FunctionSpec, GroupSpec, Int64, NoArgs, Outcome, TaggedError
from confect_server import GroupImpl, Impl, QueryCtx, impl, layers

SERVER = os.getpid()


class Job(Args):
    number: int


class Place(Args):
    folder: str


class Cold(TaggedError):
    degrees: int


class Hot(TaggedError):
    degrees: int


class Forge(GroupSpec):
    square = FunctionSpec.public_action(args=Job, returns=Int64, error=Cold, process=True)
    pid = FunctionSpec.public_action(returns=int, process=True)
    shout = FunctionSpec.public_action(returns=str, process=True)
    lie = FunctionSpec.public_action(returns=int, process=True)
    melt = FunctionSpec.public_action(returns=int, process=True)
    crack = FunctionSpec.public_action(returns=int, process=True)
    die = FunctionSpec.public_action(returns=int, process=True)
    leave = FunctionSpec.public_action(returns=int, process=True)
    fill = FunctionSpec.public_action(returns=str, process=True)
    loop = FunctionSpec.public_action(args=Place, returns=int, process=True, timeout_s=0.5)
    loop_on = FunctionSpec.public_action(args=Place, returns=int, process=True)
    fork = FunctionSpec.public_action(args=Place, returns=int, process=True, timeout_s=15)
    double = FunctionSpec.public_query(args=Job, returns=int)


@impl(Forge.square)
def square(args: Job) -> Outcome[int, Cold]:
    if args.number == 0:
        return Failure(Cold(degrees=0))
    if args.number < 0:
        raise Cold(degrees=args.number)
    return Success(args.number**2)


@impl(Forge.pid)
def pid(args: NoArgs) -> int:
    return os.getpid()


@impl(Forge.shout)
def shout(args: NoArgs) -> str:
    print("printed in a process")  # noqa: T201  # it must not get between the answers
    os.write(1, b"written in a process\n")
    return "said"


@impl(Forge.lie)
def lie(args: NoArgs) -> int:
    return "a text"  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # as meant


@impl(Forge.melt)
def melt(args: NoArgs) -> int:
    raise Hot(degrees=1000)


@impl(Forge.crack)
def crack(args: NoArgs) -> int:
    raise ValueError("a crack")


@impl(Forge.die)
def die(args: NoArgs) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


@impl(Forge.leave)
def leave(args: NoArgs) -> int:
    sys.exit(3)


@impl(Forge.fill)
def fill(args: NoArgs) -> str:
    return "x" * 100_000_000


def _loop(args: Place) -> int:
    (Path(args.folder) / "loops").write_text(str(os.getpid()))
    while True:
        time.sleep(0.001)


@impl(Forge.loop)
def loop(args: Place) -> int:
    return _loop(args)


@impl(Forge.loop_on)
def loop_on(args: Place) -> int:
    return _loop(args)


@impl(Forge.fork)
def fork(args: Place) -> int:
    child = os.fork()
    if not child:
        signal.pause()
    (Path(args.folder) / "child").write_text(str(child))
    os._exit(3)


@impl(Forge.double)
async def double(ctx: QueryCtx, args: Job) -> int:
    return args.number * 2


functions: dict[str, Any] = {
    "square": square,
    "pid": pid,
    "shout": shout,
    "lie": lie,
    "melt": melt,
    "crack": crack,
    "die": die,
    "leave": leave,
    "fill": fill,
    "loop": loop,
    "loop_on": loop_on,
    "fork": fork,
    "double": double,
}


forge: Impl[Any] = Impl(layers()).provide(GroupImpl("forge", Forge, functions))
