"""The variables that are stored: a document for each, in a system table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, cast

from confect_core.values import Interval, decode_id
from confect_server.engine import ENVIRONMENT, ENVIRONMENT_ROWS, Transaction
from confect_server.environment.errors import (
    BadVariableName,
    TooManyVariables,
    VariablesTooLong,
    VariableTooLong,
)
from confect_server.environment.names import MAX_NAME_LENGTH, is_name

MAX_VARIABLES = 512
MAX_VALUE_BYTES = 8 * 1024
MAX_TOTAL_BYTES = 512 * 1024


class _Row(NamedTuple):
    id: str
    value: str


async def stored_variables(transaction: Transaction) -> dict[str, str]:
    """All of them by name; whoever has read one has read all."""
    return {name: row.value for name, row in (await _rows(transaction)).items()}


async def change(transaction: Transaction, changes: Mapping[str, str | None]) -> dict[str, str]:
    """What is stored after variables are set, or removed where None is given.

    Raises `VariableRefused` for what does not fit; a name that is not there is removed already.
    """
    rows = await _rows(transaction)
    stored = {name: row.value for name, row in rows.items()}
    for name, value in changes.items():
        if value is None:
            stored.pop(name, None)
        else:
            _check(name, value)
            stored[name] = value
    _check_all(stored)
    for name, value in changes.items():
        if name in rows:
            _, internal_id = decode_id(rows[name].id)
            if value is None:
                await transaction.delete(ENVIRONMENT, internal_id)
            else:
                await transaction.replace(ENVIRONMENT, internal_id, {"name": name, "value": value})
        elif value is not None:
            await transaction.insert(ENVIRONMENT, {"name": name, "value": value})
    return stored


async def _rows(transaction: Transaction) -> dict[str, _Row]:
    found = transaction.range(ENVIRONMENT_ROWS, Interval.all())
    return {
        cast("str", each.document["name"]): _Row(
            cast("str", each.document["_id"]), cast("str", each.document["value"])
        )
        async for each in found
    }


def _check(name: str, value: str) -> None:
    if not is_name(name):
        raise BadVariableName(name, MAX_NAME_LENGTH)
    if (size := len(value.encode())) > MAX_VALUE_BYTES:
        raise VariableTooLong(name, size, MAX_VALUE_BYTES)


def _check_all(stored: Mapping[str, str]) -> None:
    if len(stored) > MAX_VARIABLES:
        raise TooManyVariables(len(stored), MAX_VARIABLES)
    size = sum(len(name) + len(value.encode()) for name, value in stored.items())
    if size > MAX_TOTAL_BYTES:
        raise VariablesTooLong(size, MAX_TOTAL_BYTES)
