"""The models of arguments."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict

from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.errors import AliasedArgument, DeclaredPaginationOpts, OpenArgs


class Args(BaseModel):
    """Base of argument models, closed and frozen: its fields are the keywords of a call."""

    model_config = ConfigDict(extra="forbid", frozen=True, val_json_bytes="base64")

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        refuse(cls.__name__, _mistakes(cls))


def _mistakes(model: type[Args]) -> list[SpecError]:
    where = Where.of_class(model.__module__)
    mistakes: list[SpecError] = [
        AliasedArgument(model.__name__, name, where)
        for name, field in model.model_fields.items()
        if field.alias or field.validation_alias or field.serialization_alias
    ]
    if "pagination_opts" in model.model_fields:
        mistakes.append(DeclaredPaginationOpts(model.__name__, where))
    if model.model_config.get("extra") != "forbid":
        mistakes.append(OpenArgs(model.__name__, where))
    return mistakes


class NoArgs(Args):
    """The arguments of a function that takes none."""
