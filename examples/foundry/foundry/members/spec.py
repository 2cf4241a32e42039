"""Who somebody is, and which organisations they belong to."""

from __future__ import annotations

from pydantic import BaseModel

from confect_core import Args, FunctionSpec, GroupSpec, Id, TaggedError
from foundry.access import InOrganisation, MemberAccess, NotAllowed, NotSignedIn, SignedIn
from foundry.tables import Membership, Organisation, Role, User


class Found(Args):
    name: str


class Add(InOrganisation):
    email: str
    role: Role


class OfMember(InOrganisation):
    user: Id[User]


class NobodyOfThatAddress(TaggedError):
    email: str


class LastOwner(TaggedError):
    """An organisation is not left without anybody who may change it."""


class MyOrganisation(BaseModel):
    organisation: Organisation
    role: Role


class Account(GroupSpec):
    """What everybody may do who has signed in."""

    sign_in = FunctionSpec.public_mutation(returns=Id[User], error=NotSignedIn)
    organisations = FunctionSpec.public_query(returns=list[MyOrganisation]).behind(SignedIn)
    found = FunctionSpec.public_mutation(args=Found, returns=Id[Organisation]).behind(SignedIn)


class Members(GroupSpec, behind=[SignedIn, MemberAccess]):
    list_ = FunctionSpec.public_query(args=InOrganisation, returns=list[Membership])
    add = FunctionSpec.public_mutation(
        args=Add, returns=Id[Membership], error=NotAllowed | NobodyOfThatAddress
    )
    remove = FunctionSpec.public_mutation(args=OfMember, returns=None, error=NotAllowed | LastOwner)
