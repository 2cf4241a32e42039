"""Events of the source code host: stored as they come, worked on after."""

from __future__ import annotations

from confect_core import Args, FunctionSpec, GroupSpec, Id
from foundry.tables import SourceEvent


class Receive(Args):
    delivery: str
    kind: str
    payload: str


class ByEvent(Args):
    event: Id[SourceEvent]


class Sources(GroupSpec):
    receive = FunctionSpec.internal_mutation(args=Receive, returns=bool)
    process = FunctionSpec.internal_mutation(args=ByEvent, returns=None)
