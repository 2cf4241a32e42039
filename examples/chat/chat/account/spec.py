"""Accounts: who people are."""

from __future__ import annotations

from chat.access import NotSignedIn, SignedIn
from chat.tables import User
from confect_core import FunctionSpec, GroupSpec, Id


class Account(GroupSpec):
    """Clients call `sign_in` once they have a token, and may call everything else after it."""

    sign_in = FunctionSpec.public_mutation(returns=Id[User], error=NotSignedIn)
    me = FunctionSpec.public_query(returns=User).behind(SignedIn)
