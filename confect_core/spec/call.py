"""How the calls of one function travel: its arguments, its result and its declared errors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, cast

from pydantic import ValidationError
from returns.result import Failure, Success

from confect_core.errors import TaggedError
from confect_core.pagination import PaginationOptions
from confect_core.spec.args import Args
from confect_core.spec.declared import Schemas
from confect_core.spec.declared_errors import DeclaredErrors
from confect_core.values.codec import Codec, Mismatch
from confect_core.values.value import Value

ERROR_TAG = "_tag"
"""The field of an encoded error that says which one it is."""

PAGINATION_OPTS = "paginationOpts"
"""The argument of a paginated query that the protocol adds to the declared ones."""

_pagination_options = Codec(PaginationOptions, what=PAGINATION_OPTS)


class CallCodec(ABC):
    """What both ends of a call need to know of a function."""

    @abstractmethod
    def encode_args(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Value:
        """The one object that carries the arguments of a call."""

    @abstractmethod
    def decode_result(self, value: Value) -> object:
        """What the call answers, an `Outcome` where errors are declared."""

    @abstractmethod
    def encode_result(self, result: object) -> Value:
        """What the function answered, as it travels; a `Success` as what it holds."""

    def encode_error(self, error: TaggedError) -> Value | None:
        """The data of a declared error, or nothing if the function does not declare it."""
        del error
        return None

    def decode_error(self, data: Value) -> Failure[TaggedError] | None:
        """The declared error that this error data is, if it is one."""
        del data
        return None


class SchemaCall(CallCodec):
    """The calls of a function with schemas: keyword arguments, checked at both ends.

    `joined` are the errors of the middleware in front of it.
    """

    def __init__(self, schemas: Schemas, joined: DeclaredErrors | None = None) -> None:
        self._schemas = schemas
        own = schemas.declared_errors
        self._errors = own.joined(joined) if joined else own

    @property
    def errors(self) -> tuple[type[TaggedError], ...]:
        """What the call may fail with, by itself or by what is in front of it."""
        return self._errors.classes

    def encode_args(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Value:
        if args:
            raise Mismatch("args", ["Arguments are passed by keyword."])
        try:
            model = self._schemas.args(**kwargs)
        except ValidationError as error:
            raise Mismatch.of("args", error) from None
        return self.encode_model(model)

    def encode_model(self, model: Args) -> Value:
        """The same of arguments that are in their model already."""
        return self._schemas.args_codec.encode(model)

    def decode_args(self, value: Value, context: object = None) -> object:
        """The model that a handler is given; `context` is what validators such as `Id`'s ask."""
        return self._schemas.args_codec.decode(value, context)

    def encode_result(self, result: object) -> Value:
        inner = cast("Success[object]", result).unwrap() if type(result) is Success else result
        return self._schemas.returns_codec.encode(inner)

    def decode_result(self, value: Value) -> object:
        result = self._schemas.returns_codec.decode(value)
        return Success(result) if self._errors.classes else result

    def encode_error(self, error: TaggedError) -> Value | None:
        codec = self._errors.codecs.get(error.tag)
        if codec is None or not isinstance(error, self._errors.classes):
            return None
        fields = cast("dict[str, Value]", codec.encode(error))
        return {ERROR_TAG: error.tag, **fields}

    def decode_error(self, data: Value) -> Failure[TaggedError] | None:
        if not isinstance(data, dict):
            return None
        tag = data.get(ERROR_TAG)
        codec = self._errors.codecs.get(tag) if isinstance(tag, str) else None
        if codec is None:
            return None
        fields = {name: value for name, value in data.items() if name != ERROR_TAG}
        try:
            return Failure(codec.decode(fields))
        except Mismatch:
            return None


class Signature(CallCodec):
    """The calls of a plain function: its parameters and its result, as codegen wrote them down."""

    def __init__(self, *, returns: object, **parameters: object) -> None:
        self._parameters: dict[str, Codec[Any]] = {
            name: Codec(cast("Any", annotation), what=name)
            for name, annotation in parameters.items()
        }
        self._returns: Codec[Any] = Codec(cast("Any", returns), what="returns")

    def encode_args(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Value:
        positional = dict(zip(self._parameters, args, strict=False))
        problems = [f"There is no argument `{each}`." for each in kwargs.keys() - self._parameters]
        problems += [f"Argument `{each}` is given twice." for each in kwargs.keys() & positional]
        if len(args) > len(self._parameters):
            problems.append(f"{len(args)} arguments are too many for {len(self._parameters)}.")
        if problems:
            raise Mismatch("args", sorted(problems))
        given = {**positional, **kwargs}
        return {name: self._parameters[name].encode(value) for name, value in given.items()}

    def decode_result(self, value: Value) -> object:
        return self._returns.decode(value)

    def encode_result(self, result: object) -> Value:
        return self._returns.encode(result)


def with_pagination(args: Value, options: PaginationOptions) -> Value:
    """The arguments of a paginated query, with the page that is asked for."""
    return {**cast("dict[str, Value]", args), PAGINATION_OPTS: _pagination_options.encode(options)}


def without_pagination(args: Value) -> tuple[Value, PaginationOptions]:
    """The declared arguments of a paginated query, and the page that is asked for."""
    fields = dict(args) if isinstance(args, dict) else {}
    if PAGINATION_OPTS not in fields:
        raise Mismatch("args", [f"Object is missing the required field `{PAGINATION_OPTS}`."])
    options = _pagination_options.decode(fields.pop(PAGINATION_OPTS))
    return fields, options
