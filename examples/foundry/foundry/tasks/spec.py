"""Tasks: the work that requirements need."""

from __future__ import annotations

from typing import Literal

from confect_core import Args, FunctionSpec, GroupSpec, Id, TaggedError
from foundry.access import (
    InOrganisation,
    MemberAccess,
    NotAllowed,
    NotInOrganisation,
    SignedIn,
)
from foundry.programs.spec import ByProgram
from foundry.requirements.spec import ByRequirement
from foundry.tables import Task, User


class Create(ByRequirement):
    title: str


class ByTask(InOrganisation):
    task: Id[Task]


class Move(ByTask):
    status: Literal["todo", "doing", "done"]


class Assign(ByTask):
    user: Id[User] | None


class Merged(Args):
    """A change of the source code in a repository was merged that names tasks."""

    repository: str
    tasks: list[Id[Task]]
    pull_request: str


class NotApproved(TaggedError):
    """Work begins once its requirement is approved."""


class Tasks(GroupSpec, behind=[SignedIn, MemberAccess]):
    board = FunctionSpec.public_paginated_query(args=ByProgram, item=Task, error=NotInOrganisation)
    create = FunctionSpec.public_mutation(
        args=Create, returns=Id[Task], error=NotAllowed | NotInOrganisation | NotApproved
    )
    move = FunctionSpec.public_mutation(
        args=Move, returns=None, error=NotAllowed | NotInOrganisation
    )
    assign = FunctionSpec.public_mutation(
        args=Assign, returns=None, error=NotAllowed | NotInOrganisation
    )


class TaskWork(GroupSpec):
    """What the backend itself does with tasks."""

    merged = FunctionSpec.internal_mutation(args=Merged, returns=int)
    flag_stalled = FunctionSpec.internal_mutation(returns=int)
