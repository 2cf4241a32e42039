"""What handlers check besides the membership: the role, and whose a document is.

They raise declared errors, which reach the caller as if the handler had returned them.
"""

from __future__ import annotations

from typing import TypeVar

from foundry._generated.db import QueryCtx
from foundry.access import Member, NotAllowed, NotInOrganisation
from foundry.tables import Document, Program, Requirement, Task

Owned = TypeVar("Owned", Program, Requirement, Task, Document)


def editing(ctx: QueryCtx[Member]) -> Member:
    """The caller, who may change what the organisation has; else `NotAllowed`."""
    member = Member.of(ctx)
    if member.role == "viewer":
        raise NotAllowed(role=member.role)
    return member


def owning(ctx: QueryCtx[Member]) -> Member:
    """The caller, who may change the organisation itself; else `NotAllowed`."""
    member = Member.of(ctx)
    if member.role != "owner":
        raise NotAllowed(role=member.role)
    return member


def ours(ctx: QueryCtx[Member], document: Owned | None, id: str) -> Owned:
    """The document, which is of the caller's organisation; else `NotInOrganisation`."""
    if document is None or document.organisation != Member.of(ctx).organisation:
        raise NotInOrganisation(document=id)
    return document
