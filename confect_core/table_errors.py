"""Mistakes that a table can have; each is refused where the table is declared."""

from __future__ import annotations

from confect_core.errors import SpecError, Where
from confect_core.values.limits import MAX_INDEX_FIELDS


class UnknownField(SpecError):
    """An index names a field that its table does not have."""

    def __init__(self, table: str, index: str, field: str, where: Where) -> None:
        super().__init__(
            f"index {index!r} of table {table!r} is on {field!r}, which is no field of it",
            hint="name fields of the model, dotted if nested; creation_time comes last by itself",
            where=where,
        )


class BadIndex(SpecError):
    """An index without fields, with a field twice, or with too many of them."""

    def __init__(self, table: str, index: str, problem: str, where: Where) -> None:
        super().__init__(
            f"index {index!r} of table {table!r} {problem}",
            hint=f"give it 1 to {MAX_INDEX_FIELDS} different fields",
            where=where,
        )


class IndexAsType(SpecError):
    """An index that is called like a builtin stands where the builtin was meant as a type."""

    def __init__(self, where: Where) -> None:
        super().__init__(
            "an index stands where a type was meant: it hides the builtin of its name",
            hint="rename the index; by_ and the names of its fields make a good name",
            where=where,
        )


class NoVariants(SpecError):
    """A table with a discriminator, of which nobody declares a variant."""

    def __init__(self, table: str, discriminator: str, where: Where) -> None:
        super().__init__(
            f"table {table!r} is discriminated by {discriminator!r} and has no variants",
            hint="subclass it in the same module, once for each kind of document, "
            "or remove `discriminator`",
            where=where,
        )


class NoTag(SpecError):
    """A variant whose discriminator is not a field of type `Literal[...]`."""

    def __init__(self, variant: str, discriminator: str, where: Where) -> None:
        super().__init__(
            f"{variant} does not say which variant it is: its field {discriminator!r} is missing, "
            "or is no Literal",
            hint=f'declare it, for example as `{discriminator}: Literal["{variant.lower()}"]`',
            where=where,
        )


class DuplicateVariant(SpecError):
    """Two variants of a table with one tag, so that documents could not be told apart."""

    def __init__(self, variant: str, other: str, tag: object, where: Where) -> None:
        super().__init__(
            f"{variant} and {other} are both tagged {tag!r}",
            hint="give each variant a Literal of its own",
            where=where,
        )


class VariantOfVariant(SpecError):
    """A subclass of a variant; every variant extends the table itself."""

    def __init__(self, variant: str, parent: str, where: Where) -> None:
        super().__init__(
            f"{variant} extends {parent}, which is a variant already",
            hint="let both extend the table, and share fields through a model that is no table",
            where=where,
        )


class VariantElsewhere(SpecError):
    """A variant in another module than its table, which would be complete without it there."""

    def __init__(self, variant: str, table: str, module: str, where: Where) -> None:
        super().__init__(
            f"{variant} is a variant of {table!r}, which is declared in another module",
            hint=f"move it to {module}: whoever imports a table knows all of its variants",
            where=where,
        )


class LateVariant(SpecError):
    """A variant that is declared after a type was made of its table, which lacks it."""

    def __init__(self, variant: str, table: str, where: Where) -> None:
        super().__init__(
            f"{variant} is declared after something used {table!r} as a type",
            hint="declare all variants before the first model that has such a document in a field",
            where=where,
        )


class VariantOption(SpecError):
    """A variant with a name, a discriminator or an index, which are its table's."""

    def __init__(self, variant: str, option: str, table: str, where: Where) -> None:
        super().__init__(
            f"{variant} has {option} of its own, but its documents are in table {table!r}",
            hint=f"move it to the class of the table; if {variant} is to be a table of its own, "
            "let it extend one without a discriminator",
            where=where,
        )


class VariantIsNoTable(SpecError):
    """A variant where a table is asked for."""

    def __init__(self, variant: str, table: str) -> None:
        super().__init__(
            f"{variant} is a variant of table {table!r}, no table",
            hint="name the class that declares the discriminator",
        )
