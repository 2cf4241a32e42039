"""`Endpoint`: what one method at one path takes and answers, without its logic."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final, Generic, Literal, Self, TypeAlias, get_args, overload

from pydantic import PydanticUserError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema, PydanticSchemaGenerationError
from typing_extensions import TypeForm, TypeVar

from confect_core.endpoints.errors import (
    BadEndpointPath,
    BadStatus,
    ErrorHasCode,
    NoJson,
    PlainCall,
    StatusOfUndeclared,
    UnknownPathParameter,
)
from confect_core.endpoints.places import PlacedField, names_in, placed_fields
from confect_core.errors import SpecError, TaggedError, Where
from confect_core.outcome import Outcome
from confect_core.refs import ActionRef, MutationRef, QueryRef, Ref
from confect_core.spec.args import Args, NoArgs
from confect_core.spec.call import SchemaCall
from confect_core.spec.declared import Schemas
from confect_core.spec.errors import NotAnError, NotArgs

A = TypeVar("A", bound=Args)
R = TypeVar("R")
E = TypeVar("E", bound=TaggedError)
A_co = TypeVar("A_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
CallableRef: TypeAlias = QueryRef[..., Any] | MutationRef[..., Any] | ActionRef[..., Any]

CODE = "code"
"""The field of an error's JSON that says which one it is."""

_DEFAULT_ERROR_STATUS = 400
_SEGMENT = re.compile(r"[^{}]+|\{[A-Za-z_][A-Za-z0-9_]*\}")


@dataclass(frozen=True, eq=False)
class AnyEndpoint:
    """One method at one path, with what it takes and answers."""

    method: Method
    path: str
    args: type[Args]
    returns: object
    errors: tuple[type[TaggedError], ...]
    status: int
    """The status of a success."""
    summary: str
    where: Where
    statuses: Mapping[type[TaggedError], int] = field(
        default_factory=dict[type[TaggedError], int], kw_only=True
    )
    calls: Ref[..., Any] | None = field(default=None, kw_only=True)
    """The function that answers, if no handler does."""

    @cached_property
    def fields(self) -> tuple[PlacedField, ...]:
        """The arguments, each with the place at which requests carry it."""
        return placed_fields(self.args, self.method, self.path)

    def status_of(self, error: type[TaggedError]) -> int:
        """The status of a declared error: the endpoint's, or else the error's own, or else 400."""
        return self.statuses.get(error) or error.http_status or _DEFAULT_ERROR_STATUS

    def with_status(self, error: type[TaggedError], status: int) -> Self:
        """This endpoint answering one of its errors with a status of its own."""
        return replace(self, statuses=MappingProxyType({**self.statuses, error: status}))

    def early_mistakes(self) -> list[SpecError]:
        """The mistakes that are certain while modules are still being imported."""
        if self.calls is not None and not _is_callable(self.calls):
            return [PlainCall(self.path, self.calls.path, self.where)]
        if not (isinstance(self.args, type) and issubclass(self.args, Args)):  # pyright: ignore[reportUnnecessaryIsInstance]  # users without a type checker
            return [NotArgs(self.args, self.where)]
        return [*self._mistakes_of_path(), *self._mistakes_of_errors()]

    def mistakes(self) -> list[SpecError]:
        """Everything in the endpoint that cannot be, now that all is loaded."""
        early = self.early_mistakes()
        return early or [
            mistake
            for what, annotation in (
                ("args", self.args),
                ("returns", self.returns),
                *((error.tag, error) for error in self.errors),
            )
            for mistake in self._mistakes_of_json(f"{what} of {self.path}", annotation)
        ]

    def _mistakes_of_path(self) -> list[SpecError]:
        problem = _problem_of(self.path)
        if problem is not None:
            return [BadEndpointPath(self.path, problem, self.where)]
        fields = self.args.model_fields
        return [
            UnknownPathParameter(self.path, name, self.args.__name__, self.where)
            for name in names_in(self.path)
            if name not in fields or not fields[name].is_required()
        ]

    def _mistakes_of_errors(self) -> list[SpecError]:
        strangers = [
            NotAnError(error, self.where)
            for error in self.errors
            if not (isinstance(error, type) and issubclass(error, TaggedError))  # pyright: ignore[reportUnnecessaryIsInstance]  # users without a type checker
        ]
        if strangers:
            return [*strangers]
        found: list[SpecError] = [
            StatusOfUndeclared(error.tag, self.where)
            for error in self.statuses
            if error not in self.errors
        ]
        if not 200 <= self.status <= 299:
            found.append(BadStatus("a success", self.status, "200 to 299", self.where))
        for error in self.errors:
            if not 400 <= self.status_of(error) <= 599:
                status = self.status_of(error)
                found.append(BadStatus(error.tag, status, "400 to 599", self.where))
            if CODE in getattr(error, "__dataclass_fields__", {}):
                found.append(ErrorHasCode(error.tag, self.where))
        return found

    def _mistakes_of_json(self, what: str, annotation: Any) -> list[SpecError]:
        try:
            TypeAdapter[Any](annotation).json_schema(mode="serialization")
        except (
            PydanticInvalidForJsonSchema,
            PydanticSchemaGenerationError,
            PydanticUserError,
        ) as error:
            return [NoJson(what, str(error).splitlines()[0], self.where)]
        return []


class EndpointSpec(AnyEndpoint, Generic[A_co, Out_co]):
    """An endpoint whose handler takes `A` and answers `Out`."""

    def _types(self) -> tuple[A_co, Out_co]:
        # never called: it is how type checkers learn the variance of A and Out
        raise NotImplementedError


class CallingEndpoint(AnyEndpoint):
    """An endpoint that answers what a function answers, and has no handler."""


class Verb:
    """Declares endpoints of one method."""

    def __init__(self, method: Method) -> None:
        self._method: Method = method

    @overload
    def __call__(
        self, path: str, /, *, returns: TypeForm[R], status: int = 200, summary: str = ""
    ) -> EndpointSpec[NoArgs, R]: ...
    @overload
    def __call__(
        self,
        path: str,
        /,
        *,
        args: type[A],
        returns: TypeForm[R],
        status: int = 200,
        summary: str = "",
    ) -> EndpointSpec[A, R]: ...
    @overload
    def __call__(
        self,
        path: str,
        /,
        *,
        returns: TypeForm[R],
        error: TypeForm[E],
        status: int = 200,
        summary: str = "",
    ) -> EndpointSpec[NoArgs, Outcome[R, E]]: ...
    @overload
    def __call__(
        self,
        path: str,
        /,
        *,
        args: type[A],
        returns: TypeForm[R],
        error: TypeForm[E],
        status: int = 200,
        summary: str = "",
    ) -> EndpointSpec[A, Outcome[R, E]]: ...
    @overload
    def __call__(
        self,
        path: str,
        /,
        *,
        calls: CallableRef,
        status: int = 200,
        summary: str = "",
    ) -> CallingEndpoint: ...
    def __call__(
        self,
        path: str,
        /,
        *,
        args: Any = NoArgs,
        returns: Any = None,
        error: Any = None,
        status: int = 200,
        summary: str = "",
        calls: CallableRef | None = None,
    ) -> AnyEndpoint:
        """One endpoint at a path; what is named in `{}` is an argument."""
        where = Where.of_caller()
        rest = (status, summary, where)
        if calls is None:
            errors = () if error is None else get_args(error) or (error,)
            return EndpointSpec[Any, Any](self._method, path, args, returns, errors, *rest)
        codec, contract = calls.call, calls.spec.contract
        if not isinstance(codec, SchemaCall) or not isinstance(contract, Schemas):
            return CallingEndpoint(self._method, path, NoArgs, None, (), *rest, calls=calls)
        what = contract.args, contract.returns, codec.errors
        return CallingEndpoint(self._method, path, *what, *rest, calls=calls)


class Endpoint:
    """Constructors of endpoints, one per method.

    `args` is an `Args` model. What the path names travels in the path; the other arguments travel
    in the query of GET and DELETE and as one JSON object in the body of other methods, unless they
    are marked `InQuery` or `InHeader`. `returns` is any type that pydantic has JSON for, `error` a
    `TaggedError` or several joined with `|`, each answered with the status of its class, or that of
    `with_status`, or else 400. With `calls` the endpoint answers what a function answers, and needs
    no handler.

        class NotesApi(HttpApi, prefix="/v1"):
            get = Endpoint.get("/notes/{note_id}", args=ByNote, returns=Note, error=NoteNotFound)
            list_ = Endpoint.get("/notes", calls=refs.public.notes.list)
    """

    get: Final = Verb("GET")
    post: Final = Verb("POST")
    put: Final = Verb("PUT")
    patch: Final = Verb("PATCH")
    delete: Final = Verb("DELETE")


def _is_callable(called: Ref[..., Any]) -> bool:
    is_one = isinstance(called, (QueryRef, MutationRef, ActionRef))
    return is_one and not called.spec.is_plain


def _problem_of(path: str) -> str | None:
    if not path.startswith("/"):
        return "it does not begin with a slash"
    segments = path[1:].split("/")
    if any(not _SEGMENT.fullmatch(each) for each in segments if each):
        return "a parameter is a whole segment with a name in braces"
    names = names_in(path)
    return "it names a parameter twice" if len(names) > len(set(names)) else None
