"""The names that environment variables may have."""

from __future__ import annotations

import re

MAX_NAME_LENGTH = 256

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_name(text: str) -> bool:
    """Can a variable have this name?"""
    return len(text) <= MAX_NAME_LENGTH and _NAME.fullmatch(text) is not None
