"""What must not be used, by the names under which it is known."""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TypeAlias

from confect_codegen.determinism.errors import (
    NotReproducible,
    UsesChance,
    UsesEnvironment,
    UsesFiles,
    UsesNetwork,
    UsesPrint,
    UsesProcesses,
    UsesThreads,
    UsesTime,
    UsesTimers,
)

Rule: TypeAlias = type[NotReproducible]

_MODULES: dict[str, Rule] = {
    "secrets": UsesChance,
    "socket": UsesNetwork,
    "ssl": UsesNetwork,
    "smtplib": UsesNetwork,
    "ftplib": UsesNetwork,
    "http.client": UsesNetwork,
    "urllib.request": UsesNetwork,
    "urllib3": UsesNetwork,
    "requests": UsesNetwork,
    "httpx": UsesNetwork,
    "httpx2": UsesNetwork,
    "aiohttp": UsesNetwork,
    "websockets": UsesNetwork,
    "shutil": UsesFiles,
    "tempfile": UsesFiles,
    "aiofiles": UsesFiles,
    "subprocess": UsesProcesses,
    "multiprocessing": UsesProcesses,
    "threading": UsesThreads,
    "_thread": UsesThreads,
    "concurrent.futures": UsesThreads,
    "anyio.to_thread": UsesThreads,
    "anyio.to_process": UsesProcesses,
}
"""Modules of which nothing may be called."""

_NAMES: dict[Rule, str] = {
    UsesTime: """
        time.time time.time_ns time.monotonic time.monotonic_ns time.perf_counter
        time.perf_counter_ns time.process_time time.process_time_ns time.thread_time
        datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today
    """,
    UsesChance: """
        random.random random.uniform random.triangular random.randint random.choice random.randrange
        random.sample random.shuffle random.choices random.normalvariate random.lognormvariate
        random.expovariate random.vonmisesvariate random.gammavariate random.gauss
        random.betavariate random.binomialvariate random.paretovariate random.weibullvariate
        random.getstate random.setstate random.getrandbits random.randbytes random.seed
        random.SystemRandom uuid.uuid1 uuid.uuid4 uuid.getnode os.urandom os.getrandom
    """,
    UsesEnvironment: """
        os.environ os.environb os.getenv os.getenvb os.putenv os.unsetenv os.getpid os.getcwd
        socket.gethostname sys.argv
    """,
    UsesFiles: """
        builtins.open builtins.input io.open io.open_code os.open os.listdir os.scandir os.stat
        os.remove os.unlink os.rename os.replace os.mkdir os.makedirs os.rmdir os.walk
        os.path.exists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime
        pathlib.Path.open pathlib.Path.read_text pathlib.Path.read_bytes pathlib.Path.write_text
        pathlib.Path.write_bytes pathlib.Path.exists pathlib.Path.is_file pathlib.Path.is_dir
        pathlib.Path.iterdir pathlib.Path.glob pathlib.Path.rglob pathlib.Path.stat
        pathlib.Path.unlink pathlib.Path.mkdir pathlib.Path.rename pathlib.Path.touch
        pathlib.Path.home pathlib.Path.cwd
    """,
    UsesNetwork: "asyncio.open_connection asyncio.start_server anyio.connect_tcp",
    UsesProcesses: """
        os.system os.popen os.fork os.execv os.kill asyncio.create_subprocess_exec
        asyncio.create_subprocess_shell anyio.run_process anyio.open_process
    """,
    UsesThreads: "asyncio.to_thread",
    UsesPrint: "builtins.print",
    UsesTimers: """
        time.sleep asyncio.sleep asyncio.create_task asyncio.ensure_future
        asyncio.run_coroutine_threadsafe anyio.sleep anyio.sleep_until anyio.sleep_forever
    """,
}

_SEEDED = "random.Random"
"""Draws the same numbers again if it is given a seed."""


class Rules:
    """Which rule an object breaks that a function refers to."""

    def __init__(self) -> None:
        self._objects: dict[int, tuple[Rule, str]] = {}
        for rule, names in _NAMES.items():
            for name in names.split():
                known = _known(name)
                if known is not None:
                    self._objects[id(known)] = rule, name
        self._seeded = _known(_SEEDED)

    def broken_by(self, used: object, name: str) -> tuple[Rule, str] | None:
        """The rule that stands against a use of this object, and what to call the object."""
        if isinstance(used, ModuleType):
            return None
        known = self._objects.get(id(used))
        if known is not None:
            return known
        module = getattr(used, "__module__", None)
        rule = _rule_of_module(module) if isinstance(module, str) and callable(used) else None
        return None if rule is None else (rule, name)

    def is_unseeded(self, called: object, *, has_arguments: bool) -> bool:
        """Does this call make random numbers that begin anywhere?"""
        return called is self._seeded and not has_arguments


def _rule_of_module(module: str) -> Rule | None:
    while module:
        if module in _MODULES:
            return _MODULES[module]
        module = module.rpartition(".")[0]
    return None


def module_of(name: str) -> ModuleType | None:
    """A module, imported if it was not yet, for a function that is looked at would do so too."""
    if name not in sys.modules:
        try:
            importlib.import_module(name)
        except Exception:  # it will fail the function as well, whatever it is
            return None
    return sys.modules.get(name)


def _known(name: str) -> object | None:
    """The object of this name, if this version of Python has it."""
    parts = name.split(".")
    count = next(each for each in range(len(parts) - 1, 0, -1) if module_of(".".join(parts[:each])))
    found: object | None = module_of(".".join(parts[:count]))
    for part in parts[count:]:
        found = attribute_of(found, part)
    return found


def attribute_of(owner: object, name: str) -> object | None:
    """What a module or a class has under a name; no property is run to find that out."""
    found: object | None = None
    if isinstance(owner, ModuleType):
        found = getattr(owner, name, None)  # which may load it, as anyio does
    elif isinstance(owner, type):
        found = next((vars(each)[name] for each in owner.__mro__ if name in vars(each)), None)
    return found
