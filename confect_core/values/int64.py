"""`Int64`: an `int` that travels as a 64-bit integer, a JavaScript bigint."""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias

from pydantic import GetCoreSchemaHandler
from pydantic_core import core_schema as cs

INT64_MIN = -(2**63)
INT64_MAX = 2**63 - 1

_MARK = {"confect_int64": True}


class _Int64Marker:
    """Marks the schema of an `int`, so that its wire form is int64 instead of float64."""

    def __get_pydantic_core_schema__(
        self, source: type[Any], handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        return cs.int_schema(ge=INT64_MIN, le=INT64_MAX, strict=True, metadata=_MARK)


Int64: TypeAlias = Annotated[int, _Int64Marker()]
"""An integer of 64 bits; a plain `int` travels as a number, exact only within ±(2**53 - 1)."""


def is_int64(node: dict[str, Any]) -> bool:
    """Is this the core schema of an `Int64`?"""
    metadata: dict[str, Any] = node.get("metadata") or {}
    return "confect_int64" in metadata
