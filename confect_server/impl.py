"""Implementations: functions with their logic in groups, in an application."""
# pyright: reportInvalidTypeVarUse=false
# an argument that is left out leaves its variable unsolved, and so at its default, `Never`

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Concatenate, Generic, Never, TypeAlias, cast, overload

from typing_extensions import TypeVar

from confect_core import GroupSpec, HttpApi, Middleware, PaginationOptions, Provided, Spec
from confect_core.endpoints import api_of
from confect_core.errors import ConfectError, SpecError, Where, refuse
from confect_core.spec import (
    ActionSpec,
    AnyFunction,
    BlockingActionSpec,
    Group,
    MutationSpec,
    PaginatedQuerySpec,
    ProcessActionSpec,
    QuerySpec,
)
from confect_core.spec.group import group_of
from confect_server import auth, environment
from confect_server.assembly import M1, M2, M3, M4, M5, M6, M7, Assembly, GroupParts
from confect_server.auth import Provider
from confect_server.auth.errors import SettingsNotDeclared
from confect_server.blocking import BlockingActionCtx
from confect_server.configured_provider import ConfiguredProvider
from confect_server.ctx import ActionCtx, MutationCtx, QueryCtx
from confect_server.db import DataModel
from confect_server.environment import Environment
from confect_server.errors import (
    DuplicateGroup,
    NotAGroupImpl,
    WrongImplementations,
)
from confect_server.function_impl import FunctionImpl, Handler, SyncHandler
from confect_server.handler_mistakes import handler_mistakes
from confect_server.hooks import WriteHook
from confect_server.http import ApiImpl, AsgiApp, EndpointImpl, Mount, Mounts, Route, Routes
from confect_server.middleware import Implementations, MiddlewareImpl
from confect_server.plain import PlainFunction
from confect_server.scheduler import Cron, cron_mistakes
from confect_server.services import Layers
from confect_server.workers import HandlerName

A = TypeVar("A")
Out = TypeVar("Out")
N = TypeVar("N")
M = TypeVar("M")
E = TypeVar("E", bound=Environment)
V = TypeVar("V", bound=Provided)
N_co = TypeVar("N_co", covariant=True, default=Never)

NeedyPlain: TypeAlias = (
    Callable[Concatenate[MutationCtx[N, Any], ...], Awaitable[object]]
    | Callable[Concatenate[ActionCtx[N], ...], Awaitable[object]]
)
"""A plain function of any kind that asks for the services `N`."""


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
@overload
def impl(
    spec: BlockingActionSpec[..., A, Out],
) -> Callable[[Callable[[BlockingActionCtx[N], A], Out]], FunctionImpl[A, Out, N]]: ...
@overload
def impl(
    spec: ProcessActionSpec[..., A, Out],
) -> Callable[[Callable[[A], Out]], FunctionImpl[A, Out]]: ...
def impl(spec: Any) -> Any:
    """Implement one declared function.

    @impl(Notes.get)
    async def get(ctx: QueryCtx, args: ByNote) -> Outcome[Note, NoteNotFound]: ...
    """

    def implement(handler: Handler | SyncHandler) -> FunctionImpl[Any, Any, Any]:
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

    @staticmethod
    def make(spec: Group | type[GroupSpec]) -> GroupParts[Never]:
        """The builder form: implementations are provided to it, it to `Impl.make`."""
        group_of(spec, "an implementation")
        return GroupParts(spec, Where.of_caller())

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
        refuse(f"the implementation of {self.path!r}", list(self._plain_mismatches(declared)))

    # as `GroupParts.provide`
    @overload
    def add_plain(self, *functions: NeedyPlain[Never]) -> GroupImpl[N_co]: ...
    @overload
    def add_plain(
        self: GroupImpl[N],
        p1: NeedyPlain[M1] = ...,
        p2: NeedyPlain[M2] = ...,
        p3: NeedyPlain[M3] = ...,
        p4: NeedyPlain[M4] = ...,
        p5: NeedyPlain[M5] = ...,
        p6: NeedyPlain[M6] = ...,
        /,
        *functions: NeedyPlain[M7],
    ) -> GroupImpl[N | M1 | M2 | M3 | M4 | M5 | M6 | M7]: ...
    def add_plain(self, *functions: NeedyPlain[Any]) -> GroupImpl[Any]:
        """This group with decorated plain functions that its spec does not declare, by their names.

        They are called through a `ref` with `FunctionSpec.plain_public_query(lambda: function)` or
        its siblings, and `plain.signature_of(function)`.
        """
        added = [PlainFunction.of(function) for function in functions]
        mistakes = [mistake for each in added for mistake in each.mistakes()]
        refuse(f"the implementation of {self.path!r}", mistakes)
        group, plain = group_of(self.spec, "the implementation"), dict(self.plain)
        for each in added:
            group = group.add_function(each.name, each.spec)
            plain[each.name] = each.function
        extended: GroupImpl[Any] = replace(self, spec=group, plain=MappingProxyType(plain))
        return extended

    @property
    def needs_spec(self) -> bool:
        """Are there functions in it that only a spec can declare?"""
        plain = self.plain.values()
        return not plain or bool(self.functions) or not all(map(PlainFunction.noted_on, plain))

    def _plain_mismatches(self, declared: Mapping[str, AnyFunction]) -> Iterator[SpecError]:
        for name, handler in self.plain.items():
            noted = PlainFunction.noted_on(handler)
            mismatch = noted and noted.mismatch(f"{self.path}:{name}", declared[name])
            if mismatch:
                yield mismatch

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
    apis: tuple[ApiImpl[N], ...] = ()
    mounts: tuple[Mount, ...] = ()
    providers: tuple[Provider | ConfiguredProvider[Any], ...] = ()
    environments: tuple[type[Environment], ...] = ()
    crons: tuple[Cron, ...] = ()
    middleware: Implementations = field(default_factory=Implementations)
    hooks: tuple[WriteHook[N], ...] = ()

    @staticmethod
    def make(spec: Spec, layers: Layers[M], data_model: DataModel | None = None) -> ImplParts[M]:
        """The builder form: groups are provided to it, and compared with the spec at the end."""
        return ImplParts(spec, layers, data_model or DataModel())

    def provide(self, *groups: GroupImpl[N]) -> Impl[N]:
        """This application with more groups."""
        provided = dict(self.groups)
        mistakes: list[ConfectError] = []
        for group in groups:
            if not isinstance(group, GroupImpl):  # pyright: ignore[reportUnnecessaryIsInstance]  # users without a type checker
                mistakes.append(NotAGroupImpl(group))
                continue
            if group.path in provided:
                mistakes.append(DuplicateGroup(group.path))
            provided[group.path] = group
        refuse("the application", mistakes)
        return replace(self, groups=MappingProxyType(provided))

    def with_layers(self, layers: Layers[N]) -> Impl[N]:
        """This application with other layers that provide as much, as in a test."""
        return replace(self, layers=layers)

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

    def serve_api(self, api: type[HttpApi], *endpoints: EndpointImpl[N]) -> Impl[N]:
        """This application answering a typed HTTP API: a handler for each endpoint without calls=.

        app = Impl(live).provide(notes).serve_api(NotesApi, get, remove)
        """
        served = ApiImpl(api_of(api), endpoints, Where.of_caller())
        return replace(self, routes=(*self.routes, *served.routes), apis=(*self.apis, served))

    def mount(self, path: str, app: AsgiApp) -> Impl[N]:
        """This application with another ASGI application below a path, started and stopped with it.

        What the functions, routes and APIs of this one do not answer goes to the other, sockets
        too; mounted at `/` it is given all of that.
        """
        return replace(self, mounts=(*self.mounts, Mount(path, app, Where.of_caller())))

    def authenticate(self, *providers: Provider) -> Impl[N]:
        """This application taking the tokens of more providers; the first that matches decides.

        app = Impl(live).authenticate(OidcProvider(domain="id.example.com", application_id="app"))
        """
        return replace(self, providers=(*self.providers, *providers))

    def authenticate_by(
        self, settings: type[E], provider: Callable[[E], Provider | None]
    ) -> Impl[N]:
        """This application taking the tokens of a provider that its settings name, if they do.

        def identity_provider(env: Env) -> OidcProvider:
            return OidcProvider(domain=env.auth_domain, application_id=env.auth_application)

        app = Impl(live).environment(Env).authenticate_by(Env, identity_provider)

        A change of the settings counts for the tokens that are shown after it.
        """
        configured = ConfiguredProvider(settings, provider, Where.of_caller())
        return replace(self, providers=(*self.providers, configured))

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
        found += [*self.layers.mistakes(), *handler_mistakes(self)]
        found += [
            mistake
            for group in self.groups.values()
            for function in group.functions.values()
            if isinstance(function.spec, ProcessActionSpec)
            for mistake in HandlerName.of(function).mistakes(function)
        ]
        model = self.data_model
        found += [mistake for hook in self.hooks for mistake in hook.mistakes(model)]
        found += [mistake for api in self.apis for mistake in api.mistakes()]
        found += Mounts.mistakes(self.mounts)
        found += [mistake for each in self.providers for mistake in self._of_provider(each)]
        found += [m for each in self.environments for m in environment.mistakes_of(each)]
        paths = [f"{path}:{name}" for path, spec in specs.items() for name in spec.functions]
        found += cron_mistakes(self.crons, paths)
        return [*found, *model.mistakes(), *Routes(self.routes).mistakes]

    def _of_provider(self, provider: Provider | ConfiguredProvider[Any]) -> Sequence[SpecError]:
        if not isinstance(provider, ConfiguredProvider):
            return auth.mistakes_of(provider)
        if provider.settings in self.environments:
            return ()
        return (SettingsNotDeclared(provider.settings.__name__, provider.where),)

    @property
    def data_model(self) -> DataModel:
        """The tables of the application: every generated group carries the same ones."""
        models = [group.data_model for group in self.groups.values()]
        return next((each for each in models if each.tables), next(iter(models), DataModel()))


@dataclass(frozen=True, eq=False)
class ImplParts(Generic[N]):
    """An application that is put together in code; it stands once it is finalized."""

    spec: Spec
    layers: Layers[N]
    data_model: DataModel
    parts: tuple[GroupParts[N] | GroupImpl[N], ...] = ()
    middleware: Implementations = field(default_factory=Implementations)

    def provide(self, *parts: GroupParts[N] | GroupImpl[N]) -> ImplParts[N]:
        """These groups and more."""
        return replace(self, parts=(*self.parts, *parts))

    @overload
    def behind(
        self, middleware: MiddlewareImpl[N, Middleware[object, None, object, object]]
    ) -> ImplParts[N]: ...
    @overload
    def behind(
        self, middleware: MiddlewareImpl[N, Middleware[object, V, object, object]]
    ) -> ImplParts[N | V]: ...
    def behind(self, middleware: MiddlewareImpl[Any, Any]) -> ImplParts[Any]:
        """This application implementing a middleware; groups that take its value come after.

        Which functions are behind it is looked at when the application starts.
        """
        implemented = self.middleware.with_one(middleware)
        more: ImplParts[Any] = replace(self, middleware=implemented)
        return more

    def finalize(self) -> Impl[N]:
        """The application; raises everything missing, extra and provided twice, together."""
        assembly = Assembly(self.spec)
        whole = [part for part in self.parts if isinstance(part, GroupImpl)]
        for group in whole:
            where = group_of(group.spec, "the application").where
            assembly.take_whole(group.path, where, needs_spec=group.needs_spec)
        for part in self.parts:
            if isinstance(part, GroupParts):
                assembly.take(part)
        assembly.finish()
        refuse("the application", assembly.mistakes)
        declared = dict(self.spec.walk())
        built = [
            self._group(path, declared[path], given)
            for path, given in assembly.given.items()
            if given
        ]
        return Impl(self.layers, middleware=self.middleware).provide(*whole, *built)

    def _group(
        self, path: str, spec: Group, given: Mapping[str, FunctionImpl[object, object, N]]
    ) -> GroupImpl[N]:
        functions = {name: each for name, each in given.items() if not each.spec.is_plain}
        plain = {
            name: cast("Handler", each.handler)  # as `make` has typed it
            for name, each in given.items()
            if each.spec.is_plain
        }
        return GroupImpl(path, spec, functions, plain, self.data_model)
