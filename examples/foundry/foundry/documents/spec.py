"""Documents: texts from which a language model draws requirements."""

from __future__ import annotations

from confect_core import Args, FunctionSpec, GroupSpec, Id, StoredFile, TaggedError
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
    file: Id[StoredFile]


class ByDocument(InOrganisation):
    document: Id[Document]


class NoSuchUpload(TaggedError):
    """There is no file with this id, or another document has it."""

    file: Id[StoredFile]


class OfDocument(Args):
    document: Id[Document]


class Attempt(OfDocument):
    """The how-maniest try to answer which request for an analysis."""

    request: int
    number: int


class SaveAnalysis(OfDocument):
    analysis: Analysis | None


class Documents(GroupSpec, behind=[SignedIn, MemberAccess]):
    of_program = FunctionSpec.public_query(
        args=ByProgram, returns=list[Document], error=NotInOrganisation
    )
    upload_url = FunctionSpec.public_mutation(args=InOrganisation, returns=str, error=NotAllowed)
    add = FunctionSpec.public_mutation(
        args=Add, returns=Id[Document], error=NotAllowed | NotInOrganisation | NoSuchUpload
    )
    remove = FunctionSpec.public_mutation(
        args=ByDocument, returns=None, error=NotAllowed | NotInOrganisation
    )
    url = FunctionSpec.public_query(args=ByDocument, returns=str | None, error=NotInOrganisation)
    request_analysis = FunctionSpec.public_mutation(
        args=ByDocument, returns=None, error=NotAllowed | NotInOrganisation
    )


class Analyses(GroupSpec):
    """The sandwich: a mutation asks, an action reads, calls the model, and has the answer saved."""

    attempt = FunctionSpec.internal_mutation(args=Attempt, returns=None)
    document = FunctionSpec.internal_query(args=OfDocument, returns=Document | None)
    analyse = FunctionSpec.internal_action(args=OfDocument, returns=None, timeout_s=45)
    save = FunctionSpec.internal_mutation(args=SaveAnalysis, returns=None)
