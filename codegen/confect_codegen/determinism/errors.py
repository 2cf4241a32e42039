"""What the lint finds, each as a class of its own.

::

    ProjectError
    └── NotReproducible   UsesTime, UsesChance, UsesEnvironment, UsesFiles, UsesNetwork,
                          UsesProcesses, UsesThreads, UsesTimers, UsesPrint, ChangesState
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from confect_core.errors import ProjectError, Where

_IN_AN_ACTION = "do it in an action, and pass what it gave to a mutation"


class NotReproducible(ProjectError):
    """A query or a mutation that depends on something, or does something, that it must not."""

    rule: ClassVar[str]
    """What a comment `# confect: allow[...]` on the line calls this."""

    instead: ClassVar[str]

    def __init__(self, used: str, chain: Sequence[str], where: Where) -> None:
        via = "".join(f", which calls {each}" for each in chain[1:])
        super().__init__(
            f"{chain[0]}{via}, which {self._does(used)}",
            hint=f"{self.instead}; or say that it is right with `# confect: allow[{self.rule}]`",
            where=where,
        )
        self.chain = tuple(chain)
        """The function that is called from outside, and through which others it comes here."""

    def _does(self, used: str) -> str:
        return f"uses {used}"


class UsesTime(NotReproducible):
    """The time of the machine, which is another one each time."""

    rule = "time"
    instead = "take the time from ctx.now()"


class UsesChance(NotReproducible):
    """Random numbers that nobody can draw again."""

    rule = "random"
    instead = "draw from ctx.random, make ids with ctx.uuid(), and secrets in an action"


class UsesEnvironment(NotReproducible):
    """Variables of the process, which may be others in another one."""

    rule = "environment"
    instead = "read it when a layer is opened, and take it from that service"


class UsesFiles(NotReproducible):
    """Files, which change without anybody being told."""

    rule = "files"
    instead = _IN_AN_ACTION


class UsesNetwork(NotReproducible):
    """The network: a query would not be told of changes, and a mutation may run several times."""

    rule = "network"
    instead = _IN_AN_ACTION


class UsesProcesses(NotReproducible):
    """Another process."""

    rule = "processes"
    instead = _IN_AN_ACTION


class UsesThreads(NotReproducible):
    """A thread, which goes on when the transaction has ended."""

    rule = "threads"
    instead = "do it in an action, or compute it here: a handler has the loop to itself"


class UsesTimers(NotReproducible):
    """Waiting for time to pass, or a task that nobody waits for."""

    rule = "tasks"
    instead = "schedule a function for later, or await what is started, as gather does"


class UsesPrint(NotReproducible):
    """Something is printed, once for each attempt of a mutation, and nobody knows by whom."""

    rule = "print"
    instead = "say it with ctx.log.info(...)"


class ChangesState(NotReproducible):
    """A variable that outlives the call is changed; a mutation may run several times."""

    rule = "state"
    instead = "keep it in a table, or in a service if it is no data"

    def _does(self, used: str) -> str:
        return f"changes {used}"
