"""Timestamps as text: 64 bits, little-endian, in base64, because JSON numbers end at 2**53."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as NotBase64
from binascii import b2a_base64

from confect_core.protocol.errors import MalformedMessage

MAX_TS = 2**63 - 1
"""The newest timestamp that the protocol can carry."""


def encode_ts(ts: int) -> str:
    """The text of a timestamp: `encode_ts(1000) == "6AMAAAAAAAA="`."""
    return b2a_base64(ts.to_bytes(8, "little"), newline=False).decode("ascii")


def decode_ts(text: str) -> int:
    """The timestamp that a text stands for; raises `MalformedMessage` when it stands for none."""
    try:
        raw = b64decode(text, validate=True)
    except (NotBase64, ValueError):
        raw = b""
    ts = int.from_bytes(raw, "little")
    if len(raw) != 8 or ts > MAX_TS:
        raise MalformedMessage(f"{text!r} is not a timestamp")
    return ts
