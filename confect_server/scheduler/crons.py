"""Crons: what an application declares to be run again and again, and what mutations register."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, cast

from typing_extensions import ParamSpec

from confect_core import ActionRef, Id, MutationRef, Ref
from confect_core.errors import ConfectError, SpecError, Where
from confect_core.values import Interval
from confect_core.values.codec import Codec
from confect_server.crons import Recurrence
from confect_server.db import CronJob
from confect_server.engine import Transaction
from confect_server.scheduler.errors import (
    BadCronArguments,
    BadCronName,
    CronIsDeclared,
    CronNameTaken,
    CronOfNothing,
    DuplicateCron,
    NoSuchCron,
)
from confect_server.scheduler.recurring import Plan, add, cron_named, remove
from confect_server.scheduler.scheduler import Transacts, call_of

P = ParamSpec("P")

_CRON: Codec[CronJob] = Codec(CronJob, what="_crons", is_stored=True)


@dataclass(frozen=True, eq=False)
class Cron:
    """A function that an application has run again and again; `cron` makes one."""

    name: str
    recurrence: Recurrence
    ref: Ref[..., Any]
    args: tuple[object, ...]
    kwargs: dict[str, object]
    where: Where

    def plan(self) -> Plan:
        """What is stored of it."""
        return Plan(self.name, self.recurrence, call_of(self.ref, self.args, self.kwargs), True)


def cron(
    name: str,
    recurrence: Recurrence,
    ref: MutationRef[P, object] | ActionRef[P, object],
    /,
    *args: P.args,
    **kwargs: P.kwargs,
) -> Cron:
    """Declare that a function is run again and again, with these arguments.

    app = Impl(live).provide(notes).recur(cron("digest", daily(hour=3), refs.internal.notes.digest))
    """
    return Cron(name, recurrence, ref, args, dict(kwargs), Where.of_caller())


def cron_mistakes(crons: Sequence[Cron], functions: Collection[str]) -> list[SpecError]:
    """Everything that is wrong with these, in an application that has these functions."""
    names = Counter(each.name for each in crons)
    found: list[SpecError] = []
    for each in crons:
        if not _is_name(each.name):
            found.append(BadCronName(each.name, each.where))
        if names[each.name] > 1:
            found.append(DuplicateCron(each.name, each.where))
        if each.ref.path not in functions:
            found.append(CronOfNothing(each.name, each.ref.path, each.where))
        try:
            each.plan()
        except ConfectError as error:
            found.append(BadCronArguments(each.name, error.message, each.where))
    return found


class Crons:
    """Registers functions that are run again and again; a part of the transaction, like all else.

    Their names are unique among all, those included that the application declares.
    """

    def __init__(self, calls: Transacts) -> None:
        self._calls = calls

    async def register(
        self,
        name: str,
        recurrence: Recurrence,
        ref: MutationRef[P, object] | ActionRef[P, object],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> Id[CronJob]:
        """Have a function run again and again from now on; a name that is taken is refused."""
        if not _is_name(name):
            raise BadCronName(name)
        plan = Plan(name, recurrence, call_of(ref, args, kwargs), False)

        async def work(transaction: Transaction) -> str:
            transaction.usage.schedule(plan.call.size)
            if await cron_named(transaction, name) is not None:
                raise CronNameTaken(name)
            return await add(transaction, plan)

        return cast("Id[CronJob]", await self._calls.transact(work))

    async def list(self) -> list[CronJob]:
        """All of them, in order of creation, declared ones too."""

        async def work(transaction: Transaction) -> list[CronJob]:
            index = transaction.catalog.table("_crons").indexes["by_creation_time"]
            found = transaction.range(index, Interval.all())
            return [_CRON.decode(each.document) async for each in found]

        return await self._calls.transact(work)

    async def delete(self, name: str) -> None:
        """Let a registered function run no more; a run that has begun goes on."""

        async def work(transaction: Transaction) -> None:
            stored = await cron_named(transaction, name)
            if stored is None:
                raise NoSuchCron(name)
            if stored.plan.is_declared:
                raise CronIsDeclared(name)
            await remove(transaction, stored)

        await self._calls.transact(work)


def _is_name(name: str) -> bool:
    return bool(name.strip()) and name.isascii() and name.isprintable()
