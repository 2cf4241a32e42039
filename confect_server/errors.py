"""What the server refuses; each is a class of its own."""

from __future__ import annotations

from collections.abc import Sequence

from confect_core.errors import CallError, ConfectError, DatabaseError, SpecError, Where


class MissingService(ConfectError):
    """A handler takes a service that no layer provides."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"no layer provides {service}",
            hint=f"add it with layers().add({service}, ...), and run the type checker",
        )


class ServiceNotProvided(SpecError):
    """Handlers that ask for a service which no layer provides."""

    def __init__(self, service: str, asking: Sequence[str], where: Where | None) -> None:
        super().__init__(
            f"no layer provides {service}, which {', '.join(asking)} ask for",
            hint=f"add it with layers().add({service}, ...), and run the type checker",
            where=where,
        )


class SettingsNotDeclared(SpecError):
    """An identity provider that settings name which the application does not have."""

    def __init__(self, settings: str, where: Where) -> None:
        super().__init__(
            f"an identity provider is named by {settings}, which the application does not declare",
            hint=f"write Impl(...).environment({settings})",
            where=where,
        )


class LayerTooEarly(SpecError):
    """A layer that takes a service which no layer before it provides."""

    def __init__(self, service: str, needed: str) -> None:
        super().__init__(
            f"the layer of {service} takes {needed}, which no layer before it provides",
            hint=f"add {needed} before {service}: layers are opened in the order they were added",
        )


class NothingToReplace(ConfectError):
    """A replacement of a service that no layer provides."""

    def __init__(self, service: str, provided: Sequence[str]) -> None:
        super().__init__(
            f"no layer provides {service}, so nothing can take its place",
            hint=f"replace one of {', '.join(provided) or 'none'}, or add it",
        )


class EmptyLayer(ConfectError):
    """A layer that ends before it has yielded its service."""

    def __init__(self, service: str) -> None:
        super().__init__(
            f"the layer of {service} yields nothing",
            hint="write an async generator that yields the service once",
        )


class WrongImplementations(ConfectError):
    """Implementations that do not fit the spec of their group."""

    def __init__(
        self, group: str, missing: Sequence[str], extra: Sequence[str], wrong: Sequence[str]
    ) -> None:
        told = [
            f"{what} {', '.join(names)}"
            for what, names in (("misses", missing), ("adds", extra), ("swaps", wrong))
            if names
        ]
        super().__init__(
            f"the implementation of {group!r} {'; '.join(told)}",
            hint="run `confect codegen` and pass one @impl for each function of the group",
        )


class DuplicateGroup(ConfectError):
    """A group that is provided twice."""

    def __init__(self, group: str) -> None:
        super().__init__(f"group {group!r} is provided twice", hint="provide it once")


class NotProvided(ConfectError):
    """A handler takes a value that no middleware before it provides."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"no middleware before this function provides {what}",
            hint="put the function or its group behind the middleware that provides it, and run "
            "the type checker",
        )


class MissingMiddleware(SpecError):
    """Functions behind a middleware that the application does not implement for their kind."""

    def __init__(
        self, middleware: str, kind: str, functions: Sequence[str], where: Where | None = None
    ) -> None:
        several = f"{functions[0]} and {len(functions) - 1} more" if functions[1:] else functions[0]
        super().__init__(
            f"nothing implements {middleware} for the {kind} {several}",
            hint=f"implement it with @middleware({middleware}), and pass that to Impl.behind",
            where=where,
        )


class ExtraMiddleware(SpecError):
    """An implemented middleware that no function is behind."""

    def __init__(self, middleware: str, where: Where | None = None) -> None:
        super().__init__(
            f"{middleware} is implemented, and no function of its kinds is behind it",
            hint=f"put a group behind it, `behind=[{middleware}]`, or leave out the implementation",
            where=where,
        )


class DuplicateMiddleware(SpecError):
    """A middleware that is implemented twice for one kind of functions."""

    def __init__(self, middleware: str, kind: str, where: Where | None = None) -> None:
        super().__init__(
            f"{middleware} is implemented twice for the kind {kind!r}",
            hint="give the application one implementation for each kind",
            where=where,
        )


class ProceededTwice(ConfectError):
    """A middleware that runs the function behind it a second time."""

    def __init__(self, middleware: str, where: Where) -> None:
        super().__init__(
            f"{middleware} proceeds a second time",
            hint="await proceed() once: a call has one answer",
            where=where,
        )


class NotItsAnswer(ConfectError):
    """A middleware that answers something other than what its function has answered."""

    def __init__(self, middleware: str, where: Where) -> None:
        super().__init__(
            f"{middleware} answers what is neither the answer of proceed() nor a Failure",
            hint="return what `await proceed()` gave, or a Failure of a declared error",
            where=where,
        )


class NotWhatItProvides(ConfectError):
    """A middleware that gives something other than it says it provides."""

    def __init__(self, middleware: str, provides: str, given: object, where: Where) -> None:
        super().__init__(
            f"{middleware} provides {provides}, and gives {given!r}",
            hint=f"answer, or proceed with, an instance of {provides}",
            where=where,
        )


class MissingImplementation(ConfectError):
    """A declared function that nothing implements."""

    def __init__(self, path: str, where: Where) -> None:
        super().__init__(
            f"{path} is declared and not implemented",
            hint="provide its group with FunctionImpl.make(<its spec>, <a handler>)",
            where=where,
        )


class ExtraImplementation(ConfectError):
    """An implementation of what is not declared where it is provided."""

    def __init__(self, what: str, inside: str, where: Where) -> None:
        super().__init__(
            f"{what} is provided to {inside}, which declares nothing of the kind",
            hint="provide it to the group that declares it, or declare it",
            where=where,
        )


class DuplicateImplementation(ConfectError):
    """A function or a group that is provided twice."""

    def __init__(self, path: str, first: Where, where: Where) -> None:
        super().__init__(
            f"{path} is implemented twice, first at {first}", hint="provide it once", where=where
        )


class BadPlainFunction(SpecError):
    """A plain function that no call could be made of."""

    def __init__(self, function: str, problem: str, where: Where) -> None:
        super().__init__(
            f"{function} cannot be a plain function: {problem}",
            hint="write `async def`, a ctx first, then parameters and a result with annotations "
            "that are imported at run time",
            where=where,
        )


class PlainMismatch(SpecError):
    """A plain function behind a spec of another kind or visibility."""

    def __init__(self, path: str, is_a: str, declared: str, where: Where) -> None:
        super().__init__(
            f"{path} is declared as {declared}, but its function is {is_a}",
            hint="let the decorator of the function and the constructor of its spec say the same",
            where=where,
        )


class FunctionNotFound(CallError):
    """A call of a function that does not exist, or that the caller may not know of."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"Could not find public function for '{path}'.",
            hint="check the path; internal functions are called from other functions only",
        )


class WrongKind(CallError):
    """A call of a function as something that it is not."""

    def __init__(self, path: str, called_as: str, is_a: str) -> None:
        super().__init__(
            f"Trying to execute {path} as {called_as}, but it is defined as {is_a}.",
            hint=f"call it as {is_a.lower()}",
        )


class RefOfOtherKind(ConfectError):
    """A function that another one calls as what it is not."""

    def __init__(self, path: str, called_as: str, is_a: str) -> None:
        method = {"paginated query": "run_page"}.get(is_a, f"run_{is_a}")
        super().__init__(
            f"{path} is called as a {called_as}, but its ref says that it is a {is_a}",
            hint=f"call it with ctx.{method}(...), and run the type checker",
        )


class MutationInQuery(ConfectError):
    """A query that calls a mutation."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"a query cannot call the mutation {path}: it reads one snapshot and is run again "
            "whenever that changes",
            hint="make the caller a mutation, or let the client call the mutation",
        )


class ActionInTransaction(ConfectError):
    """A query or a mutation that calls an action."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"a query or a mutation cannot call the action {path}: a transaction may run several "
            "times, and what an action does in the world is done each time",
            hint="schedule it from the mutation, ctx.scheduler.run_after(...), or make the caller "
            "an action, which calls queries and mutations",
        )


class FunctionGone(ConfectError):
    """A handle of a function that the application no longer has, or has as something else."""

    def __init__(self, path: str, kind: str) -> None:
        super().__init__(
            f"a handle names the {kind} {path}, which the application does not have any more",
            hint="keep a function under its path for as long as handles of it are stored, and let "
            "the old one call the new one",
        )


class ActionTimedOut(ConfectError):
    """An action took longer than it may, and was cancelled where it waited."""

    def __init__(self, path: str, limit_s: float) -> None:
        super().__init__(
            f"{path} took longer than {limit_s:g} s and was cancelled",
            hint="give its spec another timeout_s, or raise timeout_s in [tool.confect.actions]",
        )


class ActionStopped(ConfectError):
    """An action that was still running when the server had waited for long enough to stop."""

    def __init__(self, path: str, grace_s: float) -> None:
        super().__init__(
            f"{path} was cancelled {grace_s:g} s after the server began to stop",
            hint="call it again if it may run twice, or raise grace_s in [tool.confect.actions]",
        )


class NoOpenTelemetry(ConfectError):
    """The settings ask for spans, and what makes them is not installed."""

    def __init__(self) -> None:
        super().__init__(
            "opentelemetry is set in [tool.confect.observing], and is not installed",
            hint="install confect-py[server,otel], or leave the setting out",
        )


class UndeclaredError(ConfectError):
    """A handler failed with a `TaggedError` that its spec does not declare."""

    def __init__(self, path: str, error: str) -> None:
        super().__init__(
            f"{path} failed with {error}, which its spec does not declare",
            hint="add the error to `error=` of the function's spec",
        )


class NotWatchable(SpecError):
    """A write hook of something that is no table of the application."""

    def __init__(self, hook: str, given: object, where: Where) -> None:
        shown: object = getattr(given, "__name__", given)
        super().__init__(
            f"{hook} watches {shown}, which is no table of the application",
            hint="watch the class of a table in the tables module, @on_write(Note); by its name "
            "only one that no class declares, if undeclared_tables are allowed",
            where=where,
        )


class PartlyWatched(SpecError):
    """A write hook of some variants of a table, which would be given the others, too."""

    def __init__(self, hook: str, table: str, missing: Sequence[str], where: Where) -> None:
        super().__init__(
            f"{hook} watches some variants of {table!r}, but not {', '.join(missing)}",
            hint="name the class of the table, or all of its variants joined with |",
            where=where,
        )


class HooksTooDeep(DatabaseError):
    """Write hooks whose own writes run hooks, and so on, too deep."""

    def __init__(self, table: str, hooks: Sequence[str], limit: int) -> None:
        super().__init__(
            f"a write to {table!r} runs hooks inside more than {limit} others: {' > '.join(hooks)}",
            hint="let the hook write only what changes something, for other writes run no hooks; "
            "calls of functions count as well, see `nesting` in [tool.confect.limits]",
        )


class NotDeterministic(ConfectError):
    """A query that answers one thing and then another, though it was given the same."""

    def __init__(self, path: str, first: str, second: str, reason: str) -> None:
        super().__init__(
            f"{path} ran twice on the same data: {first} the first time, and {second} the second",
            hint=f"{reason}; an answer is shared until what it read is written",
        )


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
