"""The logic of documents, and their analysis by a language model.

A mutation notes that an analysis is wanted and schedules an action, in one transaction: either both
are there or neither. The action reads, waits for the model outside of any transaction, and has the
answer saved by another mutation.

A scheduled action runs at most once: it is lost if its server dies while the model reads. Scheduled
mutations are not, so one looks after each attempt, and makes the next if there is no answer.
"""

from __future__ import annotations

from datetime import timedelta

from returns.result import Failure, Success

from confect_core import Id, Outcome
from confect_server import ActionCtx, impl
from foundry._generated import impls, refs
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import InOrganisation, Member, NotAllowed, NotInOrganisation
from foundry.checks import editing, ours
from foundry.documents.spec import (
    Add,
    Analyses,
    Attempt,
    ByDocument,
    Documents,
    NoSuchUpload,
    OfDocument,
    SaveAnalysis,
)
from foundry.programs.spec import ByProgram
from foundry.services import Model, ModelFailed
from foundry.tables import Analysis, Document

ATTEMPTS = 3
ATTEMPT_TAKES = timedelta(minutes=1)
"""Longer than `analyse` may take, so that there are never two at once."""


@impl(Documents.of_program)
async def of_program(
    ctx: QueryCtx[Member], args: ByProgram
) -> Outcome[list[Document], NotInOrganisation]:
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(await ctx.db.documents.by_program(program=program.id).collect())


@impl(Documents.upload_url)
async def upload_url(ctx: MutationCtx[Member], args: InOrganisation) -> Outcome[str, NotAllowed]:
    editing(ctx)
    return Success(await ctx.storage.upload_url())


@impl(Documents.add)
async def add(
    ctx: MutationCtx[Member], args: Add
) -> Outcome[Id[Document], NotAllowed | NotInOrganisation | NoSuchUpload]:
    member = editing(ctx)
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    # a file that another document has may be of another organisation
    is_taken = await ctx.db.documents.by_file(file=args.file).first() is not None
    if is_taken or await ctx.storage.metadata(args.file) is None:
        return Failure(NoSuchUpload(file=args.file))
    return Success(
        await ctx.db.documents.insert(
            organisation=member.organisation,
            program=program.id,
            title=args.title,
            file=args.file,
        )
    )


@impl(Documents.remove)
async def remove(
    ctx: MutationCtx[Member], args: ByDocument
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    document = ours(ctx, await ctx.db.documents.get(args.document), args.document)
    await ctx.db.documents.delete(document.id)
    await ctx.storage.delete(document.file)
    return Success(None)


@impl(Documents.url)
async def url(ctx: QueryCtx[Member], args: ByDocument) -> Outcome[str | None, NotInOrganisation]:
    document = ours(ctx, await ctx.db.documents.get(args.document), args.document)
    return Success(await ctx.storage.url(document.file))


@impl(Documents.request_analysis)
async def request_analysis(
    ctx: MutationCtx[Member], args: ByDocument
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    document = ours(ctx, await ctx.db.documents.get(args.document), args.document)
    if document.status != "waiting":
        request = document.requests + 1
        await ctx.db.documents.patch(document.id, status="waiting", requests=request)
        attempt = refs.internal.analyses.attempt
        await ctx.run_mutation(attempt, document=document.id, request=request, number=1)
    return Success(None)


@impl(Analyses.attempt)
async def attempt(ctx: MutationCtx, args: Attempt) -> None:
    """Have the document analysed, unless that is done; after too many attempts it has failed."""
    document = await ctx.db.documents.get(args.document)
    if document is None or document.status != "waiting" or document.requests != args.request:
        return
    if args.number > ATTEMPTS:
        await ctx.db.documents.patch(document.id, status="failed")
        return
    internal, scheduler = refs.internal.analyses, ctx.scheduler
    await scheduler.run_after(timedelta(), internal.analyse, document=document.id)
    await scheduler.run_after(
        ATTEMPT_TAKES,
        internal.attempt,
        document=document.id,
        request=args.request,
        number=args.number + 1,
    )


@impl(Analyses.document)
async def document(ctx: QueryCtx, args: OfDocument) -> Document | None:
    return await ctx.db.documents.get(args.document)


@impl(Analyses.analyse)
async def analyse(ctx: ActionCtx[Model], args: OfDocument) -> None:
    document = await ctx.run_query(refs.internal.analyses.document, document=args.document)
    file = None if document is None else await ctx.storage.get(document.file)
    if document is None or file is None:
        return
    analysis: Analysis | None = None
    try:
        content = (await file.read()).decode()
        analysis = await Model.of(ctx).analyse(document.title, content)
    except (UnicodeDecodeError, ModelFailed) as failed:
        ctx.log.warning("the model failed: %s", failed, document=document.id)
    save = refs.internal.analyses.save
    await ctx.run_mutation(save, document=document.id, analysis=analysis)


@impl(Analyses.save)
async def save(ctx: MutationCtx, args: SaveAnalysis) -> None:
    if await ctx.db.documents.get(args.document) is None:
        return
    if args.analysis is None:
        await ctx.db.documents.patch(args.document, status="failed")
    else:
        await ctx.db.documents.patch(args.document, status="analysed", analysis=args.analysis)


documents = impls.documents(
    of_program=of_program,
    upload_url=upload_url,
    add=add,
    remove=remove,
    url=url,
    request_analysis=request_analysis,
)
analyses = impls.analyses(attempt=attempt, document=document, analyse=analyse, save=save)
