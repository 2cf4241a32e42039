"""Implementations: the logic of declared functions, in groups, in an application."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Generic, Never, TypeAlias, cast, overload

from typing_extensions import TypeVar

from confect_core import GroupSpec, PaginationOptions
from confect_core.errors import ConfectError, SpecError, refuse
from confect_core.spec import (
    ActionSpec,
    DeclaredFunction,
    Group,
    MutationSpec,
    PaginatedQuerySpec,
    QuerySpec,
)
from confect_core.spec.group import group_of
from confect_server import auth, environment
from confect_server.auth import Provider
from confect_server.ctx import ActionCtx, MutationCtx, QueryCtx
from confect_server.db import DataModel
from confect_server.environment import Environment
from confect_server.errors import DuplicateGroup, WrongImplementations
from confect_server.hooks import WriteHook
from confect_server.http import Route, Routes
from confect_server.middleware import Implementations, MiddlewareImpl
from confect_server.scheduler import Cron, cron_mistakes
from confect_server.services import Layers

A = TypeVar("A")
Out = TypeVar("Out")
N = TypeVar("N")
M = TypeVar("M")
A_co = TypeVar("A_co", covariant=True)
Out_co = TypeVar("Out_co", covariant=True)
N_co = TypeVar("N_co", covariant=True, default=Never)

Handler: TypeAlias = Callable[..., Awaitable[object]]


@dataclass(frozen=True, eq=False)
class FunctionImpl(Generic[A_co, Out_co, N_co]):
    """A declared function with its logic; `N` is the union of services that the logic asks for."""

    spec: DeclaredFunction[..., Any, Any]
    handler: Handler

    def _needs(self) -> tuple[A_co, Out_co, N_co]:
        # never called: it is how type checkers learn the variance of A, Out and N
        raise NotImplementedError


@overload
def impl(
    spec: QuerySpec[..., A, Out],
) -> Callable[[Callable[[QueryCtx[N, Any], A], Awaitable[Out]]], FunctionImpl[A, Out, N]]: ...
@overload
def impl(
    spec: PaginatedQuerySpec[..., A, Out],
) -> Callable[
    [Callable[[QueryCtx[N, Any], A, PaginationOptions], Awaitable[Out]]], FunctionImpl[A, Out, N]
]: ...
@overload
def impl(
    spec: MutationSpec[..., A, Out],
) -> Callable[[Callable[[MutationCtx[N, Any], A], Awaitable[Out]]], FunctionImpl[A, Out, N]]: ...
@overload
def impl(
    spec: ActionSpec[..., A, Out],
) -> Callable[[Callable[[ActionCtx[N], A], Awaitable[Out]]], FunctionImpl[A, Out, N]]: ...
def impl(spec: Any) -> Any:
    """Implement one declared function.

    @impl(Notes.get)
    async def get(ctx: QueryCtx, args: ByNote) -> Outcome[Note, NoteNotFound]: ...
    """

    def implement(handler: Handler) -> FunctionImpl[Any, Any, Any]:
        return FunctionImpl(spec, handler)

    return implement


@dataclass(frozen=True, eq=False)
class GroupImpl(Generic[N_co]):
    """The implementations of one group; generated code makes it, so that none can be missing.

    `plain` are the group's plain functions as they are, `data_model` the tables that its handlers
    are given as `ctx.db`.
    """

    path: str
    spec: Group | type[GroupSpec]
    functions: Mapping[str, FunctionImpl[object, object, N_co]]
    plain: Mapping[str, Handler] = field(default_factory=dict[str, Handler])
    data_model: DataModel = field(default_factory=DataModel)

    def __post_init__(self) -> None:
        declared = group_of(self.spec, "the implementation").functions
        given = {**self.functions, **self.plain}
        missing = [name for name in declared if name not in given]
        extra = [name for name in given if name not in declared]
        wrong = [
            name
            for name, function in self.functions.items()
            if name in declared and function.spec is not declared[name]
        ]
        if missing or extra or wrong:
            raise WrongImplementations(self.path, missing, extra, wrong)

    def _needs(self) -> N_co:
        # never called: it is how type checkers learn which services the group asks for
        raise NotImplementedError


@dataclass(frozen=True, eq=False)
class Impl(Generic[N]):
    """The whole application: layers, and groups that ask for no more than these provide.

    app = Impl(live).provide(notes, users)
    """

    layers: Layers[N]
    groups: Mapping[str, GroupImpl[N]] = field(default_factory=dict[str, GroupImpl[N]])
    routes: tuple[Route[N], ...] = ()
    providers: tuple[Provider, ...] = ()
    environments: tuple[type[Environment], ...] = ()
    crons: tuple[Cron, ...] = ()
    middleware: Implementations = field(default_factory=Implementations)
    hooks: tuple[WriteHook[N], ...] = ()

    def provide(self, *groups: GroupImpl[N]) -> Impl[N]:
        """This application with more groups."""
        provided = dict(self.groups)
        mistakes: list[ConfectError] = []
        for group in groups:
            if group.path in provided:
                mistakes.append(DuplicateGroup(group.path))
            provided[group.path] = group
        refuse("the application", mistakes)
        return replace(self, groups=MappingProxyType(provided))

    def behind(self, middleware: MiddlewareImpl[N, M]) -> Impl[N | M]:
        """This application implementing a middleware; groups behind that are provided after."""
        implemented = self.middleware.with_one(middleware)
        # its parameter says what it has, which is more now
        return cast("Impl[N | M]", replace(self, middleware=implemented))

    def watch(self, *hooks: WriteHook[N]) -> Impl[N]:
        """This application running more hooks with its writes, after those that it has."""
        return replace(self, hooks=(*self.hooks, *hooks))

    def serve(self, *routes: Route[N]) -> Impl[N]:
        """This application answering more requests of the web."""
        return replace(self, routes=(*self.routes, *routes))

    def authenticate(self, *providers: Provider) -> Impl[N]:
        """This application taking the tokens of more providers; the first that matches decides.

        app = Impl(live).authenticate(OidcProvider(domain="id.example.com", application_id="app"))
        """
        return replace(self, providers=(*self.providers, *providers))

    def environment(self, *environments: type[Environment]) -> Impl[N]:
        """This application with more settings, which handlers read with `await Env.of(ctx)`."""
        return replace(self, environments=(*self.environments, *environments))

    def recur(self, *crons: Cron) -> Impl[N]:
        """This application running more functions again and again."""
        return replace(self, crons=(*self.crons, *crons))

    def mistakes(self) -> list[SpecError]:
        """Everything in the application that cannot be, now that all of it is loaded."""
        groups = self.groups.items()
        specs = {path: group_of(each.spec, "the implementation") for path, each in groups}
        found = [mistake for spec in specs.values() for mistake in spec.mistakes()]
        found += self.middleware.mistakes(specs)
        model = self.data_model
        found += [mistake for hook in self.hooks for mistake in hook.mistakes(model)]
        found += [mistake for each in self.providers for mistake in auth.mistakes_of(each)]
        found += [m for each in self.environments for m in environment.mistakes_of(each)]
        paths = [f"{path}:{name}" for path, spec in specs.items() for name in spec.functions]
        found += cron_mistakes(self.crons, paths)
        return [*found, *model.mistakes(), *Routes(self.routes).mistakes]

    @property
    def data_model(self) -> DataModel:
        """The tables of the application: every generated group carries the same ones."""
        return next((group.data_model for group in self.groups.values()), DataModel())
