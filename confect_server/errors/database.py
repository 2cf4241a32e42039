"""What the database refuses to read and to write."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import DatabaseError, Where


class NoSuchDocument(DatabaseError):
    """A write to a document that does not exist."""

    def __init__(self, doing: str, id: str) -> None:
        super().__init__(
            f"cannot {doing} {id}: there is no such document",
            hint="get it first, or it was deleted in between",
        )


class UnknownVariant(DatabaseError):
    """A document whose discriminator names no variant of its table."""

    def __init__(
        self, table: str, discriminator: str, given: object, known: Sequence[object]
    ) -> None:
        super().__init__(
            f"no variant of {table!r} has {discriminator}={given!r}",
            hint=f"give {discriminator} as one of {', '.join(map(repr, known))}",
        )


class SchemaRefusesDocument(DatabaseError):
    """A stored document that the newly declared model of its table does not take."""

    def __init__(self, table: str, id: str, problem: str) -> None:
        super().__init__(
            f"document {id} of table {table!r} does not fit its model: {problem}",
            hint="give a new field a default or make it optional, or change the stored document "
            "with the old model first; nothing was changed",
        )
        self.table = table
        self.id = id
        self.problem = problem


class NotUnique(DatabaseError):
    """A query for the one document found several."""

    def __init__(self, table: str, index: str) -> None:
        super().__init__(
            f"unique() found more than one document of {table!r} by {index}",
            hint="use first(), or make the fields unique where documents are inserted",
        )


class InvalidCursor(DatabaseError):
    """A cursor of another query, or one that this database has not given; page one has none."""

    def __init__(self) -> None:
        super().__init__(
            "the cursor is not one of this query",
            hint="begin again at the first page; the query or its arguments have changed",
        )


class NoField(DatabaseError):
    """A path in `field_of` that leads to no field of the model."""

    def __init__(self, model: str, found: str) -> None:
        super().__init__(
            f"field_of({model}, ...) leads to {found!r}, which is no field of {model}",
            hint="only name a field in the lambda, `lambda note: note.address.city`; compare the "
            "field outside of it, and go on behind one that may be None with present(...)",
        )


class ExpressionIsNoBool(DatabaseError):
    """An expression where Python asks whether something is true, which no document has told yet."""

    def __init__(self, expression: str) -> None:
        super().__init__(
            f"{expression} is neither true nor false before a document is looked at",
            hint="join conditions with &, | and ~ instead of and, or and not, each comparison in "
            "parentheses, and pass the whole to filter()",
        )


class NotNumbers(DatabaseError):
    """A filter calculates with what is not two numbers or two int64, or has no int64 result."""

    def __init__(self, symbol: str, operands: Sequence[object]) -> None:
        shown = f" {symbol} ".join(map(repr, operands))
        super().__init__(
            f"a filter cannot calculate {shown if len(operands) > 1 else symbol + shown}",
            hint="calculate with two numbers or with two Int64 that stay within 64 bits; leave out "
            "other documents by a condition before it",
        )


class BadPageSize(DatabaseError):
    """A page of no items, or of too many."""

    def __init__(self, asked: int, most: int) -> None:
        super().__init__(
            f"a page cannot have {asked} items",
            hint=f"ask for 1 to {most} items in num_items",
        )


class SecondPage(DatabaseError):
    """A second page in one run of a function."""

    def __init__(self) -> None:
        super().__init__(
            "a function can read one page only each time it runs",
            hint="use take() for other queries, or call a function of its own for each page",
        )


class BadRange(DatabaseError):
    """Bounds that are no range of an index."""

    def __init__(self, table: str, index: str, problem: str) -> None:
        super().__init__(
            f"{problem} is no range of index {index!r} of {table!r}",
            hint="give equal values for leading fields, then at most one Range for the next field",
        )


class UnknownIndex(DatabaseError):
    """A query by an index that its table does not declare."""

    def __init__(self, table: str, index: str, known: Sequence[str]) -> None:
        super().__init__(
            f"{table!r} has no index {index!r}",
            hint=f"use one of {', '.join(known)}, or declare it in the class of the table",
        )


class WrongTable(DatabaseError):
    """An id of one table where a document of another is read or written."""

    def __init__(self, id: str, wanted: str, found: str) -> None:
        super().__init__(
            f"id {id!r} is of table {found!r}, not of {wanted!r}",
            hint="use ctx.db.get for ids of any table, or normalize_id for text of any origin",
        )


class DeclaredTable(DatabaseError):
    """Access without types to a table that has them."""

    def __init__(self, table: str) -> None:
        super().__init__(
            f"{table!r} is a declared table",
            hint=f"use ctx.db.{table}, whose documents are checked",
        )


class UnknownTable(DatabaseError):
    """A table or an id of a table that the schema does not declare."""

    def __init__(self, what: str, where: Where | None = None) -> None:
        super().__init__(
            f"{what} is of no declared table",
            hint="declare the table in a tables module and run `confect codegen`",
            where=where,
        )
