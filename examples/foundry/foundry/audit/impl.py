"""The audit log, written by the writes themselves."""

from __future__ import annotations

from returns.result import Success

from confect_core import Outcome, PaginationOptions, PaginationResult
from confect_server import impl
from foundry._generated import impls
from foundry._generated.db import QueryCtx
from foundry.access import InOrganisation, Member, NotAllowed
from foundry.audit.spec import Audit
from foundry.checks import owning
from foundry.tables import AuditEntry


@impl(Audit.entries)
async def entries(
    ctx: QueryCtx[Member], args: InOrganisation, options: PaginationOptions
) -> Outcome[PaginationResult[AuditEntry], NotAllowed]:
    organisation = owning(ctx).organisation
    found = ctx.db.audit_entries.by_organisation(organisation=organisation)
    return Success(await found.order("desc").paginate(options))


audit = impls.audit(entries=entries)
