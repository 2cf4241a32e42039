"""Handles: functions named by values, which are stored, sent and called later.

    class Job(Table, name="jobs"):
        on_done: MutationHandle[OnDone, None]

    handle = MutationHandle.taking(OnDone).of(refs.internal.mail.done)
    await ctx.run_mutation(job.on_done, OnDone(result="sent"))

A handle is a ref that takes one argument, the model of all arguments of the function that it names:
keywords have no place in an annotation, a model has. It travels as the path of its function, and
its annotation says how its calls travel, wherever it arrives. What comes in a call is refused if it
names no such function of the application. A handle outlives its function: calling it then is
refused with an error of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import (
    Any,
    ClassVar,
    Generic,
    Protocol,
    Self,
    cast,
    get_args,
    get_origin,
    runtime_checkable,
)

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError
from pydantic_core import core_schema as cs
from returns.result import Success
from typing_extensions import ParamSpec, TypeVar

from confect_core.errors import TaggedError, Where
from confect_core.refs import ActionRef, MutationRef, QueryRef, Ref
from confect_core.spec.args import Args
from confect_core.spec.call import CallCodec, SchemaCall
from confect_core.spec.declared import (
    ActionSpec,
    Borrowed,
    DeclaredFunction,
    Kind,
    MutationSpec,
    QuerySpec,
    Schemas,
)
from confect_core.spec.errors import BareHandle
from confect_core.values.codec import Mismatch
from confect_core.values.value import Value
from confect_core.values.wire_schema import NAMES_A_FUNCTION

P = ParamSpec("P")
A = TypeVar("A")
Model = TypeVar("Model")
Out = TypeVar("Out")
Out_co = TypeVar("Out_co", covariant=True)


@runtime_checkable
class FunctionDirectory(Protocol):
    """Knows the functions of an application; what decoding a call asks."""

    def kind_at(self, path: str) -> Kind | None:
        """What the function at a path is, if there is one."""
        ...


class HandleCall(CallCodec):
    """The calls of a handle: one model of all arguments, and the answers of what it names."""

    def __init__(self, model: type[Args], answers: CallCodec) -> None:
        self._model = model
        self._args = SchemaCall(Schemas(model, None, None))
        self._answers = answers

    def encode_args(self, args: tuple[object, ...], kwargs: Mapping[str, object]) -> Value:
        if kwargs or len(args) != 1 or not isinstance(args[0], self._model):
            raise Mismatch("args", [f"A handle is called with one {self._model.__name__}."])
        return self._args.encode_model(args[0])

    def decode_result(self, value: Value) -> object:
        return self._answers.decode_result(value)

    def encode_result(self, result: object) -> Value:
        return self._answers.encode_result(result)

    def encode_error(self, error: TaggedError) -> Value | None:
        return self._answers.encode_error(error)

    def decode_error(self, data: Value) -> Any:
        return self._answers.decode_error(data)


class Handle(Ref[[A], Out_co], Generic[A, Out_co]):
    """A function that is named by a value; equal to every handle of the same function."""

    names_kind: ClassVar[Kind]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Handle) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    @property
    def _identity(self) -> tuple[Kind, str]:
        return self.names_kind, self.path

    @classmethod
    def __get_pydantic_core_schema__(
        cls, source: Any, handler: GetCoreSchemaHandler
    ) -> cs.CoreSchema:
        del handler
        call = _call_of(cls, get_args(source))

        def named(given: object, info: cs.ValidationInfo) -> Handle[Any, Any]:
            if isinstance(given, cls):
                return given
            if not isinstance(given, str):
                raise PydanticCustomError("handle", "Value is no handle of a function")
            _check(cls.names_kind, given, info.context)
            return cls._at(given, call)

        return cs.with_info_plain_validator_function(
            named,
            serialization=cs.plain_serializer_function_ser_schema(_path_of),
            metadata={NAMES_A_FUNCTION: cls.names_kind},
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: cs.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        del schema, handler
        return {"type": "string", "description": f"the path of a {cls.names_kind}"}

    @classmethod
    def _at(cls, path: str, call: CallCodec) -> Self:
        return cls(path, cast("Any", _SPECS[cls.names_kind]), call)


class QueryHandle(Handle[A, Out_co], QueryRef[[A], Out_co], Generic[A, Out_co]):
    """Names a query by a value."""

    names_kind = "query"

    @staticmethod
    def taking(model: Callable[P, Model]) -> HandleOfQuery[P, Model]:
        """A handle of a query whose arguments a model holds."""
        return HandleOfQuery(model)


class MutationHandle(Handle[A, Out_co], MutationRef[[A], Out_co], Generic[A, Out_co]):
    """Names a mutation by a value."""

    names_kind = "mutation"

    @staticmethod
    def taking(model: Callable[P, Model]) -> HandleOfMutation[P, Model]:
        """A handle of a mutation whose arguments a model holds."""
        return HandleOfMutation(model)


class ActionHandle(Handle[A, Out_co], ActionRef[[A], Out_co], Generic[A, Out_co]):
    """Names an action by a value."""

    names_kind = "action"

    @staticmethod
    def taking(model: Callable[P, Model]) -> HandleOfAction[P, Model]:
        """A handle of an action whose arguments a model holds."""
        return HandleOfAction(model)


# One class for each kind: type checkers compare the model with the parameters of a ref only where
# these are settled before the ref comes.


class HandleOfQuery(Generic[P, Model]):
    """Makes handles of queries that take what a model holds."""

    def __init__(self, model: Callable[P, Model]) -> None:
        self._model = model

    def of(self, ref: QueryRef[P, Out]) -> QueryHandle[Model, Out]:
        """The handle of the query that a ref names."""
        return QueryHandle[Model, Out]._at(ref.path, _call_to(self._model, ref))


class HandleOfMutation(Generic[P, Model]):
    """Makes handles of mutations that take what a model holds."""

    def __init__(self, model: Callable[P, Model]) -> None:
        self._model = model

    def of(self, ref: MutationRef[P, Out]) -> MutationHandle[Model, Out]:
        """The handle of the mutation that a ref names."""
        return MutationHandle[Model, Out]._at(ref.path, _call_to(self._model, ref))


class HandleOfAction(Generic[P, Model]):
    """Makes handles of actions that take what a model holds."""

    def __init__(self, model: Callable[P, Model]) -> None:
        self._model = model

    def of(self, ref: ActionRef[P, Out]) -> ActionHandle[Model, Out]:
        """The handle of the action that a ref names."""
        return ActionHandle[Model, Out]._at(ref.path, _call_to(self._model, ref))


def _unknown() -> Any:
    raise NotImplementedError


_HERE = Where(__file__, 1)
_SPECS: dict[Kind, DeclaredFunction[..., Any, Any]] = {
    "query": QuerySpec(Borrowed(_unknown), _HERE),
    "mutation": MutationSpec(Borrowed(_unknown), _HERE),
    "action": ActionSpec(Borrowed(_unknown), _HERE),
}
"""What a handle knows of the function that it names."""


def _call_to(model: Callable[..., object], ref: Ref[..., object]) -> CallCodec:
    return HandleCall(cast("type[Args]", model), ref.call)


def _call_of(handle: type[Handle[Any, Any]], types: tuple[Any, ...]) -> CallCodec:
    """How calls travel, from the annotation of a handle."""
    if len(types) != 2 or not (isinstance(types[0], type) and issubclass(types[0], Args)):
        raise BareHandle(handle.__name__)
    model, answer = types
    inside = get_args(answer)
    if inside and get_origin(inside[0]) is Success:
        (returns,), (error,) = map(get_args, inside)
        return HandleCall(model, SchemaCall(Schemas(model, returns, error)))
    return HandleCall(model, SchemaCall(Schemas(model, answer, None)))


def _check(kind: Kind, path: str, context: object) -> None:
    if isinstance(context, FunctionDirectory) and context.kind_at(path) != kind:
        raise PydanticCustomError(
            "handle", "There is no {kind} at '{path}'", {"kind": kind, "path": path}
        )


def _path_of(handle: Handle[Any, Any]) -> str:
    return handle.path
