"""`StoredFile`: what is known of a file, beside its bytes."""

from __future__ import annotations

from typing import ClassVar

from confect_core.table_checks import SYSTEM_FIELDS
from confect_core.tables import Table, system_table


@system_table
class StoredFile(Table, name="storage"):
    """A stored file; `Id[StoredFile]` is how a document names it.

        class Picture(Table):
            title: str
            file: Id[StoredFile]

    Nobody writes these documents by hand: they come with the bytes of the file, and go with them.
    """

    __confect_wire_names__: ClassVar[dict[str, str]] = {
        **SYSTEM_FIELDS,
        "content_type": "contentType",
    }

    sha256: str
    """The digest of the bytes, in base64."""
    size: int
    """How many bytes there are."""
    content_type: str | None = None
    """What the bytes are, as whoever stored them said."""
