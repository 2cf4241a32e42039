"""`Environment`: what users subclass to say which variables their application has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Protocol, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, SecretBytes, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from confect_server.environment.errors import ImpossibleVariable
from confect_server.environment.names import is_name

E = TypeVar("E", bound="Environment")


class Environment(BaseModel):
    """Settings that come from environment variables: one field each, named in capitals there.

    class Env(Environment):
        stripe_key: SecretStr    # STRIPE_KEY, which has to be there
        page_size: int = 20      # PAGE_SIZE

    app = Impl(live).environment(Env)

    Inside a query, a mutation or an action: `env = await Env.of(ctx)`. Whoever has read it in a
    query hears of its changes. An `alias` gives a variable another name. What is stored (`confect
    env set`) counts before the environment of the server's process, and that before a default; an
    empty value counts as none.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    @classmethod
    async def of(cls, ctx: HasEnvironment) -> Self:
        """The settings as they are now; raises `BadVariables` if they cannot be read."""
        return await ctx.environment.read(cls)


class Reading(Protocol):
    """Reads settings."""

    async def read(self, declared: type[E], /) -> E:
        """The settings that a class declares."""
        ...


class HasEnvironment(Protocol):
    """The ctx of a handler."""

    @property
    def environment(self) -> Reading:
        """Where it reads settings."""
        ...


def variables_of(declared: type[Environment]) -> dict[str, FieldInfo]:
    """The fields of the settings by the names of their variables."""
    return {_key(name.upper(), field): field for name, field in declared.model_fields.items()}


def _key(name: str, field: FieldInfo) -> str:
    """How pydantic is given the value of a field."""
    return field.validation_alias if isinstance(field.validation_alias, str) else name


def _variables_by_key(declared: type[Environment]) -> dict[str, str]:
    keys = [_key(name, field) for name, field in declared.model_fields.items()]
    return dict(zip(keys, variables_of(declared), strict=True))


def mistakes_of(declared: type[Environment]) -> list[ImpossibleVariable]:
    """The variables that nobody could set."""
    names = variables_of(declared)
    return [ImpossibleVariable(declared.__name__, each) for each in names if not is_name(each)]


def is_secret(field: FieldInfo) -> bool:
    """Is it a value that people are not shown unless they ask?"""
    kinds = (field.annotation, *get_args(field.annotation))
    return SecretStr in kinds or SecretBytes in kinds


def read_as(declared: type[E], values: Mapping[str, str]) -> E:
    """The settings in the values of variables; raises `ValidationError`."""
    by_key = _variables_by_key(declared)
    given = {key: values[name] for key, name in by_key.items() if values.get(name)}
    return declared.model_validate_strings(given)


def problems_of(declared: type[Environment], refused: ValidationError) -> Iterator[str]:
    """What is wrong with each variable, without any of their values."""
    by_key = _variables_by_key(declared)
    for each in refused.errors(include_input=False, include_url=False):
        name = by_key.get(str(each["loc"][0])) if each["loc"] else declared.__name__
        told = "is missing" if each["type"] == "missing" else each["msg"]
        yield f"{name}: {told}"
