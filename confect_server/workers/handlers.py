"""How another process finds the handler of an action: by the module and the name it was given."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from confect_core.errors import SpecError, Where
from confect_core.spec import DeclaredFunction


class Implemented(Protocol):
    """A declared function with its handler."""

    @property
    def spec(self) -> DeclaredFunction[..., Any, Any]:
        """What is declared."""
        ...

    @property
    def handler(self) -> Callable[..., object]:
        """What runs."""
        ...


class HandlerNotFound(SpecError):
    """A handler for a process that another process cannot import."""

    def __init__(self, handler: str, where: Where | None = None) -> None:
        super().__init__(
            f"{handler} runs in a worker process, which cannot import it",
            hint="define it with `def` and `@impl` at the top level of a module of the project",
            where=where,
        )


@dataclass(frozen=True, slots=True)
class HandlerName:
    """Where a handler is defined."""

    module: str
    name: str

    @classmethod
    def of(cls, function: Implemented) -> HandlerName:
        """The name of a handler, whether or not another process can import it."""
        return cls(function.handler.__module__, function.handler.__qualname__)

    def mistakes(self, function: Implemented) -> list[SpecError]:
        """That the name leads elsewhere than to this function, here and so in another process."""
        module = sys.modules.get(self.module)
        if self.module != "__main__" and getattr(module, self.name, None) is function:
            return []
        return [HandlerNotFound(str(self), function.spec.where)]

    def imported(self) -> Implemented:
        """The function of that name; raises `HandlerNotFound`."""
        found: object = getattr(importlib.import_module(self.module), self.name, None)
        if found is None:
            raise HandlerNotFound(str(self))
        return cast("Implemented", found)

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"
