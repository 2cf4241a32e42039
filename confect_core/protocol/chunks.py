"""Long Transitions in several frames, for the clients that put them together again.

Each frame holds a part of the Transition's text as a string. Parts are contiguous: nothing but a
Ping may come between them, or the client drops what it has.
"""

from __future__ import annotations

import orjson

LONGEST_FRAME = 5_000_000
"""How many bytes of a Transition travel in one frame."""


def transition_chunks(transition: bytes) -> list[bytes]:
    """The frames in which a Transition travels that is longer than one of them."""
    parts = _parts(transition)
    return [
        orjson.dumps(
            {
                "type": "TransitionChunk",
                "chunk": part.decode(),
                "partNumber": number,
                "totalParts": len(parts),
                "transitionId": str(len(transition)),
            }
        )
        for number, part in enumerate(parts)
    ]


def _parts(text: bytes) -> list[bytes]:
    """The text cut where characters end."""
    parts: list[bytes] = []
    start = 0
    while start < len(text):
        end = start + LONGEST_FRAME
        while end < len(text) and text[end] & 0xC0 == 0x80:  # inside of a character
            end -= 1
        parts.append(text[start:end])
        start = end
    return parts
