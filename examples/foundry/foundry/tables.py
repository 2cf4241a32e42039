"""What is stored. Everything below an organisation carries its id, and is found by it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from confect_core import Id, Index, StoredFile, Table

Role = Literal["owner", "editor", "viewer"]


class Organisation(Table, name="organisations"):
    name: str


class User(Table, name="users"):
    """Somebody who has signed in; `token_identifier` is the same in all tokens of that person."""

    token_identifier: str
    name: str
    email: str | None = None

    by_token = Index("token_identifier")
    by_email = Index("email")


class Membership(Table, name="memberships"):
    organisation: Id[Organisation]
    user: Id[User]
    role: Role

    by_user = Index("user", "organisation")
    by_organisation = Index("organisation")


class Program(Table, name="programs"):
    organisation: Id[Organisation]
    name: str
    description: str
    is_archived: bool = False
    repository: str | None = None
    """Where its source code is, such as acme/rocket."""

    by_organisation = Index("organisation", "is_archived")


class Requirement(Table, name="requirements"):
    organisation: Id[Organisation]
    program: Id[Program]
    title: str
    description: str
    status: Literal["draft", "approved", "done"]
    created_by: Id[User]

    by_program = Index("program", "status")


class Task(Table, name="tasks"):
    organisation: Id[Organisation]
    program: Id[Program]
    requirement: Id[Requirement]
    title: str
    status: Literal["todo", "doing", "done"]
    moved_at: float
    """When it got its status, in seconds since the epoch."""
    is_stalled: bool = False
    """Has it been worked on for so long that somebody should ask?"""
    assignee: Id[User] | None = None
    pull_request: str | None = None

    by_program = Index("program", "status")
    by_requirement = Index("requirement")
    by_movement = Index("status", "is_stalled", "moved_at")


class Usage(BaseModel):
    """The tokens that the model has read and written for an answer."""

    read: int
    written: int


class Analysis(BaseModel):
    """What the model says of a document."""

    summary: str
    requirements: list[str]
    usage: Usage


class Document(Table, name="documents"):
    """A text that people upload to have requirements drawn from it."""

    organisation: Id[Organisation]
    program: Id[Program]
    title: str
    file: Id[StoredFile]
    status: Literal["new", "waiting", "analysed", "failed"] = "new"
    requests: int = 0
    """How many times an analysis was asked for."""
    analysis: Analysis | None = None

    by_program = Index("program")
    by_file = Index("file")


class SourceEvent(Table, name="source_events"):
    """An event of the source code host, as it came; it is worked on after it is stored."""

    delivery: str
    kind: str
    payload: str
    status: Literal["pending", "processed", "ignored"] = "pending"

    by_delivery = Index("delivery")


class AuditEntry(Table, name="audit_entries"):
    """One write: who did what to which document."""

    organisation: Id[Organisation]
    actor: Id[User] | None
    action: Literal["insert", "change", "delete"]
    table: str
    document: str
    fields: list[str]

    by_organisation = Index("organisation")
    by_document = Index("document")
