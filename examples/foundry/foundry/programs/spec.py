"""Programs: what an organisation works on."""

from __future__ import annotations

from confect_core import FunctionSpec, GroupSpec, Id
from foundry.access import (
    InOrganisation,
    MemberAccess,
    NotAllowed,
    NotInOrganisation,
    SignedIn,
)
from foundry.tables import Program


class Create(InOrganisation):
    name: str
    description: str


class ByProgram(InOrganisation):
    program: Id[Program]


class Connect(ByProgram):
    repository: str


class Programs(GroupSpec, behind=[SignedIn, MemberAccess]):
    list_ = FunctionSpec.public_query(args=InOrganisation, returns=list[Program])
    create = FunctionSpec.public_mutation(args=Create, returns=Id[Program], error=NotAllowed)
    connect = FunctionSpec.public_mutation(
        args=Connect, returns=None, error=NotAllowed | NotInOrganisation
    )
    archive = FunctionSpec.public_mutation(
        args=ByProgram, returns=None, error=NotAllowed | NotInOrganisation
    )
