"""Every marked line must be rejected by both type checkers, and no other one by either."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Never

from returns.result import Failure, Success
from starlette.requests import Request
from starlette.responses import Response

from app._generated import impls, refs
from app._generated.db import MutationCtx, QueryCtx
from app.notes.impl import clear, email, first, get, insert, list_, notes, page, remove
from app.notes.spec import ByNote, Forbidden, InsertNote, NoteNotFound, Notes
from app.services import Clock, Mailer, dev, live, open_clock
from app.spec import spec
from app.tables import Note
from confect_client import AsyncClient, AsyncHttpClient, Client, HttpClient, LocalStore
from confect_core import (
    Args,
    Endpoint,
    FunctionSpec,
    GroupSpec,
    HttpApi,
    Id,
    Middleware,
    MutationHandle,
    NoArgs,
    Outcome,
    PaginationOptions,
    StoredFile,
    Table,
    TaggedError,
    ref,
    ref_behind,
)
from confect_server import (
    ActionCtx,
    Answer,
    BlockingActionCtx,
    Call,
    Change,
    CronJob,
    Environment,
    FunctionImpl,
    GroupImpl,
    Impl,
    Needs,
    Proceed,
    Range,
    ScheduledFunction,
    around,
    cron,
    daily,
    endpoint,
    field_of,
    impl,
    layers,
    middleware,
    on_write,
    plain,
    route,
)
from confect_server.testing import TestApp, replacing
from shop._generated import impls as shop_impls
from shop._generated import refs as shop_refs
from shop._generated.db import MutationCtx as ShopMutationCtx
from shop._generated.db import QueryCtx as ShopQueryCtx
from shop.desk import impl as desk_impl
from shop.desk.middleware import Clerk, Measured, NotOnDuty, NotSignedIn, OnDuty, Serving, SignedIn
from shop.desk.spec import Desk
from shop.services import live as shop_live
from shop.tables.events import Cancelled, Event, Noted, Shipped
from shop.tables.orders import Order


class User(Table, name="users"):
    name: str


async def filters(ctx: QueryCtx) -> None:
    at, author = field_of(Note, lambda note: note.at), field_of(Note, lambda note: note.author)
    field_of(Note, lambda note: note.nowhere)  # no such field
    ctx.db.notes.query().filter(at == "now")  # another type
    field_of(Event, lambda event: event.reason)  # a field of variants only
    _ = author < 3  # another type
    _ = author == at  # a field of another type
    _ = author + "x"  # no number
    _ = at & (at > 3)  # no condition
    ctx.db.notes.query().filter(at)  # no condition
    ctx.db.notes.query().filter(lambda note: note.nowhere)  # no such field


async def calls(client: AsyncClient, note_id: Id[Note], user_id: Id[User]) -> None:
    await client.mutation(refs.public.notes.insert, text=3)  # wrong type
    await client.mutation(refs.public.notes.insert, txt="hi")  # unknown argument
    await client.mutation(refs.public.notes.insert)  # missing argument
    await client.mutation(refs.public.notes.insert, "hi")  # by position
    await client.query(refs.public.notes.insert, text="hi")  # a mutation is no query
    await client.mutation(refs.public.notes.list)  # a query is no mutation
    await client.action(refs.public.notes.insert, text="hi")  # a mutation is no action
    await client.query(refs.public.notes.search, 3)  # plain function, wrong type
    await client.query(refs.public.notes.search, "hi", 3)  # plain function, keyword only
    n: int = await client.mutation(refs.public.notes.insert, text="hi")  # wrong result
    await client.mutation(refs.internal.notes.clear)  # internal
    refs.public.notes.lst  # no such function
    refs.public.notes.clear  # internal functions are in refs.internal
    await client.query(refs.public.notes.get, note_id="n1")  # a string is no id
    await client.query(refs.public.notes.get, note_id=user_id)  # an id of another table
    await client.query_or_raise(refs.public.notes.list)  # it declares no error
    await client.query_page(refs.public.notes.list, PaginationOptions(num_items=3))  # no pages
    for _ in client.subscribe(refs.public.notes.list):  # a subscription is asynchronous
        pass
    client.subscribe(refs.public.notes.insert, text="hi")  # a mutation is not subscribed to
    note = await client.query(refs.public.notes.get, note_id=note_id)
    note.text  # an outcome is no note
    refs.public.notes.list = refs.public.notes.list  # refs do not change
    assert n


async def forgets_the_failure(client: AsyncClient, id: Id[Note]) -> str:  # a failure is forgotten
    found = await client.query(refs.public.notes.get, note_id=id)
    if isinstance(found, Success):
        return found.unwrap().text


async def schedules(ctx: MutationCtx, note_id: Id[Note], job: Id[ScheduledFunction]) -> None:
    soon = timedelta(seconds=1)
    await ctx.scheduler.run_after(soon, refs.public.notes.list)  # a query is not scheduled
    await ctx.scheduler.run_after(soon, refs.public.notes.insert)  # missing argument
    await ctx.scheduler.run_after(soon, refs.public.notes.insert, text=3)  # wrong type
    await ctx.scheduler.run_after(soon, refs.public.notes.insert, "hi")  # by position
    await ctx.scheduler.run_after(3, refs.internal.notes.clear)  # seconds are a timedelta
    await ctx.scheduler.run_at(soon, refs.internal.notes.clear)  # a delay is no time
    await ctx.scheduler.cancel(note_id)  # the id of something else
    cron_id: Id[CronJob] = job  # a run is no cron
    await ctx.crons.register("x", soon, refs.internal.notes.clear)  # no recurrence
    await ctx.crons.register("x", daily(hour=3), refs.public.notes.list)  # a query does not recur
    await ctx.crons.register("x", daily(hour=3), refs.public.notes.insert)  # no argument
    cron("x", daily(hour=3), refs.public.notes.list)  # a query does not recur
    cron("x", daily(hour=3), refs.public.notes.insert)  # missing argument
    assert cron_id


async def schedules_in_query(ctx: QueryCtx) -> None:
    ctx.scheduler  # a query schedules nothing
    ctx.crons  # nor again and again


async def crons_in_action(ctx: ActionCtx) -> None:
    ctx.crons  # an action calls a mutation for that


@impl(Notes.insert)  # the handler answers something else
async def wrong_result(ctx: MutationCtx, args: InsertNote) -> int:
    return 1


@impl(Notes.lst)  # no such function to implement
async def misnamed(ctx: QueryCtx, args: NoArgs) -> list[Note]:
    return []


@impl(Notes.list_)  # a query is given no mutation's ctx
async def wrong_ctx(ctx: MutationCtx, args: NoArgs) -> list[Note]:
    return []


@impl(Notes.get)  # an error that is not declared
async def undeclared_error(ctx: QueryCtx, args: ByNote) -> Outcome[Note, Forbidden]:
    return Failure(Forbidden())


@impl(Notes.get)  # other arguments
async def wrong_args(ctx: QueryCtx, args: InsertNote) -> Outcome[Note, NoteNotFound]:
    return Failure(NoteNotFound(note_id=Id[Note](args.text)))


@impl(Notes.get)  # the bare value of an outcome
async def no_outcome(ctx: QueryCtx, args: ByNote) -> Note | None:
    return None


@impl(Notes.list_)  # not asynchronous
def not_async(ctx: QueryCtx, args: NoArgs) -> list[Note]:
    return []


@impl(Notes.email)  # an action has no database
async def action_with_db(ctx: QueryCtx, args: ByNote) -> bool:
    return True


@impl(Notes.list_)
async def query_writes(ctx: QueryCtx, args: NoArgs) -> list[Note]:
    await ctx.db.notes.insert(text="hi", author="Ada", at=1.0)  # a query cannot write
    await ctx.db.notes.delete(Id[Note]("x"))  # a query cannot delete
    await ctx.db.delete(Id[Note]("x"))  # a query cannot delete by id
    await ctx.run_mutation(refs.internal.notes.clear)  # a query cannot run mutations
    return []


@impl(Notes.list_)
async def undeclared_service(ctx: QueryCtx[Mailer], args: NoArgs) -> list[Note]:
    Mailer.of(ctx)
    Clock.of(ctx)  # not asked for
    return []


async def reads(ctx: QueryCtx, note_id: Id[Note], user_id: Id[User]) -> None:
    ctx.db.notes.by_author(text="hi")  # not the field of the index
    ctx.db.notes.by_author(author=3)  # wrong type of a field
    ctx.db.notes.by_author(author=Range(gt=3))  # wrong type of a bound
    ctx.db.notes.by_author(author=Range(gt="a"), creation_time=3.0)  # a range comes last
    ctx.db.notes.by_author(creation_time=3.0)  # a leading field is missing
    ctx.db.notes.by_text(text="hi")  # no such index
    ctx.db.nodes  # no such table
    ctx.db.notes.query().order("up")  # no such order
    await ctx.db.notes.get("n1")  # a string is no id to read
    await ctx.db.notes.get(user_id)  # an id of another table to read
    note = await ctx.db.notes.get(note_id)
    note.text  # it may not be there
    for _ in ctx.db.notes.query():  # reading is asynchronous
        pass


async def writes(ctx: MutationCtx, note_id: Id[Note], user_id: Id[User]) -> None:
    await ctx.db.notes.insert(text="hi", author="Ada")  # a field is missing
    await ctx.db.notes.insert(text="hi", author="Ada", at="now")  # wrong type of a field
    await ctx.db.notes.insert(text="hi", author="Ada", at=1.0, size=3)  # unknown field
    await ctx.db.notes.patch(note_id, size=3)  # unknown field in a patch
    await ctx.db.notes.patch(note_id, text=None)  # a required field is not removed
    await ctx.db.notes.replace(note_id, text="hi")  # not the whole document
    await ctx.db.notes.patch(user_id, text="hi")  # a patch of another table
    await ctx.db.notes.delete(user_id)  # an id of another table to delete
    await ctx.db.system.tables.insert(name="x", number=1)  # system tables are not written
    await ctx.db.table(Note).insert(text="hi")  # a field is missing by class
    Note(text="hi", author="Ada", at=1.0, id=note_id)  # the database gives ids
    Note(text="hi")  # a document that is not whole


async def variants(ctx: ShopMutationCtx, order: Id[Order], event: Id[Event]) -> None:
    await ctx.db.events.insert(order=order, reason=3)  # which variant is not said
    await ctx.db.events.insert(kind="noted", order=order)  # a field of the variant is missing
    await ctx.db.events.insert(kind="noted", order=order, reason="x")  # the type of another variant
    await ctx.db.events.insert(kind="noted", order=order, reason=3, labels={})  # a field of another
    await ctx.db.events.replace(event, kind="shipped", order=order)  # not the whole variant
    await ctx.db.events.patch(event, kind="shipped")  # a patch makes no other variant of it
    await ctx.db.events.patch(order, reason=3)  # an id of another table to patch a variant
    await ctx.db.events.get(order)  # an id of another table to get a variant
    ctx.db.events.by_order(order=order, kind="lost")  # no variant is called so
    ctx.db.events.by_city(shipment__to__city=3)  # wrong type of a nested field
    found = await ctx.db.events.get(event)
    assert found is not None
    found.reason  # not every variant has it
    shipped: list[Shipped] = await ctx.db.events.query().collect()  # there are other variants
    ctx.db.undeclared_table("clicks").by_time()  # there are no indexes of what is not declared
    await ctx.db.undeclared_table("clicks").insert(button=1)  # fields without types are a mapping
    assert shipped


async def forgets(ctx: ShopQueryCtx, event: Id[Event]) -> str:
    match await ctx.db.events.get(event):
        case Shipped() | Cancelled() | None:
            return ""
        case Noted() as noted:
            return noted.reason  # a variant is narrowed to what it is


async def undeclared(ctx: MutationCtx) -> None:
    ctx.db.undeclared_table("clicks")  # the project does not allow undeclared tables


async def nests(ctx: MutationCtx, note_id: Id[Note]) -> None:
    await ctx.run_mutation(refs.public.notes.insert, text=3)  # a nested call with a wrong type
    await ctx.run_mutation(refs.public.notes.list)  # a query is not run as a mutation
    await ctx.run_mutation(refs.public.notes.email, note_id=note_id)  # nor is an action
    await ctx.run_action(refs.public.notes.email, note_id=note_id)  # a mutation runs no actions
    ctx.meta.documents  # no such limit
    ctx.meta.documents_read.used = 3  # what is used is told, not set


async def looks_at_files(ctx: QueryCtx, file: Id[StoredFile], note_id: Id[Note]) -> None:
    await ctx.storage.delete(file)  # a query deletes no files
    await ctx.storage.upload_url()  # a query takes no files
    await ctx.storage.url(note_id)  # an id of another table is no file
    await ctx.db.system.stored_file(note_id)  # an id of another table is no file
    await ctx.db.system.storage.delete(file)  # system tables are not written
    await ctx.db.notes.get(file)  # the id of a file is no id of a document
    url: str = await ctx.storage.url(file)  # the file may be gone
    assert url


async def changes_files(ctx: MutationCtx, file: Id[StoredFile]) -> None:
    await ctx.storage.delete(file)
    await ctx.storage.store(b"abc")  # a mutation does not wait for bytes
    await ctx.storage.get(file)  # nor reads them


async def acts(ctx: ActionCtx, note_id: Id[Note]) -> None:
    await ctx.storage.store("abc")  # bytes are no text
    await ctx.storage.store(b"abc", sha256="0123")  # a digest is bytes
    ctx.meta  # an action has no limits to use up
    ctx.db  # an action has no database of its own
    Mailer.of(ctx)  # an action that did not ask
    await ctx.run_query(refs.internal.notes.clear)  # run as what it is not
    await ctx.run_action(refs.public.notes.email)  # a nested call without its argument


@plain.query  # a plain query is given no mutation's ctx
async def plain_query(ctx: MutationCtx, text: str) -> str:
    return text


@plain.action  # nor an action a query's
async def plain_action(ctx: QueryCtx) -> None: ...


@plain.internal_mutation  # not asynchronous, and plain
def plain_mutation(ctx: MutationCtx) -> None: ...


@plain.paginated_query  # it takes no page
async def plain_page(ctx: QueryCtx, text: str) -> None: ...


@plain.internal_query
async def plain_clock(ctx: QueryCtx[Clock], text: str) -> str:
    return Clock.of(ctx).now() and text  # the wrong result of a plain function


async def as_written(ctx: QueryCtx, clock: QueryCtx[Clock]) -> None:
    await plain_clock(ctx, "hi")  # the ctx of somebody who asked for less
    await plain_clock(clock, 3)  # called as written, wrong type


async def other_args(ctx: QueryCtx, args: ByNote) -> list[Note]:
    return []


async def other_result(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return []


async def mutating(ctx: MutationCtx, args: NoArgs) -> list[Note]:
    return []


async def other_search(ctx: QueryCtx, text: int, *, limit: int = 20) -> list[str]:
    return []


async def with_clock(ctx: QueryCtx[Clock], args: NoArgs) -> list[Note]:
    return []


FunctionImpl.make(Notes.list_, other_args)  # built of a handler of other arguments
FunctionImpl.make(Notes.list_, other_result)  # built of a handler with another result
FunctionImpl.make(Notes.list_, mutating)  # built of a handler of another kind
FunctionImpl.make(Notes.search, other_search)  # a plain function with another parameter
parts = GroupImpl.make(Notes).provide(FunctionImpl.make(Notes.list_, with_clock))
Impl.make(spec, dev).provide(parts)  # Clock is not provided to what is built
library = GroupImpl("library", GroupSpec.make("library"), {}).add_plain(plain_clock)
Impl(dev).provide(library)  # Clock is not provided to a plain function


async def handles(
    ctx: MutationCtx, act: ActionCtx, handle: MutationHandle[ByNote, str], note_id: Id[Note]
) -> None:
    insert_note = MutationHandle.taking(InsertNote)
    insert_note.of(refs.public.notes.remove)  # the arguments of another function
    insert_note.of(refs.public.notes.list)  # a query is named by a QueryHandle
    MutationHandle.taking(NoArgs).of(refs.public.notes.insert)  # a model without its arguments
    await ctx.run_mutation(handle, InsertNote(text="hi"))  # another model than the handle takes
    await ctx.run_mutation(handle, note_id=note_id)  # a handle takes a model
    await ctx.run_query(handle, ByNote(note_id=note_id))  # a mutation is not called as a query
    await act.run_action(handle, ByNote(note_id=note_id))  # nor as an action
    n: int = await act.run_mutation(handle, ByNote(note_id=note_id))  # a handle answers as it says
    other: MutationHandle[ByNote, int] = handle  # another result of a handle
    text: MutationHandle[ByNote, str] = "notes:get"  # a text is no handle
    assert n, (other, text)


async def open_by_clock(needs: Needs[Clock]) -> AsyncIterator[Mailer]:
    Mailer.of(needs)  # a layer that did not ask
    yield Mailer()


layers().add(Mailer, open_by_clock)  # no layer before provides Clock
dev.add(Clock, open_by_clock)  # opens another service
live.replace(Mailer, Clock())  # another service in its place
live.add(Mailer, open_clock)  # a layer of another service
dev.replace(Mailer, open_by_clock)  # its replacement takes what is not there
Impl(live).with_layers(dev)  # layers that provide less


class Slow(GroupSpec):
    print_ = FunctionSpec.public_action(returns=bool, blocking=True)
    scan = FunctionSpec.internal_action(returns=bool, blocking=True)
    crunch = FunctionSpec.public_action(returns=bool, process=True)
    send = FunctionSpec.public_action(returns=bool)


@impl(Slow.print_)  # a blocking handler is no coroutine
async def print_(ctx: BlockingActionCtx, args: NoArgs) -> bool:
    return True


@impl(Slow.print_)  # and its calls block
def print_with_other_ctx(ctx: ActionCtx, args: NoArgs) -> bool:
    return True


@impl(Slow.send)  # only a blocking action may block
def send(ctx: ActionCtx, args: NoArgs) -> bool:
    return True


@impl(Slow.crunch)  # a process has no ctx
def crunch(ctx: ActionCtx, args: NoArgs) -> bool:
    return True


@impl(Slow.crunch)  # a process runs a plain function
async def crunch_awaiting(args: NoArgs) -> bool:
    return True


async def guarded_scan(client: AsyncClient) -> None:
    await client.action(ref_behind("slow:scan", Slow.scan, NotSignedIn))  # internal, and guarded


async def inline(ctx: MutationCtx, act: ActionCtx) -> None:
    str(await ctx.run_mutation(ref("slow:send", Slow.send)))  # named there: no mutation
    n: str = await act.run_action(ref("slow:send", Slow.send))  # named there: wrong result
    await act.run_action(ref("slow:send", Slow.send), times=2)  # named there: unknown argument
    assert n


def blocks(ctx: BlockingActionCtx) -> None:
    ctx.db  # an action has no database
    ctx.log.info()  # nothing is said
    ctx.log.warning(404)  # a message is text
    ctx.log.fatal("gone")  # no such level
    Mailer.of(ctx)  # a blocking action that did not ask
    ctx.run_mutation(ref("slow:print", Slow.print_))  # an action is no mutation
    n: str = ctx.run_action(ref("slow:print", Slow.print_))  # wrong result of a blocking call
    assert n


async def calls_slow(client: AsyncClient) -> None:
    await client.action(ref("slow:scan", Slow.scan))  # internal, and blocking


FunctionSpec.public_action(returns=bool, blocking=True, process=True)  # in two places
FunctionSpec.public_action(returns=bool, timeout_s="1h")  # a timeout is a number


async def guarded(client: AsyncClient) -> str:
    name = await client.query(shop_refs.public.desk.name)
    name.upper()  # behind middleware that fails it is an outcome
    forgetful: Outcome[str, NotSignedIn] = name  # the middleware fails with another error, too
    return str(forgetful)


@middleware(SignedIn)  # an error that the middleware does not declare
async def undeclared_failure(ctx: ShopQueryCtx) -> Outcome[Clerk, NotOnDuty]:
    return Failure(NotOnDuty(clerk=""))


@middleware(SignedIn)  # nothing is provided
async def providing_nothing(ctx: ShopQueryCtx) -> None: ...


@middleware(SignedIn)  # the value of another middleware
async def providing_another(ctx: ShopQueryCtx[Clerk]) -> Serving:
    raise NotSignedIn


@middleware(SignedIn)  # queries are given no mutation's ctx
async def writing(ctx: ShopMutationCtx) -> Clerk:
    raise NotSignedIn


@middleware(Measured).for_all  # not every ctx has a database
async def reading(ctx: ShopQueryCtx) -> None: ...


class ByTenant(Args):
    tenant: str


class InTenant(Middleware[NotSignedIn, Clerk, Never, ByTenant]): ...


@middleware(InTenant)  # the arguments of others
async def looking_at_others(ctx: ShopQueryCtx, call: Call[InsertNote]) -> Clerk:
    raise NotSignedIn


@middleware(SignedIn)  # arguments that the functions behind it need not take
async def looking_at_any(ctx: ShopQueryCtx, call: Call[ByTenant]) -> Clerk:
    raise NotSignedIn


@around(InTenant)  # the arguments of others, around
async def looking_around(
    ctx: ShopQueryCtx, call: Call[InsertNote], proceed: Proceed[Clerk]
) -> Answer:
    raise NotSignedIn


@middleware(InTenant)
async def looking(ctx: ShopQueryCtx, call: Call) -> Clerk:
    return Clerk(call.args.tenant)  # it does not say which arguments it looks at


@middleware(InTenant)
async def asking(ctx: ShopQueryCtx[Serving], call: Call[ByTenant]) -> Clerk:
    raise NotSignedIn


async def greeted(ctx: ShopQueryCtx[Clerk], args: NoArgs) -> str:
    return Clerk.of(ctx).name


greeting = GroupImpl.make(Desk).provide(FunctionImpl.make(Desk.name, greeted))
Impl.make(spec, shop_live).provide(greeting)  # nothing that is built provides Clerk
Impl.make(spec, shop_live).behind(asking)  # what it asks for it does not require


@around(Measured)  # it answers something else
async def of_its_own(ctx: ShopQueryCtx, call: Call, proceed: Proceed) -> str:
    return "mine"


@around(OnDuty)
async def silent(ctx: ShopQueryCtx, call: Call, proceed: Proceed[Serving]) -> Answer:
    return await proceed()  # it does not say what it provides


@impl(Desk.name)
async def of_another(ctx: ShopQueryCtx[Serving], args: NoArgs) -> str:
    Clerk.of(ctx)  # a value that was not asked for
    return ""


@impl(Desk.close)
async def hasty(ctx: ShopMutationCtx[Serving], args: NoArgs) -> None: ...


guests = shop_impls.desk(
    name=desk_impl.name,
    orders=desk_impl.orders,
    order=desk_impl.order,
    open=desk_impl.open_,
    close=hasty,
    call=desk_impl.call,
)
desk_impl.staffed.provide(guests)  # nothing before that function provides what it asks for
ready = Impl(shop_live).behind(desk_impl.measured)
ready.provide(desk_impl.hours).provide(desk_impl.desk)  # SignedIn is not implemented


@on_write(Note)  # the changes of another table
async def another_table(ctx: MutationCtx, change: Change[Order]) -> None: ...


@on_write(Note | Order)  # only some of the tables
async def one_of_two(ctx: MutationCtx, change: Change[Note]) -> None: ...


@on_write(Note)  # a hook is asynchronous
def synchronous(ctx: MutationCtx, change: Change[Note]) -> None: ...


@on_write(Note)
async def careful(ctx: MutationCtx[Clock], change: Change[Note]) -> None:
    change.after.text  # a deleted document is not there after
    change.after = None  # a change is told, not made
    await ctx.db.notes.patch(change.id, txt="")  # no such field


on_write(int)  # no table
Impl(dev).watch(careful)  # a service of the hook is not provided
Impl(dev).behind(desk_impl.on_duty)  # a service of the middleware is not provided


class ByName(Args):
    name: str


class Model:
    pass


FunctionSpec.public_query(args=Model, returns=int)  # no Args model
FunctionSpec.public_query(returns=int, error=ValueError)  # no TaggedError
FunctionSpec.public_query(args=ByName)  # no returns
FunctionSpec.public_query(ByName, int)  # schemas are passed by keyword
FunctionSpec.public_paginated_query(returns=int)  # pages have an item
FunctionSpec.plain_public_query(lambda: 3)  # no function
ref("notes:list", Notes)  # a group is no function


class Gone(TaggedError):
    name: str


Gone("Ada")  # fields of an error are passed by keyword
Gone(name="Ada").name = "Bea"  # declared errors do not change
NoteNotFound(note="x")  # wrong field of an error
impls.notes(  # no remove
    list=list_, insert=insert, get=get, first=first, page=page, clear=clear, email=email
)
impls.notes(
    list=list_,
    insert=list_,  # the implementation of another function
    get=get,
    remove=remove,
    first=first,
    page=page,
    clear=clear,
    email=email,
)
Impl(dev).provide(notes)  # Clock is not provided


@route("GET", "/time")
async def time(ctx: ActionCtx[Clock], request: Request) -> Response:
    await ctx.run_mutation(refs.public.notes.list)  # a query is no mutation
    ctx.db.notes  # an action has no database
    return Response()


Impl(dev).serve(time)  # Clock is not provided


class Env(Environment):
    page_size: int = 20


async def who_and_where(ctx: QueryCtx, client: AsyncClient) -> None:
    settings = await Env.of(ctx)
    settings.nowhere  # no such setting
    await Env.of(client)  # no ctx of a handler
    ctx.auth.identity().subject  # there may be nobody
    await client.set_auth("token")  # a token has to be fetched


Impl(dev).authenticate("https://id.example.com")  # no provider
Impl(dev).environment(Env())  # settings, not their class
Impl(dev).authenticate_by(Env, lambda env: env.nowhere)  # no such setting
Impl(dev).authenticate_by(Env, lambda env: env.page_size)  # no provider
route("FETCH", "/time")  # no such method
route("GET", "/time", prefix="/")  # a path and a prefix


@route("GET", "/text")  # a handler of a route gives a response
async def text(ctx: ActionCtx, request: Request) -> str:
    return ""


out: Outcome[int, Gone] = Success("three")  # another result in an outcome


class NotesApi(HttpApi):
    get = Endpoint.get("/notes/{note_id}", args=ByNote, returns=Note, error=NoteNotFound)
    email = Endpoint.post("/notes/{note_id}/email", args=ByNote, returns=bool)
    list_ = Endpoint.get("/notes", calls=refs.public.notes.list)
    page = Endpoint.get("/page", calls=refs.public.notes.page)  # pages are no answers
    both = Endpoint.get("/both", calls=refs.public.notes.list, returns=int)  # says it twice
    stray = Endpoint.get("/", returns=int).with_status(Note, 404)  # no error
    model = Endpoint.get("/", args=Note, returns=int)  # a document is no arguments


@endpoint(NotesApi.get)  # an undeclared error
async def api_undeclared(ctx: ActionCtx, args: ByNote) -> Outcome[Note, NoteNotFound | Forbidden]:
    return Failure(Forbidden())


@endpoint(NotesApi.get)  # other arguments
async def api_args(ctx: ActionCtx, args: InsertNote) -> Outcome[Note, NoteNotFound]:
    return Failure(NoteNotFound(note_id=Id[Note]("")))


@endpoint(NotesApi.email)  # another answer
async def api_returns(ctx: ActionCtx, args: ByNote) -> str:
    return "sent"


@endpoint(NotesApi.email)  # an endpoint is an action
async def api_mutation(ctx: MutationCtx, args: ByNote) -> bool:
    return True


@endpoint(NotesApi.list_)  # a function answers it
async def api_calls(ctx: ActionCtx, args: NoArgs) -> list[Note]:
    return []


@endpoint(NotesApi.email)
async def api_email(ctx: ActionCtx[Mailer], args: ByNote) -> bool:
    return bool(Clock.of(ctx))  # a service that was not asked for


@endpoint(NotesApi.email)
async def api_time(ctx: ActionCtx[Clock], args: ByNote) -> bool:
    return bool(Clock.of(ctx))


Impl(dev).serve_api(NotesApi, api_time)  # Clock is not provided


async def in_tests(t: TestApp[Mailer], note_id: Id[Note]) -> None:
    await t.mutation(refs.public.notes.insert, text=3)  # wrong type
    await t.query(refs.public.notes.insert, text="hi")  # a mutation is no query
    await t.as_client().mutation(refs.internal.notes.clear)  # clients call no internal functions
    await t.read(seed)  # what reads cannot write
    await t.run(seed)  # the application has no Clock


async def seed(ctx: MutationCtx[Clock]) -> None:
    await ctx.db.notes.insert(text="hi", author="ann", at=0.0)


TestApp(Impl.make(spec, dev))  # an application that is not finalized
replacing(Mailer).by(Clock())  # another service


def shows(store: LocalStore, *, text: str, tag: str | None = None) -> None:
    del store, text, tag


def shows_other(store: LocalStore, *, note_id: Id[Note]) -> None:
    listed = store.query(refs.public.notes.list)
    listed.set([3])  # notes are no numbers
    listed.set("hi")  # nor are they text
    store.query(refs.public.notes.search)  # missing argument
    store.query(refs.public.notes.insert, text="hi")  # a mutation shows nothing
    store.query(refs.public.notes.get, note_id=note_id).set("hi")  # text is no outcome
    store.pages(refs.public.notes.list)  # it has no pages
    store.pages(refs.public.notes.page).insert_at_top("hi")  # pages of notes
    store.pages(refs.public.notes.page).map(lambda note: note.text)  # text is no note


async def shown_wrong(client: AsyncClient, note_id: Id[Note]) -> None:
    insert, get = refs.public.notes.insert, refs.public.notes.get
    await client.optimistic(insert).run(shows_other, text="hi")  # an update of another one
    await client.optimistic(get).run(shows_other, note_id=note_id)  # a query changes nothing
    await client.optimistic(insert).run(shows, text=3)  # wrong type
    await client.optimistic(insert).run(shows)  # missing argument


async def called_back(client: AsyncClient, note_id: Id[Note]) -> None:
    async def later(notes: list[Note]) -> None:
        del notes

    def of_text(text: str) -> None:
        del text

    client.on_update(refs.public.notes.list, later)  # nobody would await it
    client.on_update(refs.public.notes.list, of_text)  # notes are no text
    client.on_update(refs.public.notes.get, print)  # missing argument
    client.with_options(timeout=3)  # no such option
    await client.mutation_or_raise(refs.public.notes.insert, text="hi")  # it declares no error
    client.subscribe_or_raise(refs.public.notes.list)  # it declares no error, either


async def paged(client: AsyncClient) -> None:
    client.subscribe_pages(refs.public.notes.list, 20)  # it has no pages
    client.subscribe_pages(refs.public.notes.page)  # of how many items
    pages = client.subscribe_pages(refs.public.notes.page, 20)
    texts: tuple[str, ...] = pages.results  # notes are no text
    pages.load_more("all")  # a number of items
    del texts


async def over_http(client: AsyncHttpClient, note_id: Id[Note]) -> None:
    client.subscribe(refs.public.notes.list)  # nothing is watched over HTTP
    client.optimistic(refs.public.notes.insert)  # nor is there anything to show it to
    await client.mutation(refs.public.notes.insert, text=3)  # wrong type
    await client.mutation(refs.internal.notes.clear)  # internal
    await client.query_or_raise(refs.public.notes.list)  # it declares no error
    await client.snapshot().query(refs.public.notes.list)  # the snapshot is not awaited
    snapshot = await client.snapshot()
    await snapshot.mutation(refs.public.notes.insert, text="hi")  # the past cannot be changed
    await client.set_auth(lambda: "token")  # a coroutine has to fetch it


async def blocking(client: Client, http: HttpClient, note_id: Id[Note]) -> None:
    await client.query(refs.public.notes.list)  # it blocks, and is not awaited
    client.query(refs.public.notes.insert, text="hi")  # a mutation is no query
    client.mutation(refs.public.notes.insert, text=3)  # wrong type
    client.mutation(refs.public.notes.insert)  # missing argument
    client.mutation(refs.internal.notes.clear)  # internal
    client.query_or_raise(refs.public.notes.list)  # it declares no error
    async for _ in client.subscribe(refs.public.notes.list):  # it is no asynchronous iterator
        pass
    client.on_update(refs.public.notes.get, print)  # missing argument
    client.optimistic(refs.public.notes.insert).run(shows_other, text="hi")  # update of another
    client.subscribe_pages(refs.public.notes.list, 20)  # it has no pages
    client.set_auth("token")  # a token has to be fetched
    http.subscribe(refs.public.notes.list)  # nothing is watched over HTTP
    http.mutation(refs.public.notes.insert, text=3)  # wrong type
    number: int = http.mutation(refs.public.notes.insert, text="hi")  # wrong result
    del number
