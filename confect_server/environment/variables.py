"""`Variables`: what an application declares, read from what is stored and from its process."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, TypeVar, cast

from pydantic import ValidationError

from confect_server.engine import Transaction
from confect_server.environment.declared import (
    E,
    Environment,
    is_secret,
    problems_of,
    read_as,
    variables_of,
)
from confect_server.environment.errors import BadVariables, UndeclaredEnvironment
from confect_server.environment.stored import stored_variables

T = TypeVar("T")


class Variables:
    """The variables of one version of an application; `process` is beneath what is stored."""

    def __init__(
        self, declared: Iterable[type[Environment]] = (), process: Mapping[str, str] | None = None
    ) -> None:
        self._declared = tuple(declared)
        self._process = process or {}
        self._read: dict[type[Environment], tuple[dict[str, str], Environment]] = {}

    async def read(self, declared: type[E], transaction: Transaction) -> E:
        """Settings, as this transaction sees them: who changes a variable conflicts with it.

        They are validated again only if a variable has changed.
        """
        if declared not in self._declared:
            raise UndeclaredEnvironment(declared.__name__)
        stored = await stored_variables(transaction)
        known = self._read.get(declared)
        if known is not None and known[0] == stored:
            return cast("E", known[1])
        try:
            settings = read_as(declared, self._values(stored))
        except ValidationError as error:
            raise BadVariables(list(problems_of(declared, error))) from None
        self._read[declared] = stored, settings
        return settings

    def check(self, stored: Mapping[str, str]) -> None:
        """Raise `BadVariables` for everything that is missing or wrong."""
        problems: list[str] = []
        for each in self._declared:
            try:
                read_as(each, self._values(stored))
            except ValidationError as error:
                problems += problems_of(each, error)
        if problems:
            raise BadVariables(problems)

    def is_secret(self, name: str) -> bool:
        """Is it a secret? What nobody declares may be one."""
        fields = [variables_of(each).get(name) for each in self._declared]
        known = [field for field in fields if field is not None]
        return not known or any(map(is_secret, known))

    def _values(self, stored: Mapping[str, str]) -> dict[str, str]:
        present = {name: value for name, value in stored.items() if value}
        return {**self._process, **present}


class Transacting(Protocol):
    """Runs work on the database."""

    async def transact(self, work: Callable[[Transaction], Awaitable[T]]) -> T:
        """What the work gives."""
        ...


class RunEnvironment:
    """The settings as one run reads them: in its transaction if it is one, else as they are now."""

    def __init__(self, variables: Variables, run: Transacting) -> None:
        self._variables = variables
        self._run = run

    async def read(self, declared: type[E], /) -> E:
        """The settings that a class declares; `Env.of(ctx)` is shorter."""
        return await self._run.transact(
            lambda transaction: self._variables.read(declared, transaction)
        )
