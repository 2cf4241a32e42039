"""The audit log: every write to what an organisation owns, readable by its owners."""

from __future__ import annotations

from confect_core import FunctionSpec, GroupSpec
from foundry.access import InOrganisation, MemberAccess, NotAllowed, SignedIn
from foundry.tables import AuditEntry


class Audit(GroupSpec, behind=[SignedIn, MemberAccess]):
    entries = FunctionSpec.public_paginated_query(
        args=InOrganisation, item=AuditEntry, error=NotAllowed
    )
