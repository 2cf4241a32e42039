"""The constructors of actions: on the server's loop, in a thread, or in a process of its own.

Twelve overloads for each: with arguments or without, with declared errors or without, and three
kinds of handlers, each of which is a class of specs, so that `@impl` knows what it may take.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, overload

from typing_extensions import ParamSpec, TypeForm, TypeVar

from confect_core.errors import TaggedError, Where
from confect_core.outcome import Outcome
from confect_core.spec.args import Args, NoArgs
from confect_core.spec.declared import (
    ActionSpec,
    BlockingActionSpec,
    DeclaredAction,
    Place,
    ProcessActionSpec,
    PublicActionSpec,
    PublicBlockingActionSpec,
    PublicProcessActionSpec,
    Schemas,
)
from confect_core.spec.errors import TwoPlaces

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A", bound=Args)
E = TypeVar("E", bound=TaggedError)


class ActionConstructors:
    """What `FunctionSpec` has for actions.

    A `blocking` action is a plain `def` that runs in a worker thread and is given a ctx whose calls
    block. One of a `process` is a plain `def` of a module, which is given its arguments and nothing
    else and may compute for as long as it likes. `timeout_s` replaces the limit of the settings.
    """

    @overload
    @staticmethod
    def public_action(
        *, returns: TypeForm[R], timeout_s: float | None = None
    ) -> PublicActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def public_action(
        *, returns: TypeForm[R], error: TypeForm[E], timeout_s: float | None = None
    ) -> PublicActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_action(
        *, args: Callable[P, A], returns: TypeForm[R], timeout_s: float | None = None
    ) -> PublicActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        timeout_s: float | None = None,
    ) -> PublicActionSpec[P, A, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_action(
        *, returns: TypeForm[R], blocking: Literal[True], timeout_s: float | None = None
    ) -> PublicBlockingActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        returns: TypeForm[R],
        error: TypeForm[E],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicBlockingActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicBlockingActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicBlockingActionSpec[P, A, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_action(
        *, returns: TypeForm[R], process: Literal[True], timeout_s: float | None = None
    ) -> PublicProcessActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        returns: TypeForm[R],
        error: TypeForm[E],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicProcessActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicProcessActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def public_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> PublicProcessActionSpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def public_action(
        *,
        args: Any = NoArgs,
        returns: Any,
        error: Any = None,
        blocking: bool = False,
        process: bool = False,
        timeout_s: float | None = None,
    ) -> Any:
        """A function with side effects that clients may call."""
        where = Where.of_caller()
        declared = _PUBLIC[_place(where, blocking=blocking, process=process)]
        return declared(Schemas(args, returns, error), where, timeout_s)

    @overload
    @staticmethod
    def internal_action(
        *, returns: TypeForm[R], timeout_s: float | None = None
    ) -> ActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *, returns: TypeForm[R], error: TypeForm[E], timeout_s: float | None = None
    ) -> ActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_action(
        *, args: Callable[P, A], returns: TypeForm[R], timeout_s: float | None = None
    ) -> ActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        timeout_s: float | None = None,
    ) -> ActionSpec[P, A, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_action(
        *, returns: TypeForm[R], blocking: Literal[True], timeout_s: float | None = None
    ) -> BlockingActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        returns: TypeForm[R],
        error: TypeForm[E],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> BlockingActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> BlockingActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        blocking: Literal[True],
        timeout_s: float | None = None,
    ) -> BlockingActionSpec[P, A, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_action(
        *, returns: TypeForm[R], process: Literal[True], timeout_s: float | None = None
    ) -> ProcessActionSpec[[], NoArgs, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        returns: TypeForm[R],
        error: TypeForm[E],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> ProcessActionSpec[[], NoArgs, Outcome[R, E]]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> ProcessActionSpec[P, A, R]: ...
    @overload
    @staticmethod
    def internal_action(
        *,
        args: Callable[P, A],
        returns: TypeForm[R],
        error: TypeForm[E],
        process: Literal[True],
        timeout_s: float | None = None,
    ) -> ProcessActionSpec[P, A, Outcome[R, E]]: ...
    @staticmethod
    def internal_action(
        *,
        args: Any = NoArgs,
        returns: Any,
        error: Any = None,
        blocking: bool = False,
        process: bool = False,
        timeout_s: float | None = None,
    ) -> Any:
        """A function with side effects that only other functions may call."""
        where = Where.of_caller()
        declared = _INTERNAL[_place(where, blocking=blocking, process=process)]
        return declared(Schemas(args, returns, error), where, timeout_s)


_PUBLIC: dict[Place, type[DeclaredAction[..., Any, Any]]] = {
    "loop": PublicActionSpec,
    "thread": PublicBlockingActionSpec,
    "process": PublicProcessActionSpec,
}
_INTERNAL: dict[Place, type[DeclaredAction[..., Any, Any]]] = {
    "loop": ActionSpec,
    "thread": BlockingActionSpec,
    "process": ProcessActionSpec,
}


def _place(where: Where, *, blocking: bool, process: bool) -> Place:
    if blocking and process:
        raise TwoPlaces(where)
    return "process" if process else "thread" if blocking else "loop"
