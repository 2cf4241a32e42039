"""Documents: texts from which a language model draws requirements."""

from __future__ import annotations

from confect_core import Args, FunctionSpec, GroupSpec, Id
from foundry.access import (
    InOrganisation,
    MemberAccess,
    NotAllowed,
    NotInOrganisation,
    SignedIn,
)
from foundry.programs.spec import ByProgram
from foundry.tables import Analysis, Document


class Add(ByProgram):
    title: str
    content: str


class ByDocument(InOrganisation):
    document: Id[Document]


class OfDocument(Args):
    document: Id[Document]


class SaveAnalysis(OfDocument):
    analysis: Analysis | None


class Documents(GroupSpec, behind=[SignedIn, MemberAccess]):
    of_program = FunctionSpec.public_query(
        args=ByProgram, returns=list[Document], error=NotInOrganisation
    )
    add = FunctionSpec.public_mutation(
        args=Add, returns=Id[Document], error=NotAllowed | NotInOrganisation
    )
    request_analysis = FunctionSpec.public_mutation(
        args=ByDocument, returns=None, error=NotAllowed | NotInOrganisation
    )


class Analyses(GroupSpec):
    """The sandwich: a mutation asks, an action reads, calls the model, and has the answer saved."""

    document = FunctionSpec.internal_query(args=OfDocument, returns=Document | None)
    analyse = FunctionSpec.internal_action(args=OfDocument, returns=None)
    save = FunctionSpec.internal_mutation(args=SaveAnalysis, returns=None)
