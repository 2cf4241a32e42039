"""Every call, every handler and every query is typed; both type checkers accept all of this file."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any, Never, assert_never, assert_type
from uuid import UUID

from pydantic import SecretStr
from returns.result import Failure, Success
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from app._generated import impls, refs
from app._generated.db import MutationCtx, QueryCtx, data_model
from app.notes import impl as notes_impl
from app.notes.spec import ByNote, Forbidden, InsertNote, NoteNotFound, Notes
from app.services import Clock, Mailer, live
from app.tables import Note
from confect_client import (
    AsyncClient,
    AsyncHttpClient,
    BlockingPages,
    Client,
    ConnectionState,
    HttpClient,
    LocalPages,
    LocalQuery,
    LocalStore,
    PagedSubscription,
)
from confect_core import (
    ABSENT,
    COMMIT_TS,
    Absent,
    ActionHandle,
    ActionRef,
    Args,
    CommitTs,
    Endpoint,
    FunctionSpec,
    GroupSpec,
    HttpApi,
    Id,
    Index,
    Int64,
    Middleware,
    MutationHandle,
    MutationRef,
    NoArgs,
    Outcome,
    PaginationOptions,
    PaginationResult,
    Provided,
    PublicActionRef,
    PublicMutationRef,
    PublicPaginatedQueryRef,
    PublicQueryRef,
    QueryHandle,
    QueryRef,
    Spec,
    StoredFile,
    Table,
    TaggedError,
    ref,
    ref_behind,
)
from confect_core.endpoints import EndpointSpec
from confect_core.spec import PublicQuerySpec
from confect_core.values import Value
from confect_server import (
    UNCHANGED,
    ActionCtx,
    Answer,
    BlockingActionCtx,
    Call,
    Change,
    CronJob,
    CronRun,
    Ctx,
    CustomJwtProvider,
    DatabaseReader,
    EndpointImpl,
    Environment,
    Every,
    Expr,
    FunctionImpl,
    GroupImpl,
    Impl,
    JobFailed,
    Layers,
    MiddlewareImpl,
    Needs,
    OidcProvider,
    Proceed,
    Range,
    ScheduledFunction,
    Service,
    UndeclaredDocument,
    UserIdentity,
    WriteHook,
    around,
    cron,
    daily,
    endpoint,
    field_of,
    impl,
    layers,
    middleware,
    on_write,
    present,
    route,
)
from confect_server import MutationCtx as AnyMutationCtx
from confect_server import QueryCtx as AnyQueryCtx
from confect_server import plain as decorators
from confect_server.assembly import GroupParts
from confect_server.testing import TestApp, replacing
from shop._generated import refs as shop_refs
from shop._generated.db import EventsDocument
from shop._generated.db import MutationCtx as ShopMutationCtx
from shop._generated.db import QueryCtx as ShopQueryCtx
from shop.desk.middleware import (
    Banned,
    Clerk,
    Measured,
    NotOnDuty,
    NotSignedIn,
    OnDuty,
    Serving,
    SignedIn,
)
from shop.desk.spec import Desk
from shop.orders.spec import NoSuchOrder
from shop.services import Mailer as ShopMailer
from shop.tables.customers import Address, Customer
from shop.tables.events import AnyEvent, Cancelled, Noted, Parcel, Shipped
from shop.tables.events import Event as OrderEvent
from shop.tables.orders import Order


class Event(Table, name="events"):
    at: CommitTs = COMMIT_TS


async def schedules(ctx: MutationCtx, at: datetime) -> None:
    soon = timedelta(seconds=1)
    job = await ctx.scheduler.run_after(soon, refs.public.notes.insert, text="hi")
    assert_type(job, Id[ScheduledFunction])
    await ctx.scheduler.run_at(at, refs.internal.notes.clear)
    await ctx.scheduler.cancel(job)
    found = await ctx.db.system.get(job)
    assert_type(found, ScheduledFunction | None)
    if found is not None and isinstance(found.state, JobFailed):
        assert_type(found.state.error, str)
    assert_type(await ctx.db.system.scheduled_functions.collect(), list[ScheduledFunction])
    every = await ctx.crons.register("mine", Every(soon), refs.public.notes.insert, text="hi")
    assert_type(every, Id[CronJob])
    assert_type(await ctx.crons.list(), list[CronJob])
    assert_type(await ctx.db.system.cron_runs.first(), CronRun | None)


async def schedules_by_action(ctx: ActionCtx, note_id: Id[Note], at: datetime) -> None:
    await ctx.scheduler.run_at(at, refs.public.notes.email, note_id=note_id)
    job = await ctx.scheduler.run_after(timedelta(), refs.public.notes.insert, text="hi", tag=None)
    await ctx.scheduler.cancel(job)


async def filters(ctx: QueryCtx) -> None:
    at = field_of(Note, lambda note: note.at)
    tag = field_of(Note, lambda note: note.tag)
    assert_type(at, Expr[float])
    assert_type(tag, Expr[str | None])
    assert_type(field_of(Note, lambda note: present(note.tag)), Expr[str])
    assert_type(at > 3, Expr[bool])
    assert_type((tag == "a") | (tag == None), Expr[bool])  # noqa: E711
    assert_type((at > 3) & ~(at * 2 - 1 == -at), Expr[bool])
    assert_type(field_of(Event, lambda event: event.at) > 5, Expr[bool])
    query = ctx.db.notes.query().filter(tag == field_of(Note, lambda note: note.author))
    assert_type(await query.filter(lambda note: note.at > 3).first(), Note | None)
    assert_type(await ctx.db.notes.count(), int)
    Event(at=COMMIT_TS)


async def files(
    ctx: QueryCtx, writer: MutationCtx, action: ActionCtx, id: Id[StoredFile]
) -> AsyncIterator[bytes]:
    assert_type(await ctx.storage.url(id), str | None)
    assert_type(await ctx.storage.metadata(id), StoredFile | None)
    assert_type(await ctx.db.system.stored_file(id), StoredFile | None)
    assert_type(await ctx.db.system.storage.order("desc").take(3), list[StoredFile])
    assert_type(await writer.storage.upload_url(), str)
    assert_type(await writer.storage.url(id), str | None)
    assert_type(await action.storage.store(b"", content_type="text/plain"), Id[StoredFile])
    assert_type(await action.storage.store(files(ctx, writer, action, id)), Id[StoredFile])
    content = await action.storage.get(id)
    if content is not None:
        assert_type(content.file.size, int)
        assert_type(await content.read(), bytes)
        async for chunk in content:
            yield chunk


async def calls(client: AsyncClient, note_id: Id[Note]) -> None:
    assert_type(await client.query(refs.public.notes.list), list[Note])
    assert_type(await client.query(refs.public.notes.search, "hi", limit=3), list[str])
    assert_type(await client.query(refs.public.notes.search, text="hi"), list[str])
    assert_type(await client.mutation(refs.public.notes.insert, text="hi"), Id[Note])
    assert_type(await client.mutation(refs.public.notes.insert, text="hi", tag=None), Id[Note])
    assert_type(await client.query(refs.public.notes.first), Note | None)
    assert_type(await client.action(refs.public.notes.email, note_id=note_id), bool)
    assert_type(await client.query_or_raise(refs.public.notes.get, note_id=note_id), Note)
    out = await client.query(refs.public.notes.get, note_id=note_id)
    match out:
        case Success(note):
            assert_type(note, Note)
        case Failure(error):
            assert_type(error, NoteNotFound)
        case _:
            assert_never(out)
    async for notes in client.subscribe(refs.public.notes.list):
        assert_type(notes, list[Note])
    removed = await client.mutation(refs.public.notes.remove, note_id=note_id)
    if isinstance(removed, Failure):
        assert_type(removed.failure(), NoteNotFound | Forbidden)
    else:
        assert_type(removed.unwrap(), None)


async def reads(ctx: QueryCtx, note_id: Id[Note], text: str) -> None:
    assert_type(await ctx.db.notes.get(note_id), Note | None)
    assert_type(await ctx.db.get(note_id), Note | None)
    assert_type(ctx.db.notes.normalize_id(text), Id[Note] | None)
    assert_type(await ctx.db.notes.query().collect(), list[Note])
    assert_type(await ctx.db.notes.by_author(author=text).first(), Note | None)
    assert_type(await ctx.db.notes.by_author(author=Range(gte="a", lt="b")).unique(), Note | None)
    newest = ctx.db.notes.by_author(author=text, creation_time=Range(gt=1.0)).order("desc")
    assert_type(await newest.take(10), list[Note])
    async for note in newest:
        assert_type(note, Note)
        assert_type(note.id, Id[Note])
        assert_type(note.creation_time, float)
        assert_type(note.tag, str | None)
    assert_type(await ctx.db.table(Note).get(note_id), Note | None)
    async for table in ctx.db.system.tables:
        assert_type(table.name, str)
    assert_type(await ctx.run_query(refs.public.notes.list), list[Note])
    assert_type(await ctx.run_query(refs.public.notes.search, text, limit=3), list[str])
    assert_type(ctx.meta.documents_read.used, int)
    assert_type(ctx.meta.run_time_s.remaining, float)


async def writes(ctx: MutationCtx, note_id: Id[Note]) -> None:
    assert_type(await ctx.db.notes.insert(text="hi", author="Ada", at=1), Id[Note])
    await ctx.db.notes.patch(note_id, text="ho", tag=None, author=UNCHANGED)
    await ctx.db.notes.replace(note_id, text="ho", author="Ada", at=2.5, tag="pinned")
    await ctx.db.notes.delete(note_id)
    await ctx.db.delete(note_id)
    assert_type(await ctx.db.notes.get(note_id), Note | None)
    assert_type(await ctx.db.table(Note).insert(text="hi", author="Ada", at=1.0), Id[Note])
    assert_type(await ctx.run_mutation(refs.internal.notes.clear), None)
    assert_type(await ctx.run_mutation(refs.public.notes.insert, text="hi"), Id[Note])
    removed = await ctx.run_mutation(refs.public.notes.remove, note_id=note_id)
    assert_type(removed, Outcome[None, NoteNotFound | Forbidden])
    assert_type(ctx.meta.documents_written.remaining, int)
    await reads(ctx, note_id, "a mutation is given to what asks for a query")


async def variants(ctx: ShopMutationCtx, order: Id[Order], event: Id[OrderEvent]) -> None:
    parcel = Parcel(weight=2.0, to=Address(city="Bern"))
    events = ctx.db.events
    new = await events.insert(kind="shipped", order=order, shipment=parcel)
    assert_type(new, Id[Shipped | Cancelled | Noted])
    await events.replace(new, kind="noted", order=order, reason=3, follows=None)
    await events.patch(event, reason="late", details={}, kind="refused")
    assert_type(await events.get(new), EventsDocument | None)
    assert_type(await ctx.db.get(new), Shipped | Cancelled | Noted | None)
    assert_type(await events.by_reason(reason=ABSENT).collect(), list[Shipped | Cancelled | Noted])
    assert_type(await events.by_city(shipment__to__city="Bern").first(), EventsDocument | None)
    shared = field_of(OrderEvent, lambda event: event.order)
    assert_type(shared, Expr[Id[Order]])
    own = field_of(Noted, lambda event: event.reason)
    assert_type(
        await events.query().filter((shared == order) & (own > 3)).first(), EventsDocument | None
    )
    assert_type(events.normalize_id("x"), Id[Shipped | Cancelled | Noted] | None)
    async for each in events.query():
        match each:
            case Shipped():
                assert_type(each.id, Id[Shipped])
                await events.delete(each.id)
            case Cancelled(kind="refused"):
                assert_type(each.reason, str | None)
            case Cancelled() | Noted():
                assert_type(each.reason, str | int | None)
            case _:
                assert_never(each)
    assert_type(await ctx.db.insert(Cancelled(kind="refused", order=order)), Id[Cancelled])
    wider: Id[OrderEvent] = new
    clicks = ctx.db.undeclared_table("clicks")
    click = await clicks.get(await clicks.insert({"button": 1, "tags": ["a"], "wider": wider}))
    assert_type(click, dict[str, Value] | None)
    assert_type(await clicks.query().order("desc").first(), dict[str, Value] | None)


async def guarded(client: AsyncClient, ctx: ActionCtx, order: Id[Order]) -> None:
    desk = shop_refs.public.desk
    name = await client.query(desk.name)
    match name:
        case Success(text):
            assert_type(text, str)
        case Failure(error):
            assert_type(error, NotSignedIn | Banned)
        case _:
            assert_never(name)
    assert_type(await client.query_or_raise(desk.name), str)
    assert_type(
        await client.query(desk.order, order=order),
        Outcome[Order, NoSuchOrder | NotSignedIn | Banned],
    )
    assert_type(
        await ctx.run_mutation(desk.open), Outcome[Id[Order], NotSignedIn | Banned | NotOnDuty]
    )
    assert_type(
        await ctx.run_action(desk.call, order=order),
        Outcome[bool, NoSuchOrder | NotSignedIn | Banned],
    )
    closed = await ctx.run_mutation(shop_refs.internal.desk.close)
    assert_type(closed, Outcome[None, NotSignedIn | Banned])
    page = await client.query_page(desk.orders, PaginationOptions(num_items=3))
    assert_type(page, Outcome[PaginationResult[Order], NotSignedIn | Banned | NotOnDuty])
    assert_type(await client.query(desk.Hours.today), str)
    assert_type(Desk.name.behind(OnDuty), PublicQuerySpec[[], NoArgs, str])


@middleware(SignedIn)
async def returning(ctx: ShopQueryCtx) -> Outcome[Clerk, NotSignedIn]:
    return Success(Clerk("Ada"))


@middleware(SignedIn).for_mutations
async def raising(ctx: ShopMutationCtx[ShopMailer]) -> Clerk:
    await ctx.db.notice.insert(channel="mail")
    raise NotSignedIn


@middleware(OnDuty)
async def requiring(ctx: ShopQueryCtx[Clerk | ShopMailer]) -> Outcome[Serving, NotOnDuty]:
    return Failure(NotOnDuty(clerk=Clerk.of(ctx).name))


@around(Measured).for_actions
async def passing(ctx: ActionCtx, call: Call, proceed: Proceed) -> Answer:
    return await proceed()


@around(OnDuty).for_queries
async def providing(
    ctx: ShopQueryCtx[Clerk], call: Call, proceed: Proceed[Serving]
) -> Answer | Failure[NotOnDuty]:
    first = await ctx.db.customer.query().first()
    return await proceed(Serving(first.id)) if first else Failure(NotOnDuty(clerk=call.path))


class ByTenant(Args):
    tenant: str


class NoSuchTenant(TaggedError):
    tenant: str


@dataclass(frozen=True)
class Tenant(Provided):
    name: str


class InTenant(Middleware[NoSuchTenant, Tenant, Clerk, ByTenant]):
    """Looks at the arguments, and at what comes before it."""


@middleware(InTenant).for_all
async def looking(ctx: Ctx[Clerk], call: Call[ByTenant]) -> Outcome[Tenant, NoSuchTenant]:
    assert_type(call.args, ByTenant)
    return Success(Tenant(call.args.tenant))


@middleware(InTenant)
async def not_looking(ctx: ShopQueryCtx[Clock], call: Call) -> Tenant:
    assert_type(call.args, Args)
    return Tenant(call.path)


async def behind(client: AsyncClient, ctx: ActionCtx) -> None:
    crunch = ref_behind("things:crunch", Things.crunch, NotSignedIn)
    answer = await client.action(crunch, size=3)
    assert_type(answer, Outcome[int, Missing | NotSignedIn])
    printed = ref_behind("things:print", Things.print_, NotSignedIn)
    assert_type(await client.action(printed, size=3), Outcome[bool, NotSignedIn])
    scanned = ref_behind("things:scan", Things.scan, NotSignedIn | Banned)
    assert_type(await ctx.run_action(scanned), Outcome[int, Missing | NotSignedIn | Banned])


@around(InTenant).for_mutations
async def looking_around(
    ctx: ShopMutationCtx, call: Call[ByTenant], proceed: Proceed[Tenant]
) -> Answer:
    return await proceed(Tenant(call.args.tenant))


class Rooms(GroupSpec, behind=[SignedIn, InTenant]):
    name = FunctionSpec.public_query(args=ByTenant, returns=str)


async def room_name(ctx: AnyQueryCtx[Tenant | Clerk | Clock], args: ByTenant) -> str:
    return Tenant.of(ctx).name + Clerk.of(ctx).name


@on_write(Note)
async def audit(ctx: MutationCtx[Mailer], change: Change[Note]) -> None:
    assert_type(change.id, Id[Note])
    assert_type(change.before, Note | None)
    assert_type(change.is_insert, bool)
    if change.after is not None:
        await ctx.db.notes.patch(change.id, text=change.after.text)


@on_write(Customer | Order)
async def several(ctx: ShopMutationCtx, change: Change[Customer | Order]) -> None:
    match change.after:
        case Customer() as customer:
            await ctx.db.customer.patch(customer.id, points=1)
        case Order() | None:
            pass


@on_write(AnyEvent)
async def every_variant(ctx: ShopMutationCtx, change: Change[EventsDocument]) -> None:
    assert_type(change.after, Shipped | Cancelled | Noted | None)


@on_write(OrderEvent)
async def shared_fields(ctx: ShopMutationCtx, change: Change[OrderEvent]) -> None:
    assert change.before is not None
    assert_type(change.before.order, Id[Order])


@on_write("clicks")
async def loosely(ctx: ShopMutationCtx, change: Change[UndeclaredDocument]) -> None:
    assert_type(change.after, dict[str, Value] | None)
    await ctx.db.undeclared_table("clicks").delete(change.id)


assert_type(audit, WriteHook[Mailer])
assert_type(several, WriteHook[Never])
assert_type(returning, MiddlewareImpl[Never, SignedIn])
assert_type(raising, MiddlewareImpl[ShopMailer, SignedIn])
assert_type(requiring, MiddlewareImpl[ShopMailer, OnDuty])
assert_type(passing, MiddlewareImpl[Never, Measured])
assert_type(looking, MiddlewareImpl[Never, InTenant])
assert_type(not_looking, MiddlewareImpl[Clock, InTenant])
assert_type(looking_around, MiddlewareImpl[Never, InTenant])
assert_type(providing, MiddlewareImpl[Never, OnDuty])
assert_type(Impl(layers()).behind(returning), Impl[SignedIn])


async def acts(ctx: ActionCtx[Mailer], note_id: Id[Note]) -> None:
    assert_type(Mailer.of(ctx), Mailer)
    assert_type(await ctx.run_query(refs.public.notes.list), list[Note])
    assert_type(await ctx.run_mutation(refs.internal.notes.clear), None)
    assert_type(await ctx.run_action(refs.public.notes.email, note_id=note_id), bool)


class Thing(Table, name="things"):
    size: int
    weight: float | Absent = ABSENT
    by_size = Index("size")


class BySize(Args):
    size: Int64
    at_most: int = 10


class Missing(TaggedError):
    size: int


async def circumstances(ctx: QueryCtx | MutationCtx | ActionCtx) -> None:
    assert_type(ctx.now(), datetime)
    assert_type(ctx.random, Random)
    assert_type(ctx.uuid(), UUID)


@decorators.query
async def plain(ctx: AnyQueryCtx, text: str, *, limit: int = 3) -> list[str]:
    return [text] * limit


@decorators.paginated_query
async def plain_page(
    ctx: AnyQueryCtx, options: PaginationOptions, text: str
) -> PaginationResult[str]:
    raise NotImplementedError


@decorators.mutation
async def plain_mutation(ctx: AnyMutationCtx, count: int) -> None: ...


@decorators.internal_mutation
async def plain_read(ctx: AnyQueryCtx[Clock], count: int) -> None: ...


@decorators.action
async def plain_action(ctx: ActionCtx, name: str) -> bool:
    return True


class Things(GroupSpec):
    count = FunctionSpec.public_query(returns=int)
    find = FunctionSpec.public_query(args=BySize, returns=Thing, error=Missing)
    ping = FunctionSpec.public_query(returns=int | None, error=Missing)
    pages = FunctionSpec.public_paginated_query(args=BySize, item=Thing)
    sure_pages = FunctionSpec.public_paginated_query(item=Thing, error=Missing)
    put = FunctionSpec.internal_mutation(args=BySize, returns=Id[Thing], error=Missing)
    send = FunctionSpec.internal_action(args=BySize, returns=None)
    print_ = FunctionSpec.public_action(args=BySize, returns=bool, blocking=True, timeout_s=60)
    scan = FunctionSpec.internal_action(returns=int, error=Missing, blocking=True)
    crunch = FunctionSpec.public_action(args=BySize, returns=int, error=Missing, process=True)
    borrowed = FunctionSpec.plain_public_query(lambda: plain)
    borrowed_pages = FunctionSpec.plain_public_paginated_query(lambda: plain_page)
    borrowed_put = FunctionSpec.plain_public_mutation(lambda: plain_mutation)
    borrowed_send = FunctionSpec.plain_public_action(lambda: plain_action)


@impl(Things.count)
async def count(ctx: AnyQueryCtx, args: NoArgs) -> int:
    return len(await ctx.db.table(Thing).query().collect())


@impl(Things.find)
async def find(ctx: AnyQueryCtx[Clock], args: BySize) -> Outcome[Thing, Missing]:
    thing = await ctx.db.table(Thing).by("by_size", size=args.size).first()
    return Success(thing) if thing else Failure(Missing(size=args.size))


@impl(Things.pages)
async def pages(
    ctx: AnyQueryCtx, args: BySize, options: PaginationOptions
) -> PaginationResult[Thing]:
    assert_type(options.cursor, str | None)
    raise NotImplementedError


@impl(Things.put)
async def put(ctx: AnyMutationCtx[Clock | Mailer], args: BySize) -> Outcome[Id[Thing], Missing]:
    return Success(await ctx.db.table(Thing).insert(size=args.size, weight=1))


@impl(Things.print_)
def print_(ctx: BlockingActionCtx[Mailer], args: BySize) -> bool:
    Mailer.of(ctx)
    ctx.log.info("printing %d of %s", args.size, "things", on="paper")
    assert_type(ctx.run_query(ref("things:find", Things.find), size=3), Outcome[Thing, Missing])
    assert_type(ctx.run_action(ref("things:crunch", Things.crunch), size=3), Outcome[int, Missing])
    return ctx.wait(lambda ctx: ctx.run_action(ref("things:print", Things.print_), size=args.size))


@impl(Things.scan)
def scan(ctx: BlockingActionCtx, args: NoArgs) -> Outcome[int, Missing]:
    return Success(1)


@impl(Things.crunch)
def crunch(args: BySize) -> Outcome[int, Missing]:
    return Success(args.size**2)


assert_type(print_, FunctionImpl[BySize, bool, Mailer])
assert_type(scan, FunctionImpl[NoArgs, Outcome[int, Missing]])
assert_type(crunch, FunctionImpl[BySize, Outcome[int, Missing]])
assert_type(count, FunctionImpl[NoArgs, int])
assert_type(find, FunctionImpl[BySize, Outcome[Thing, Missing], Clock])
assert_type(put, FunctionImpl[BySize, Outcome[Id[Thing], Missing], Clock | Mailer])


async def every_kind(client: AsyncClient, ctx: ActionCtx) -> None:
    options = PaginationOptions(num_items=10)
    find_ref = ref("things:find", Things.find)
    assert_type(await client.query(find_ref, size=3), Outcome[Thing, Missing])
    assert_type(await client.query_or_raise(find_ref, size=3, at_most=3), Thing)
    ping: PublicQueryRef[[], Outcome[int | None, Missing]] = ref("things:ping", Things.ping)
    assert_type(await client.query_or_raise(ping), int | None)
    pages_ref = ref("things:pages", Things.pages)
    assert_type(await client.query_page(pages_ref, options, size=3), PaginationResult[Thing])
    assert_type(await ctx.run_page(pages_ref, options, size=3), PaginationResult[Thing])
    sure: PublicPaginatedQueryRef[[], Outcome[PaginationResult[Thing], Missing]]
    sure = ref("things:sure_pages", Things.sure_pages)
    assert_type(await client.query_page(sure, options), Outcome[PaginationResult[Thing], Missing])
    put_ref = ref("things:put", Things.put)
    assert_type(await ctx.run_mutation(put_ref, size=3), Outcome[Id[Thing], Missing])
    assert_type(await ctx.run_action(ref("things:send", Things.send), size=3), None)
    assert_type(await ctx.run_action(ref("things:scan", Things.scan)), Outcome[int, Missing])
    assert_type(await client.action(ref("things:print", Things.print_), size=3), bool)
    crunch_ref = ref("things:crunch", Things.crunch)
    assert_type(await client.action(crunch_ref, size=3), Outcome[int, Missing])
    assert_type(await client.query(ref("things:borrowed", Things.borrowed), "hi"), list[str])
    assert_type(
        await client.query_page(ref("things:pages", Things.borrowed_pages), options, "hi"),
        PaginationResult[str],
    )
    assert_type(await client.mutation(ref("things:put", Things.borrowed_put), count=3), None)
    assert_type(await client.action(ref("things:send", Things.borrowed_send), "hi"), bool)


async def inline(ctx: AnyMutationCtx, act: ActionCtx) -> None:
    # a ref that is made where more than what it answers is expected is of what it answers
    text = str(await ctx.run_mutation(ref("things:put", Things.put), size=3))
    anything: object = await act.run_action(ref("things:crunch", Things.crunch), size=3)
    assert await ctx.run_query(ref("things:count", Things.count)) == 3, (text, anything)


def wider(
    query: PublicQueryRef[[], int],
    mutation: PublicMutationRef[[], int],
    act: PublicActionRef[[], int],
) -> tuple[QueryRef[[], object], MutationRef[[], object], ActionRef[[], object]]:
    return query, mutation, act


async def called_as_written(ctx: AnyQueryCtx, mutation: AnyMutationCtx[Clock]) -> None:
    assert_type(await plain(ctx, "hi", limit=2), list[str])
    await plain_read(mutation, count=3)


async def send(ctx: ActionCtx[Clock], args: BySize) -> None: ...


no_plain = GroupImpl("library", GroupSpec.make("library"), {}).add_plain(plain, plain_action)
some_plain = no_plain.add_plain(plain_read)
assert_type(no_plain, GroupImpl[Never])
assert_type(some_plain, GroupImpl[Clock])


@decorators.action
async def plain_mail(ctx: ActionCtx[Mailer], text: str) -> None: ...


of_two_services = no_plain.add_plain(plain, plain_mail, plain_read)
assert_type(of_two_services, GroupImpl[Clock | Mailer])
many_parts = GroupImpl.make(Things).provide(
    count, pages, scan, crunch, count, pages, find, scan, print_, crunch, count, scan
)
assert_type(many_parts, GroupParts[Clock | Mailer])
assert_type(many_parts.provide(count), GroupParts[Clock | Mailer])
one_part = GroupImpl.make(Things).provide(FunctionImpl.make(Things.borrowed, plain))
built = (
    GroupImpl.make(Things)
    .provide(count, FunctionImpl.make(Things.borrowed_pages, plain_page), one_part)
    .provide(find, put, FunctionImpl.make(Things.send, send))
)
assert_type(one_part, GroupParts)
assert_type(built, GroupParts[Clock | Mailer])
assert_type(
    Impl.make(Spec.make(), live).provide(built, some_plain).finalize(), Impl[Mailer | Clock]
)


rooms = (
    Impl.make(Spec.make().add(Rooms), live)
    .behind(passing)
    .behind(returning)
    .behind(not_looking)
    .provide(GroupImpl.make(Rooms).provide(FunctionImpl.make(Rooms.name, room_name)))
)
assert_type(rooms.finalize(), Impl[Mailer | Clock | Clerk | Tenant])


class Later(Table, name="laters"):
    put: MutationHandle[BySize, Outcome[Id[Thing], Missing]]
    ask: QueryHandle[NoArgs, int]
    send: ActionHandle[BySize, None]


async def handles(ctx: AnyMutationCtx, act: ActionCtx, id: Id[Later]) -> None:
    put_handle = MutationHandle.taking(BySize).of(ref("things:put", Things.put))
    ask = QueryHandle.taking(NoArgs).of(ref("things:count", Things.count))
    send_handle = ActionHandle.taking(BySize).of(ref("things:send", Things.send))
    assert_type(put_handle, MutationHandle[BySize, Outcome[Id[Thing], Missing]])
    Later(put=put_handle, ask=ask, send=send_handle)
    later = await ctx.db.table(Later).get(id)
    assert later is not None
    size = BySize(size=3)
    assert_type(await ctx.run_mutation(later.put, size), Outcome[Id[Thing], Missing])
    assert_type(await ctx.run_query(later.ask, NoArgs()), int)
    assert_type(await act.run_mutation(put_handle, size), Outcome[Id[Thing], Missing])
    assert_type(await act.run_action(later.send, size), None)


class Env(Environment):
    stripe_key: SecretStr
    page_size: int = 20


async def fetch_token() -> str | None:
    return None


async def who_and_where(query: QueryCtx, action: ActionCtx, client: AsyncClient) -> None:
    assert_type(await Env.of(query), Env)
    assert_type((await Env.of(action)).page_size, int)
    assert_type(query.auth.identity(), UserIdentity | None)
    assert_type(action.auth.identity(), UserIdentity | None)
    await client.set_auth(fetch_token)


class Postman(Service):
    """An abstract service, which tests replace."""

    @abstractmethod
    async def post(self, text: str) -> None: ...


class NoPostman(Postman):
    async def post(self, text: str) -> None: ...


replacing(Postman).by(NoPostman())


class Counter(Service):
    count = 0


async def open_counter() -> AsyncIterator[Counter]:
    yield Counter()


async def open_mailer() -> AsyncIterator[Mailer]:
    yield Mailer()


async def open_clock() -> AsyncIterator[Clock]:
    yield Clock()


async def open_mailer_with(needs: Needs[Clock]) -> AsyncIterator[Mailer]:
    assert_type(Clock.of(needs), Clock)
    yield Mailer()


depending = layers().add(Counter, open_counter).add(Clock, open_clock).add(Mailer, open_mailer_with)
assert_type(depending, Layers[Counter | Clock | Mailer])
assert_type(depending.replace(Mailer, Mailer()), Layers[Counter | Clock | Mailer])
assert_type(depending.replace(Mailer, open_mailer), Layers[Counter | Clock | Mailer])
assert_type(depending.replace(Mailer, open_mailer_with), Layers[Counter | Clock | Mailer])

everything = layers().add(Counter, open_counter).add(Clock, open_clock).add(Mailer, open_mailer)
app = Impl(live).provide(notes_impl.notes)
larger = Impl(everything).provide(notes_impl.notes)
faked: Impl[Clock | Mailer] = app.with_layers(live.replace(Clock, Clock()))


@route("GET", prefix="/notes/")
async def first_note(ctx: ActionCtx[Mailer], request: Request) -> Response:
    note = await ctx.run_query(refs.public.notes.first)
    await Mailer.of(ctx).send(request.url.path)
    return PlainTextResponse(note.text if note else "", status_code=200 if note else 404)


configured: Impl[Clock | Mailer] = app.environment(Env).authenticate(
    OidcProvider(domain="id.example.com", application_id="app"),
    CustomJwtProvider(issuer="https://x", jwks="https://x/keys", algorithm="ES256"),
)
configured_by: Impl[Clock | Mailer] = configured.authenticate_by(
    Env, lambda env: OidcProvider(domain="id.example.com", application_id=str(env.page_size))
).authenticate_by(Env, lambda env: None)
served: Impl[Clock | Mailer] = app.serve(first_note).watch(audit, several)
recurring: Impl[Clock | Mailer] = app.recur(
    cron("clear", daily(hour=3, timezone="Europe/Berlin"), refs.internal.notes.clear),
    cron("greet", Every(timedelta(hours=1)), refs.public.notes.insert, text="hi", tag="cron"),
)
again: GroupImpl[Clock | Mailer] = impls.notes(
    list=notes_impl.list_,
    insert=notes_impl.insert,
    get=notes_impl.get,
    remove=notes_impl.remove,
    first=notes_impl.first,
    page=notes_impl.page,
    clear=notes_impl.clear,
    email=notes_impl.email,
)


async def in_tests(t: TestApp, note_id: Id[Note]) -> None:
    assert_type(await t.query(refs.public.notes.list), list[Note])
    assert_type(await t.query(refs.public.notes.get, note_id=note_id), Outcome[Note, NoteNotFound])
    assert_type(await t.mutation(refs.internal.notes.clear), None)
    assert_type(await t.action(refs.public.notes.email, note_id=note_id), bool)
    page = await t.page(refs.public.notes.page, PaginationOptions(num_items=3))
    assert_type(page, PaginationResult[Note])
    assert_type(await t.run(seeded), Id[Note])
    assert_type(await t.read(texts), list[str])
    ann = t.as_user(subject="ann", email="ann@example.com")
    assert_type(await ann.as_client().query(refs.public.notes.first), Note | None)
    async with t.subscribe(refs.public.notes.list) as lists:
        assert_type(await anext(lists), list[Note])


async def seeded(ctx: MutationCtx[Clock]) -> Id[Note]:
    return await ctx.db.notes.insert(text="hi", author="ann", at=Clock.of(ctx).now())


async def texts(ctx: QueryCtx) -> list[str]:
    return [note.text async for note in ctx.db.notes.query()]


tested: TestApp[Clock | Mailer] = TestApp(app, replacing(Mailer).by(Mailer()), layers=live)


class Courier(Service):
    @abstractmethod
    def deliver(self, to: str) -> None: ...


class FakeCourier(Courier):
    def deliver(self, to: str) -> None:
        self.last = to


replaced_by_a_fake = replacing(Courier).by(FakeCourier())


whole: Spec = Spec.make().add(Notes).add(Things).add(GroupSpec.make("more"))
reader: type[DatabaseReader] | None = data_model.reader
insert_args: InsertNote = InsertNote(text="hi")
by_note: Any = ByNote


class NotesApi(HttpApi, prefix="/v1"):
    get = Endpoint.get("/notes/{note_id}", args=ByNote, returns=Note, error=NoteNotFound)
    remove = (
        Endpoint.delete("/{note_id}", args=ByNote, returns=None, error=NoteNotFound | Forbidden)
        .with_status(NoteNotFound, 404)
        .with_status(Forbidden, 403)
    )
    count = Endpoint.get("/count", returns=int)
    email = Endpoint.post("/notes/{note_id}/email", args=ByNote, returns=bool)
    list_ = Endpoint.get("/notes", calls=refs.public.notes.list)
    clear = Endpoint.post("/clear", calls=refs.internal.notes.clear)


@endpoint(NotesApi.get)
async def api_get(ctx: ActionCtx, args: ByNote) -> Outcome[Note, NoteNotFound]:
    return await ctx.run_query(refs.public.notes.get, note_id=args.note_id)


@endpoint(NotesApi.remove)
async def api_remove(ctx: ActionCtx, args: ByNote) -> Outcome[None, NoteNotFound | Forbidden]:
    return await ctx.run_mutation(refs.public.notes.remove, note_id=args.note_id)


@endpoint(NotesApi.count)
async def api_count(ctx: ActionCtx[Clock], args: NoArgs) -> int:
    return len(await ctx.run_query(refs.public.notes.list))


@endpoint(NotesApi.email)
async def api_email(ctx: ActionCtx[Mailer], args: ByNote) -> bool:
    await Mailer.of(ctx).send(args.note_id)
    return True


assert_type(NotesApi.get, EndpointSpec[ByNote, Outcome[Note, NoteNotFound]])
assert_type(NotesApi.count, EndpointSpec[NoArgs, int])
assert_type(api_email, EndpointImpl[Mailer])
with_api: Impl[Clock | Mailer] = Impl(live).serve_api(
    NotesApi, api_get, api_remove, api_count, api_email
)


def shows_at_once(store: LocalStore, *, text: str, tag: str | None = None) -> None:
    listed = store.query(refs.public.notes.list)
    assert_type(listed, LocalQuery[list[Note]])
    if listed.is_known:
        listed.set([*listed.value])
    assert_type(store.get(refs.public.notes.list), list[Note] | None)
    assert_type(store.get(refs.public.notes.first), Note | None)
    for found in store.all(refs.public.notes.search):
        assert_type(found, LocalQuery[list[str]])
        found.set([*found.value, text])
    pages = store.pages(refs.public.notes.page)
    assert_type(pages, LocalPages[Note])
    pages.insert_at_top(pages.items[0])
    pages.remove(lambda note: note.text == text)


def shows_some(store: LocalStore, *, text: str, **_: object) -> None:
    assert_type(text, str)


def removes_at_once(store: LocalStore, *, note_id: Id[Note]) -> None:
    gotten = store.query(refs.public.notes.get, note_id=note_id)
    assert_type(gotten, LocalQuery[Outcome[Note, NoteNotFound]])
    gotten.set(Failure(NoteNotFound(note_id=note_id)))


async def optimistic(client: AsyncClient, note_id: Id[Note]) -> None:
    insert = refs.public.notes.insert
    assert_type(await client.optimistic(insert).run(shows_at_once, text="hi"), Id[Note])
    assert_type(await client.optimistic(insert).run(shows_some, text="hi"), Id[Note])
    await client.optimistic(refs.public.notes.remove).run(removes_at_once, note_id=note_id)
    sure_pages = ref("things:sure_pages", Things.sure_pages)

    def more(store: LocalStore, *, text: str, tag: str | None = None) -> None:
        assert_type(store.pages(sure_pages), LocalPages[Thing])

    await client.optimistic(insert).run(more, text="hi")


async def observed(client: AsyncClient, note_id: Id[Note]) -> None:
    seen: list[list[Note]] = []
    client.on_update(refs.public.notes.list, seen.append)()
    client.on_update(refs.public.notes.get, print, note_id=note_id)
    assert_type(client.known(refs.public.notes.list), list[Note] | None)
    quick = client.with_options(timeout_s=3, on_error=print)
    assert_type(quick, AsyncClient)
    assert_type(await quick.query(refs.public.notes.list), list[Note])
    assert_type(await client.mutation_or_raise(refs.public.notes.remove, note_id=note_id), None)
    assert_type(await client.action_or_raise(ref("things:crunch", Things.crunch), size=3), int)
    async for note in client.subscribe_or_raise(refs.public.notes.get, note_id=note_id):
        assert_type(note, Note)
    async for state in client.connection_states():
        assert_type(state, ConnectionState)


async def paged(client: AsyncClient) -> None:
    async with client.subscribe_pages(refs.public.notes.page, 20) as notes:
        assert_type(notes, PagedSubscription[Note])
        async for state in notes:
            assert_type(state.results, tuple[Note, ...])
            if state.status == "can load more":
                notes.load_more(3)
    sure = client.subscribe_pages(ref("things:sure_pages", Things.sure_pages), 3)
    assert_type(sure, PagedSubscription[Thing])
    sized = client.subscribe_pages(ref("things:pages", Things.pages), 3, size=3)
    assert_type(sized, PagedSubscription[Thing])
    borrowed = client.subscribe_pages(ref("things:pages", Things.borrowed_pages), 3, "hi")
    assert_type(borrowed, PagedSubscription[str])


async def over_http(client: AsyncHttpClient, note_id: Id[Note]) -> None:
    assert_type(await client.query(refs.public.notes.search, "hi", limit=3), list[str])
    assert_type(await client.mutation(refs.public.notes.insert, text="hi"), Id[Note])
    assert_type(await client.action(refs.public.notes.email, note_id=note_id), bool)
    assert_type(
        await client.query(refs.public.notes.get, note_id=note_id), Outcome[Note, NoteNotFound]
    )
    assert_type(await client.query_or_raise(refs.public.notes.get, note_id=note_id), Note)
    assert_type(await client.mutation_or_raise(refs.public.notes.remove, note_id=note_id), None)
    assert_type(await client.action_or_raise(ref("things:crunch", Things.crunch), size=3), int)
    options = PaginationOptions(num_items=3)
    page = await client.query_page(ref("things:pages", Things.pages), options, size=3)
    assert_type(page, PaginationResult[Thing])
    assert_type(client.with_options(timeout_s=None), AsyncHttpClient)
    snapshot = await client.snapshot()
    assert_type(await snapshot.query(refs.public.notes.list), list[Note])
    assert_type(await snapshot.query_or_raise(refs.public.notes.get, note_id=note_id), Note)


def blocking(client: Client, note_id: Id[Note]) -> None:
    assert_type(client.query(refs.public.notes.search, "hi", limit=3), list[str])
    assert_type(client.query_or_raise(refs.public.notes.get, note_id=note_id), Note)
    assert_type(client.mutation(refs.public.notes.insert, text="hi"), Id[Note])
    assert_type(client.mutation_or_raise(refs.public.notes.remove, note_id=note_id), None)
    assert_type(client.action(refs.public.notes.email, note_id=note_id), bool)
    with client.subscribe(refs.public.notes.list) as lists:
        assert_type(next(lists), list[Note])
    for note in client.subscribe_or_raise(refs.public.notes.get, note_id=note_id):
        assert_type(note, Note)
    seen: list[list[Note]] = []
    client.on_update(refs.public.notes.list, seen.append)()
    client.on_update(refs.public.notes.get, print, note_id=note_id)
    assert_type(client.known(refs.public.notes.list), list[Note] | None)
    assert_type(client.with_options(timeout_s=3, on_error=print), Client)
    assert_type(client.connection, ConnectionState)
    client.set_auth(lambda: "token")
    insert = refs.public.notes.insert
    assert_type(client.optimistic(insert).run(shows_at_once, text="hi"), Id[Note])
    with client.subscribe_pages(refs.public.notes.page, 20) as notes:
        assert_type(notes, BlockingPages[Note])
        for state in notes:
            assert_type(state.results, tuple[Note, ...])
    borrowed = client.subscribe_pages(ref("things:pages", Things.borrowed_pages), 3, "hi")
    assert_type(borrowed, BlockingPages[str])


def blocking_over_http(client: HttpClient, note_id: Id[Note]) -> None:
    assert_type(client.query(refs.public.notes.list), list[Note])
    assert_type(client.mutation(refs.public.notes.insert, text="hi"), Id[Note])
    assert_type(client.action_or_raise(ref("things:crunch", Things.crunch), size=3), int)
    snapshot = client.with_options(timeout_s=3).snapshot()
    assert_type(snapshot.query_or_raise(refs.public.notes.get, note_id=note_id), Note)
