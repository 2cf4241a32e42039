"""The logic of documents, and their analysis by a language model.

A mutation notes that an analysis is wanted and schedules an action, in one transaction: either both
are there or neither. The action reads, waits for the model outside of any transaction, and has the
answer saved by another mutation.
"""

from __future__ import annotations

import logging
from datetime import timedelta

from returns.result import Success

from confect_core import Id, Outcome
from confect_server import ActionCtx, impl
from foundry._generated import impls, refs
from foundry._generated.db import MutationCtx, QueryCtx
from foundry.access import Member, NotAllowed, NotInOrganisation
from foundry.checks import editing, ours
from foundry.documents.spec import Add, Analyses, ByDocument, Documents, OfDocument, SaveAnalysis
from foundry.programs.spec import ByProgram
from foundry.services import Model, ModelFailed
from foundry.tables import Analysis, Document

_log = logging.getLogger(__name__)


@impl(Documents.of_program)
async def of_program(
    ctx: QueryCtx[Member], args: ByProgram
) -> Outcome[list[Document], NotInOrganisation]:
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(await ctx.db.documents.by_program(program=program.id).collect())


@impl(Documents.add)
async def add(
    ctx: MutationCtx[Member], args: Add
) -> Outcome[Id[Document], NotAllowed | NotInOrganisation]:
    member = editing(ctx)
    program = ours(ctx, await ctx.db.programs.get(args.program), args.program)
    return Success(
        await ctx.db.documents.insert(
            organisation=member.organisation,
            program=program.id,
            title=args.title,
            content=args.content,
        )
    )


@impl(Documents.request_analysis)
async def request_analysis(
    ctx: MutationCtx[Member], args: ByDocument
) -> Outcome[None, NotAllowed | NotInOrganisation]:
    editing(ctx)
    document = ours(ctx, await ctx.db.documents.get(args.document), args.document)
    if document.status != "waiting":
        await ctx.db.documents.patch(document.id, status="waiting")
        analyse = refs.internal.analyses.analyse
        await ctx.scheduler.run_after(timedelta(), analyse, document=document.id)
    return Success(None)


@impl(Analyses.document)
async def document(ctx: QueryCtx, args: OfDocument) -> Document | None:
    return await ctx.db.documents.get(args.document)


@impl(Analyses.analyse)
async def analyse(ctx: ActionCtx[Model], args: OfDocument) -> None:
    document = await ctx.run_query(refs.internal.analyses.document, document=args.document)
    if document is None:
        return
    analysis: Analysis | None = None
    try:
        analysis = await Model.of(ctx).analyse(document.title, document.content)
    except ModelFailed as failed:
        _log.warning("the model failed on %s: %s", document.id, failed)
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


documents = impls.documents(of_program=of_program, add=add, request_analysis=request_analysis)
analyses = impls.analyses(document=document, analyse=analyse, save=save)
