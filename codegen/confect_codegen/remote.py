"""`Server`: a running server, as the command line calls it."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import httpx2
import orjson

from confect_codegen.errors import BadArguments, BadUser, CallFailed, ServerUnreachable
from confect_core.protocol import (
    CallRefused,
    CallRequest,
    CallSucceeded,
    FunctionPath,
    ResultFormat,
    encode_call,
    parse_call_response,
)
from confect_core.values import Json
from confect_core.values.absent import ABSENT

_TIMEOUT_S = 60.0


class Server:
    """Calls any function of a server whose admin key is known."""

    def __init__(
        self, url: str, admin_key: str, hear: Callable[[str], None] = lambda _: None
    ) -> None:
        self._url = url
        self._admin_key = admin_key
        self._hear = hear

    def call(self, path: str, args: str, acting_as: str | None = None) -> str:
        """What a function answers to these JSON arguments, as readable JSON.

        `acting_as` is who is said to call: a JSON object with issuer and subject. What the function
        says on the way is heard line by line, if the server tells it.
        """
        request = CallRequest(
            FunctionPath.parse(path), _object(args, BadArguments), ResultFormat.CLEAN
        )
        headers = {
            "Authorization": f"Convex {self._admin_key}{_user(acting_as)}",
            "Content-Type": "application/json",
        }
        try:
            response = httpx2.post(
                f"{self._url}/api/function",
                content=encode_call(request),
                headers=headers,
                timeout=_TIMEOUT_S,
            )
        except httpx2.TransportError as error:
            raise ServerUnreachable(self._url, str(error)) from None
        answer = parse_call_response(response.content)
        if isinstance(answer, CallRefused):
            raise CallFailed(path, answer.message, None)
        for line in answer.log_lines:
            self._hear(line)
        if isinstance(answer, CallSucceeded):
            return _readable(answer.value)
        data = None if answer.error_data is ABSENT else _readable(answer.error_data)
        raise CallFailed(path, answer.message, data)


def _object(text: str, refusal: type[BadArguments | BadUser]) -> dict[str, Json]:
    try:
        tree: Json = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise refusal(text, str(error)) from None
    if not isinstance(tree, dict):
        raise refusal(text, "it is not an object")
    return tree


def _user(acting_as: str | None) -> str:
    if acting_as is None:
        return ""
    return f":{b64encode(orjson.dumps(_object(acting_as, BadUser))).decode()}"


def _readable(value: Json) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
