"""Who is here, and who is about to say something."""

from __future__ import annotations

from pydantic import BaseModel

from chat.access import SignedIn
from chat.rooms.spec import InRoom, NoSuchRoom
from chat.tables import Presence as StoredPresence
from chat.tables import Typing, User
from confect_core import Args, FunctionSpec, GroupSpec, Id


class Person(BaseModel):
    """Somebody who has ever signed in."""

    id: Id[User]
    name: str
    is_here: bool


class OfPresence(Args):
    presence: Id[StoredPresence]


class OfTyping(Args):
    typing: Id[Typing]


class Presence(GroupSpec, behind=[SignedIn]):
    """Clients that are looked at call `beat` every few seconds."""

    people = FunctionSpec.public_query(returns=list[Person])
    beat = FunctionSpec.public_mutation(returns=None)
    leave = FunctionSpec.public_mutation(returns=None)
    typing = FunctionSpec.public_query(args=InRoom, returns=list[str])
    type_ = FunctionSpec.public_mutation(args=InRoom, returns=None, error=NoSuchRoom)


class Absence(GroupSpec):
    """What ends by itself, unless somebody goes on."""

    end_presence = FunctionSpec.internal_mutation(args=OfPresence, returns=None)
    end_typing = FunctionSpec.internal_mutation(args=OfTyping, returns=None)
