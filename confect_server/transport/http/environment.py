"""The environment variables over HTTP, for whoever has the admin key."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from confect_core.protocol import BadJsonBody
from confect_server.runtime import Backend
from confect_server.transport.callers import Callers
from confect_server.transport.http.exchange import Exchange
from confect_server.transport.http.intake import Intake

PREFIX = "/api/v1/"
LIST = f"{PREFIX}list_environment_variables"
UPDATE = f"{PREFIX}update_environment_variables"


class _Change(BaseModel):
    name: str
    value: str | None = None


class _Changes(BaseModel):
    changes: list[_Change]


class EnvironmentApi:
    """Lists what is stored, and changes it: paths and bodies are those of Convex."""

    def __init__(self, backend: Backend, callers: Callers, intake: Intake) -> None:
        self._environment = backend.environment
        self._intake = intake
        self._callers = callers

    def serves(self, exchange: Exchange) -> bool:
        """Is this a request for it?"""
        return (exchange.method, exchange.path) in (("GET", LIST), ("POST", UPDATE))

    async def answer(self, exchange: Exchange) -> bytes:
        """Answer one of the requests that it serves; raises what keeps it from that."""
        self._callers.administering(exchange.authorization)
        answer = await (self._list() if exchange.path == LIST else self._update(exchange))
        return orjson.dumps(answer)

    async def _list(self) -> dict[str, Any]:
        stored = await self._environment.stored()
        secrets = [name for name in stored if self._environment.variables.is_secret(name)]
        return {"environmentVariables": stored, "secrets": secrets}

    async def _update(self, exchange: Exchange) -> dict[str, Any]:
        try:
            changes = _Changes.model_validate_json(await self._intake.body(exchange)).changes
        except ValidationError:
            raise BadJsonBody('it is not {"changes": [{"name": ..., "value": ...}]}') from None
        await self._environment.change({each.name: each.value for each in changes})
        return {}
