"""What the test issuer answers over HTTP."""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from chat.environment import Env, local_issuer
from confect_server import ActionCtx, route


class _Asked(BaseModel):
    name: str = Field(min_length=1, max_length=40)


@route("POST", "/test-issuer/token")
async def token(ctx: ActionCtx, request: Request) -> Response:
    """A token for whoever says a name; 404 where there is a real provider, or none."""
    env = await Env.of(ctx)
    issuer = local_issuer(env)
    if issuer is None:
        return PlainTextResponse("There is no test issuer here", 404)
    try:
        asked = _Asked.model_validate_json(await request.body())
    except ValidationError as error:
        return PlainTextResponse(str(error), 422)
    lasts = timedelta(seconds=env.test_token_s)
    return JSONResponse({"token": issuer.token(asked.name, ctx.now(), lasts)})
