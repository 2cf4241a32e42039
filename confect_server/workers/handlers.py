"""How another process finds the handler of an action: by the module and the name it was given."""

from __future__ import annotations

import importlib
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from confect_core.errors import SpecError, Where

if TYPE_CHECKING:  # what users import checks its handlers by this module
    from confect_server.impl import FunctionImpl


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
    def of(cls, function: FunctionImpl[Any, Any, Any]) -> HandlerName:
        """The name of a handler, whether or not another process can import it."""
        return cls(function.handler.__module__, function.handler.__qualname__)

    def mistakes(self, function: FunctionImpl[Any, Any, Any]) -> list[SpecError]:
        """That the name leads elsewhere than to this function, here and so in another process."""
        module = sys.modules.get(self.module)
        if self.module != "__main__" and getattr(module, self.name, None) is function:
            return []
        return [HandlerNotFound(str(self), function.spec.where)]

    def imported(self) -> FunctionImpl[Any, Any, Any]:
        """The function of that name; raises `HandlerNotFound`."""
        found: object = getattr(importlib.import_module(self.module), self.name, None)
        if found is None:
            raise HandlerNotFound(str(self))
        return cast("FunctionImpl[Any, Any, Any]", found)

    def __str__(self) -> str:
        return f"{self.module}.{self.name}"
