"""What is stored, against the model that is about to be declared for it."""

from __future__ import annotations

from confect_core import Table
from confect_core.tables import definition_of
from confect_core.values.codec import Codec, Mismatch
from confect_server.engine import Catalog, Document, DocumentCheck
from confect_server.errors import SchemaRefusesDocument


def check_of(table: type[Table]) -> DocumentCheck:
    """What raises `SchemaRefusesDocument` if a stored document does not fit the model."""
    name = definition_of(table).name
    codec = Codec(table, what=name)

    def check(document: Document, catalog: Catalog) -> None:
        try:
            codec.decode(document, catalog)
        except Mismatch as mismatch:
            problem = " ".join(mismatch.problems)
            raise SchemaRefusesDocument(name, str(document["_id"]), problem) from None

    return check
