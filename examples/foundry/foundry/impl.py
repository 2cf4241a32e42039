"""The application."""

from __future__ import annotations

from confect_server import Impl, cron, daily
from foundry._generated import refs
from foundry.access_impl import member_access, signed_in
from foundry.api import CiApi
from foundry.audit.hook import audit_writes
from foundry.audit.impl import audit
from foundry.documents.impl import analyses, documents
from foundry.environment import Env, identity_provider
from foundry.http import github
from foundry.members.impl import account, members
from foundry.programs.impl import programs
from foundry.requirements.impl import requirements
from foundry.services import live
from foundry.sources.impl import sources
from foundry.tasks.impl import task_work, tasks

app = (
    Impl(live)
    .behind(signed_in)
    .behind(member_access)
    .provide(account, members, programs, requirements)
    .provide(tasks, task_work, documents, analyses, sources, audit)
    .watch(audit_writes)
    .environment(Env)
    .authenticate_by(Env, identity_provider)
    .serve(github)
    .serve_api(CiApi)
    .recur(cron("stalled tasks", daily(hour=3), refs.internal.task_work.flag_stalled))
)
