"""`About`: what a server says of itself as plain text, to whoever tries whether it is there."""

from __future__ import annotations

from importlib.metadata import version

from starlette.requests import ClientDisconnect

from confect_server.transport.http.exchange import TEXT, Exchange
from confect_server.transport.http.intake import Intake
from confect_server.transport.http.refusals import REFUSED, refuse

TELEMETRY = "/api/debug_event"
"""Where npm's client tells its makers how it is."""

_BYTES = b"application/octet-stream"
_NAME = b"confect"


class About:
    """Answers the paths at which tools of Convex look what they talk to."""

    def __init__(self, intake: Intake) -> None:
        self._intake = intake
        this = version("confect-py").encode()
        self._texts = {"/version": this, "/instance_version": this, "/instance_name": _NAME}

    async def answer(self, exchange: Exchange) -> bool:
        """Answer a request; False if it is for something else."""
        text = self._texts.get(exchange.path) if exchange.is_reading else None
        if text is not None:
            await exchange.respond(200, TEXT, text)
        elif exchange.method == "POST" and exchange.path == "/echo":
            await self._echo(exchange)
        elif exchange.method == "POST" and exchange.path == TELEMETRY:
            await exchange.respond(200, TEXT, b"")
        else:
            return False
        return True

    async def _echo(self, exchange: Exchange) -> None:
        try:
            body = await self._intake.body(exchange)
        except REFUSED as error:
            await refuse(exchange, error)
        except ClientDisconnect:
            return
        else:
            await exchange.respond(200, _BYTES, body)
