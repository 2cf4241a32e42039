"""Mistakes that a spec can have; each is refused where the spec is written."""

from __future__ import annotations

from collections.abc import Iterable

from confect_core.errors import SpecError, Where


class BadName(SpecError):
    """A name that the wire cannot carry."""

    def __init__(self, what: str, name: str, where: Where | None = None) -> None:
        super().__init__(
            f"no {what} can be called {name!r}",
            hint="use a letter followed by at most 63 letters, digits and underscores",
            where=where,
        )


class ReservedName(SpecError):
    """A name that already means something else where it would be used."""

    def __init__(
        self, what: str, name: str, because: str, hint: str, where: Where | None = None
    ) -> None:
        super().__init__(f"no {what} can be called {name!r}: {because}", hint=hint, where=where)


class DuplicateName(SpecError):
    """Two functions, two groups or two tables of one name."""

    def __init__(self, what: str, name: str, inside: str, where: Where | None = None) -> None:
        super().__init__(
            f"{inside} has two {what} called {name!r}", hint="rename one of them", where=where
        )


class FunctionAndGroup(SpecError):
    """A name that is both a function and a group, so that a ref would be ambiguous."""

    def __init__(self, name: str, inside: str, where: Where | None = None) -> None:
        super().__init__(
            f"{inside} has both a function and a group called {name!r}",
            hint="rename one of them",
            where=where,
        )


class NotArgs(SpecError):
    """The `args` of a function are no `Args` model."""

    def __init__(self, given: object, where: Where | None = None) -> None:
        super().__init__(
            f"args={given!r} is no Args model",
            hint="subclass confect_core.Args and list the arguments as its fields",
            where=where,
        )


class AliasedArgument(SpecError):
    """A field of an `Args` model has an alias, so callers would not know its name."""

    def __init__(self, model: str, field: str, where: Where | None = None) -> None:
        super().__init__(
            f"{model}.{field} has an alias",
            hint="remove the alias: arguments are passed under the names of the fields",
            where=where,
        )


class DeclaredPaginationOpts(SpecError):
    """A field called `pagination_opts`, which paginated queries get by themselves."""

    def __init__(self, model: str, where: Where | None = None) -> None:
        super().__init__(
            f"{model} declares pagination_opts",
            hint="remove the field and use FunctionSpec.public_paginated_query, which adds it",
            where=where,
        )


class OpenArgs(SpecError):
    """An `Args` model that accepts fields which it does not declare."""

    def __init__(self, model: str, where: Where | None = None) -> None:
        super().__init__(
            f"{model} does not forbid extra fields",
            hint="remove `extra` from its model_config: unknown arguments must be refused",
            where=where,
        )


class NotAnError(SpecError):
    """The declared error of a function is no `TaggedError`."""

    def __init__(self, given: object, where: Where | None = None) -> None:
        super().__init__(
            f"error={given!r} is no TaggedError",
            hint="subclass confect_core.TaggedError; join several with `|`",
            where=where,
        )


class DuplicateTag(SpecError):
    """Two declared errors of one function have one tag, so callers could not tell them apart."""

    def __init__(self, tag: str, where: Where | None = None) -> None:
        super().__init__(f"two errors are tagged {tag!r}", hint="rename one class", where=where)


class TwoPlaces(SpecError):
    """An action that should run both in a thread and in a process."""

    def __init__(self, where: Where | None = None) -> None:
        super().__init__(
            "an action cannot be blocking and of a process too",
            hint="say blocking=True if it waits for others, process=True if it computes",
            where=where,
        )


class BadTimeout(SpecError):
    """A timeout that is no positive number of seconds."""

    def __init__(self, timeout_s: float, where: Where | None = None) -> None:
        super().__init__(
            f"an action cannot be given {timeout_s} seconds",
            hint="say how many seconds it may take; without timeout_s it is the settings' limit",
            where=where,
        )


class NoSignature(SpecError):
    """A ref to a plain function that does not say what the function takes and answers."""

    def __init__(self, path: str, where: Where | None = None) -> None:
        super().__init__(
            f"{path} is a plain function, and its ref has no signature",
            hint="run `confect codegen`, which writes the signature down",
            where=where,
        )


class BareHandle(SpecError):
    """An annotation with a handle that does not say what the function takes and answers."""

    def __init__(self, handle: str, where: Where | None = None) -> None:
        super().__init__(
            f"{handle} does not say what the function takes and answers",
            hint=f"write {handle}[<an Args model>, <its result>]",
            where=where,
        )


class NotASpec(SpecError):
    """Something in a group that is neither a function spec nor a group."""

    def __init__(self, given: object, inside: str, where: Where | None = None) -> None:
        super().__init__(
            f"{given!r} is no group and no function spec, but was added to {inside}",
            hint="use FunctionSpec.public_query(...) and its siblings, or GroupSpec",
            where=where,
        )


class NotMiddleware(SpecError):
    """Something that a function is put behind, or that is implemented, which is no middleware."""

    def __init__(self, function: str, given: object, where: Where | None = None) -> None:
        shown: object = getattr(given, "__name__", given)
        super().__init__(
            f"{function} is put behind {shown}, which is no middleware",
            hint="name a class that extends confect_core.Middleware, the class itself",
            where=where,
        )


class NotProvidable(SpecError):
    """What a middleware provides or requires is no `Provided`."""

    def __init__(self, middleware: str, given: object, where: Where | None = None) -> None:
        super().__init__(
            f"{middleware} names {given!r}, which no function could ask its ctx for",
            hint="let the class of the value extend confect_core.Provided",
            where=where,
        )


class UnknownKind(SpecError):
    """A middleware for a kind of functions that does not exist."""

    def __init__(
        self, middleware: str, given: object, known: Iterable[str], where: Where | None = None
    ) -> None:
        super().__init__(
            f"{middleware} is for {given!r}, which is no kind of function",
            hint=f"write kinds= with some of {', '.join(known)}",
            where=where,
        )


class BehindTwice(SpecError):
    """A function that is behind the same middleware twice, perhaps by its group and by itself."""

    def __init__(self, function: str, middleware: str, where: Where | None = None) -> None:
        super().__init__(
            f"{function} is behind {middleware} twice",
            hint="name it once, for the function or for its group",
            where=where,
        )


class UncoveredKind(SpecError):
    """A function behind a middleware that is not for functions of its kind."""

    def __init__(
        self,
        function: str,
        kind: str,
        middleware: str,
        kinds: Iterable[str],
        where: Where | None = None,
    ) -> None:
        super().__init__(
            f"{function} is of kind {kind!r}, and {middleware} is for {', '.join(sorted(kinds))}",
            hint=f"add {kind!r} to the kinds of {middleware}, or put the function into a group "
            "that is not behind it",
            where=where,
        )


class ArgsNotExtended(SpecError):
    """A function behind a middleware that looks at arguments which the function does not take."""

    def __init__(
        self,
        function: str,
        args: type[object],
        middleware: str,
        takes: type[object],
        where: Where | None = None,
    ) -> None:
        super().__init__(
            f"{function} takes {args.__name__}, and {middleware} looks at those of "
            f"{takes.__name__}",
            hint=f"let its arguments extend them, class ...({takes.__name__}), or put the function "
            "into a group that is not behind it",
            where=where,
        )


class PlainBehind(SpecError):
    """A plain function behind middleware, whose errors it could not declare."""

    def __init__(self, function: str, middleware: str, where: Where | None = None) -> None:
        super().__init__(
            f"{function} is a plain function, and cannot be behind {middleware}",
            hint="give it schemas, or put it into a group that is not behind middleware",
            where=where,
        )


class UnmetRequirement(SpecError):
    """A middleware that requires what none before it provides."""

    def __init__(
        self, function: str, middleware: str, required: str, where: Where | None = None
    ) -> None:
        super().__init__(
            f"{function} is behind {middleware}, which requires {required}",
            hint=f"put a middleware that provides {required} before it",
            where=where,
        )
