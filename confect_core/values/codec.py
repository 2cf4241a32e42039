"""`Codec`: a type, and how its values travel."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Generic, cast

from pydantic import PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation
from pydantic_core import (
    ErrorDetails,
    PydanticSerializationError,
    SchemaSerializer,
    SchemaValidator,
)
from typing_extensions import TypeForm, TypeVar

from confect_core.errors import SpecError, ValueRefused, refuse
from confect_core.values.commit_ts import is_pending
from confect_core.values.errors import UnsettledCommitTs
from confect_core.values.uncarryable import Uncarryable
from confect_core.values.value import Value
from confect_core.values.wire_nodes import Node, is_text, strictly
from confect_core.values.wire_schema import WireSchema

T = TypeVar("T")

_WARNING = re.compile(
    r"UnexpectedValue\((.*?)(?: - serialized value may not be as expected.*)?\)$", re.MULTILINE
)


class UnresolvedType(SpecError):
    """An annotation names a type that is not defined where the spec is loaded."""

    def __init__(self, what: str, problem: str) -> None:
        super().__init__(
            f"{what} cannot be resolved: {problem}",
            hint="import the type at run time in the module that declares it, not only for typing",
        )


def early(mistakes: Sequence[SpecError]) -> list[SpecError]:
    """The mistakes that are certain while modules are still being imported.

    A model may name a type that its module defines further down; whether that one is ever defined
    is asked again when everything is loaded.
    """
    return [mistake for mistake in mistakes if not isinstance(mistake, UnresolvedType)]


class Mismatch(ValueRefused):
    """A value does not match the type that it is declared to have."""

    def __init__(self, what: str, problems: Sequence[str]) -> None:
        super().__init__(
            f"{what}: " + "\n".join(problems), hint="compare the value with the declared type"
        )
        self.what = what
        self.problems = tuple(problems)

    @classmethod
    def of(cls, what: str, error: ValidationError) -> Mismatch:
        """The same, from what pydantic says."""
        return cls(what, [_say(each) for each in error.errors()])


@dataclass(frozen=True, slots=True)
class _Compiled:
    python: SchemaValidator
    decoder: SchemaValidator
    encoder: SchemaSerializer
    may_be_pending: bool
    is_text: bool
    """Does a text that is of the type travel as it is? To ask pydantic again takes 1.4 µs."""


class Codec(Generic[T]):
    """Decodes wire values to a type and encodes the type's values; compiled on first use.

    What is stored, and only that, may wait for the timestamp of its commit (`CommitTs`).
    """

    def __init__(self, annotation: TypeForm[T], *, what: str, is_stored: bool = False) -> None:
        self._annotation = annotation
        self._what = what
        self._is_stored = is_stored

    def decode(self, value: Value, context: object = None) -> T:
        """The Python value; `context` is what validators such as `Id`'s may ask."""
        try:
            decoded: T = self._compiled.decoder.validate_python(value, context=context)
        except ValidationError as error:
            raise Mismatch.of(self._what, error) from None
        return decoded

    def decode_all(self, values: Iterable[Value]) -> list[T]:
        """The Python value of each of them."""
        validate = self._compiled.decoder.validate_python
        try:
            return [validate(value) for value in values]
        except ValidationError as error:
            raise Mismatch.of(self._what, error) from None

    def encode(self, value: T) -> Value:
        """The canonical wire value; refuses what is not of the type."""
        compiled = self._compiled
        try:
            checked = compiled.python.validate_python(value, strict=True)
            if compiled.is_text and type(checked) is str:
                return checked
            encoded: Value = compiled.encoder.to_python(checked, by_alias=True, warnings="error")
        except ValidationError as error:
            raise Mismatch.of(self._what, error) from None
        except PydanticSerializationError as error:
            raise Mismatch(self._what, [_say_of_encoding(error)]) from None
        if compiled.may_be_pending and is_pending(encoded):
            raise UnsettledCommitTs
        return encoded

    def mistakes(self) -> list[SpecError]:
        """Everything in the type that cannot cross the wire, with its path."""
        try:
            schema = self.core_schema()
        except SpecError as error:
            return [error]
        rewriting = WireSchema("encode")
        rewriting.rewrite(schema, self._what)
        return rewriting.mistakes

    @cached_property
    def _compiled(self) -> _Compiled:
        refuse(self._what, self.mistakes())
        schema: Any = self.core_schema()
        decoding = WireSchema("decode", is_stored=self._is_stored)
        encoding = WireSchema("encode", is_stored=self._is_stored)
        decode: Any = decoding.rewrite(schema, self._what)
        rewritten = encoding.rewrite(schema, self._what)
        encode: Any = strictly(rewritten)
        # without this flag pydantic-core would take each model's own validator instead of ours
        return _Compiled(
            SchemaValidator(schema),
            SchemaValidator(decode, _use_prebuilt=False),
            SchemaSerializer(encode, _use_prebuilt=False),
            encoding.may_be_pending,
            is_text(rewritten),
        )

    def core_schema(self) -> Node:
        """Pydantic's own schema of the type, which both directions are made from."""
        try:
            adapter = TypeAdapter[Any](_as_in_a_field(self._annotation))
            adapter.rebuild()  # a model may say that it is built on its first use: this is it
            return cast("Node", adapter.core_schema)
        except PydanticSchemaGenerationError as error:
            said = str(error).partition(". ")[0]
            raise Uncarryable(self._what, f"of an unknown type: {said}", "use a model") from None
        except (PydanticUndefinedAnnotation, PydanticUserError) as error:
            raise UnresolvedType(self._what, str(error).splitlines()[0]) from None


def _as_in_a_field(annotation: object) -> Any:
    """The same type; a bare model is taken as it is, one in a field says what it stands for."""
    return Annotated[annotation, "in a field"] if isinstance(annotation, type) else annotation


def _say(error: ErrorDetails) -> str:
    """One problem in the words that Convex clients know."""
    *parents, last = error["loc"] or ("",)
    if error["type"] in ("missing", "missing_argument") and isinstance(last, str):
        return f"Object{_at(parents)} is missing the required field `{last}`."
    if error["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        return f"Object{_at(parents)} contains extra field `{last}` that is not in the validator."
    path = _path(error["loc"])
    return (
        f"Value does not match validator.\nPath: {path or '.'}\n"
        f"Value: {error['input']!r}\nProblem: {error['msg']}"
    )


def _say_of_encoding(error: PydanticSerializationError) -> str:
    """The first of what pydantic-core warns of, the others being about the rest of a union."""
    first = _WARNING.search(str(error))
    return f"Value does not match validator.\nProblem: {first[1] if first else error}"


def _at(parents: Sequence[str | int]) -> str:
    return f" at {_path(parents)}" if parents else ""


def _path(location: Sequence[str | int]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
