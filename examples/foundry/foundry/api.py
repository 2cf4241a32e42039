"""What build systems call, in ordinary JSON over HTTP, with the token of whoever they work for."""

from __future__ import annotations

from confect_core import Endpoint, HttpApi
from foundry._generated import refs


class CiApi(HttpApi, prefix="/v1"):
    """How far requirements have come, and tasks that builds move.

    Show a token as `Authorization: Bearer …`; what its owner may do, the build may do.
    """

    progress = Endpoint.get(
        "/organisations/{organisation}/requirements/{requirement}",
        calls=refs.public.requirements.progress,
        summary="How far a requirement has come",
    )
    move = Endpoint.post(
        "/organisations/{organisation}/tasks/{task}/moves",
        calls=refs.public.tasks.move,
        status=204,
        summary="Give a task another status",
    )
