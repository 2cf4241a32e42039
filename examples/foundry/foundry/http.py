"""What other systems send: events of GitHub, signed with a secret that both sides know."""

from __future__ import annotations

import hashlib
import hmac

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from confect_server import ActionCtx, route
from foundry._generated import refs
from foundry.environment import Env


@route("POST", "/webhooks/github")
async def github(ctx: ActionCtx, request: Request) -> Response:
    """Store an event and answer at once; it is worked on after that."""
    body = await request.body()
    secret = (await Env.of(ctx)).github_webhook_secret.get_secret_value()
    if not _is_signed(body, request.headers.get("x-hub-signature-256", ""), secret):
        return PlainTextResponse("Invalid signature", 401)
    try:
        payload = body.decode()
        delivery = request.headers["x-github-delivery"]
        kind = request.headers["x-github-event"]
    except (UnicodeDecodeError, KeyError):
        return PlainTextResponse("Not an event", 400)
    receive = refs.internal.sources.receive
    is_new = await ctx.run_mutation(receive, delivery=delivery, kind=kind, payload=payload)
    return PlainTextResponse("Accepted" if is_new else "Known", 202 if is_new else 200)


def _is_signed(body: bytes, signature: str, secret: str) -> bool:
    expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(expected.encode(), signature.encode())
