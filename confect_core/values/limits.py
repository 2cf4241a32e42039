"""How large values may be; the same numbers everywhere, so that every store and client agrees."""

from __future__ import annotations

from typing import Final

INT64_MIN: Final = -(2**63)
INT64_MAX: Final = 2**63 - 1
MAX_SAFE_INTEGER: Final = 2**53 - 1
"""Beyond this a float64 does not carry every whole number."""

MAX_NESTING: Final = 64
"""Containers inside each other in any value; a leaf has none."""
MAX_DOCUMENT_NESTING: Final = 16
"""The same for documents; the document itself is the first."""
MAX_ARRAY_LENGTH: Final = 8192
MAX_FIELDS: Final = 1024
MAX_FIELD_NAME_LENGTH: Final = 1024
MAX_IDENTIFIER_LENGTH: Final = 64

MAX_DOCUMENT_SIZE: Final = 2**20
MAX_VALUE_SIZE: Final = 32 * 2**20
