"""The environment variables over HTTP, for whoever has the admin key."""

from __future__ import annotations

from typing import Any

import orjson
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from confect_core.protocol import BadJsonBody, encode_refusal
from confect_server.auth.errors import TokenRefused
from confect_server.environment.errors import BadVariables, VariableRefused
from confect_server.runtime import Backend
from confect_server.transport.admin import NotAdmin
from confect_server.transport.callers import Callers
from confect_server.transport.http_exchange import JSON, BodyTooLong, Exchange

LIST = "/api/v1/list_environment_variables"
UPDATE = "/api/v1/update_environment_variables"


class _Change(BaseModel):
    name: str
    value: str | None = None


class _Changes(BaseModel):
    changes: list[_Change]


class EnvironmentApi:
    """Lists what is stored, and changes it: paths and bodies are those of Convex."""

    def __init__(self, backend: Backend, callers: Callers) -> None:
        self._environment = backend.environment
        self._callers = callers

    def serves(self, exchange: Exchange) -> bool:
        """Is this a request for it?"""
        return (exchange.method, exchange.path) in (("GET", LIST), ("POST", UPDATE))

    async def answer(self, exchange: Exchange) -> None:
        """Answer one of the requests that it serves."""
        try:
            self._callers.administering(exchange.header(b"authorization"))
            answer = await (self._list() if exchange.path == LIST else self._update(exchange))
        except (NotAdmin, TokenRefused) as error:
            await exchange.respond(401, JSON, encode_refusal(error.code, error))
        except (BadJsonBody, BadVariables, VariableRefused) as error:
            await exchange.respond(400, JSON, encode_refusal(error.code, error))
        except ClientDisconnect:
            return
        else:
            await exchange.respond(200, JSON, orjson.dumps(answer))

    async def _list(self) -> dict[str, Any]:
        stored = await self._environment.stored()
        secrets = [name for name in stored if self._environment.variables.is_secret(name)]
        return {"environmentVariables": stored, "secrets": secrets}

    async def _update(self, exchange: Exchange) -> dict[str, Any]:
        try:
            changes = _Changes.model_validate_json(await exchange.body()).changes
        except (ValidationError, BodyTooLong):
            raise BadJsonBody('it is not {"changes": [{"name": ..., "value": ...}]}') from None
        await self._environment.change({each.name: each.value for each in changes})
        return {}
