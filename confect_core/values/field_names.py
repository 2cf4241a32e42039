"""What fields may be called."""

from __future__ import annotations

from collections.abc import Iterable

from confect_core.values.errors import InvalidFieldName, NotAValue
from confect_core.values.limits import MAX_FIELD_NAME_LENGTH, MAX_IDENTIFIER_LENGTH
from confect_core.values.place import Place

SYSTEM_FIELDS = frozenset({"_id", "_creationTime"})
"""The fields that every document has, and the only ones that begin with an underscore."""


def check_field_name(name: str, place: Place = None) -> None:
    """Refuses a name that no field of any object can have; `place` is the object's."""
    if name.startswith("$"):
        raise InvalidFieldName(name, "begins with $, which marks encoded values", place)
    if not (name.isascii() and name.isprintable()):
        raise InvalidFieldName(name, "has characters other than printable ASCII", place)
    if len(name) > MAX_FIELD_NAME_LENGTH:
        raise InvalidFieldName(name, f"is longer than {MAX_FIELD_NAME_LENGTH} characters", place)


def check_field_names(names: Iterable[str], place: Place = None) -> None:
    """Refuses the names of an object if one of them cannot be; looks at all of them at once."""
    try:
        together = "".join(names)
    except TypeError:
        raise NotAValue(names, place) from None
    if (
        len(together) <= MAX_FIELD_NAME_LENGTH
        and "$" not in together
        and together.isascii()
        and together.isprintable()
    ):
        return
    for name in names:
        check_field_name(name, place)


def check_document_field_name(name: str, place: Place = None) -> None:
    """Refuses a name that no field of a document, at its top, can have."""
    if name in SYSTEM_FIELDS:
        return
    if name.startswith("_"):
        raise InvalidFieldName(name, "begins with an underscore, as only system fields do", place)
    if not (name.isascii() and name.isidentifier()):
        raise InvalidFieldName(
            name, "is not a letter followed by letters, digits and underscores", place
        )
    if len(name) > MAX_IDENTIFIER_LENGTH:
        raise InvalidFieldName(name, f"is longer than {MAX_IDENTIFIER_LENGTH} characters", place)
