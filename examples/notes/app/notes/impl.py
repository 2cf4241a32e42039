"""The logic of notes."""

from __future__ import annotations

from returns.result import Failure, Success

from app._generated import impls, refs
from app._generated.db import MutationCtx, QueryCtx
from app.notes.spec import ByNote, Forbidden, InsertNote, NoteNotFound, Notes
from app.services import Clock, Mailer
from app.tables import Note
from confect_core import Id, NoArgs, Outcome, PaginationOptions, PaginationResult
from confect_server import ActionCtx, impl


@impl(Notes.list_)
async def list_(ctx: QueryCtx, args: NoArgs) -> list[Note]:
    return await ctx.db.notes.query().order("desc").take(100)


@impl(Notes.insert)
async def insert(ctx: MutationCtx[Clock], args: InsertNote) -> Id[Note]:
    return await ctx.db.notes.insert(
        text=args.text, tag=args.tag, author="somebody", at=Clock.of(ctx).now()
    )


@impl(Notes.get)
async def get(ctx: QueryCtx, args: ByNote) -> Outcome[Note, NoteNotFound]:
    note = await ctx.db.notes.get(args.note_id)
    return Success(note) if note else Failure(NoteNotFound(note_id=args.note_id))


@impl(Notes.remove)
async def remove(ctx: MutationCtx, args: ByNote) -> Outcome[None, NoteNotFound | Forbidden]:
    note = await ctx.db.notes.get(args.note_id)
    if note is None:
        return Failure(NoteNotFound(note_id=args.note_id))
    if note.tag == "pinned":
        return Failure(Forbidden(reason="the note is pinned"))
    await ctx.db.notes.delete(args.note_id)
    return Success(None)


@impl(Notes.first)
async def first(ctx: QueryCtx, args: NoArgs) -> Note | None:
    return await ctx.db.notes.by_author(author="somebody").first()


@impl(Notes.page)
async def page(ctx: QueryCtx, args: NoArgs, options: PaginationOptions) -> PaginationResult[Note]:
    return await ctx.db.notes.query().order("desc").paginate(options)


@impl(Notes.clear)
async def clear(ctx: MutationCtx, args: NoArgs) -> None:
    async for note in ctx.db.notes.query():
        await ctx.db.notes.delete(note.id)


@impl(Notes.email)
async def email(ctx: ActionCtx[Mailer], args: ByNote) -> bool:
    match await ctx.run_query(refs.public.notes.get, note_id=args.note_id):
        case Success(note):
            await Mailer.of(ctx).send(note.text)
            ctx.log.info("sent a note by %s", note.author)
            return True
        case Failure(_):
            return False


notes = impls.notes(
    list=list_,
    insert=insert,
    get=get,
    remove=remove,
    first=first,
    page=page,
    clear=clear,
    email=email,
)
