"""Everything that the application offers."""

from __future__ import annotations

from confect_core import Spec
from foundry.audit.spec import Audit
from foundry.documents.spec import Analyses, Documents
from foundry.members.spec import Account, Members
from foundry.programs.spec import Programs
from foundry.requirements.spec import Requirements
from foundry.sources.spec import Sources
from foundry.tasks.spec import Tasks, TaskWork

spec = (
    Spec.make()
    .add(Account)
    .add(Members)
    .add(Programs)
    .add(Requirements)
    .add(Tasks)
    .add(TaskWork)
    .add(Documents)
    .add(Analyses)
    .add(Sources)
    .add(Audit)
)
