"""Requirements: what a program has to fulfil."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from confect_core import FunctionSpec, GroupSpec, Id
from foundry.access import (
    InOrganisation,
    MemberAccess,
    NotAllowed,
    NotInOrganisation,
    SignedIn,
)
from foundry.programs.spec import ByProgram
from foundry.tables import Requirement


class Create(ByProgram):
    title: str
    description: str


class ByRequirement(InOrganisation):
    requirement: Id[Requirement]


class Progress(BaseModel):
    """How far a requirement has come."""

    title: str
    status: Literal["draft", "approved", "done"]
    open_tasks: int
    done_tasks: int


class Requirements(GroupSpec, behind=[SignedIn, MemberAccess]):
    of_program = FunctionSpec.public_query(
        args=ByProgram, returns=list[Requirement], error=NotInOrganisation
    )
    progress = FunctionSpec.public_query(
        args=ByRequirement, returns=Progress, error=NotInOrganisation
    )
    create = FunctionSpec.public_mutation(
        args=Create, returns=Id[Requirement], error=NotAllowed | NotInOrganisation
    )
    approve = FunctionSpec.public_mutation(
        args=ByRequirement, returns=None, error=NotAllowed | NotInOrganisation
    )
