"""Tokens as an identity provider gives them, for tests of those who show them."""

from __future__ import annotations

import base64

import orjson

NOW_S = 1_800_000_000.0


def token(name: str, *, lasts_s: float = 60, **claims: object) -> str:
    """A token that is issued now; a claim that is None is left out."""
    said = {"sub": name, "iat": NOW_S, "exp": NOW_S + lasts_s, **claims}
    present = {claim: value for claim, value in said.items() if value is not None}
    return f"e30.{base64.urlsafe_b64encode(orjson.dumps(present)).rstrip(b'=').decode()}.e30"


class Provider:
    """Gives one answer after the other, and raises those that are errors."""

    def __init__(self, *answers: str | Exception | None) -> None:
        self.answers = list(answers)

    async def __call__(self) -> str | None:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer
