"""Who calls: tokens of identity providers, checked, and what they say of their bearer.

Owns everything about tokens; knows nothing of functions, sockets or the database. May import
`confect_core`.
"""

from confect_server.auth.asked import Auth as Auth
from confect_server.auth.identity import UserIdentity as UserIdentity
from confect_server.auth.providers import CustomJwtProvider as CustomJwtProvider
from confect_server.auth.providers import OidcProvider as OidcProvider
from confect_server.auth.providers import Provider as Provider
from confect_server.auth.providers import mistakes_of as mistakes_of
from confect_server.auth.verifier import TokenVerifier as TokenVerifier
from confect_server.auth.verifier import VerifiedToken as VerifiedToken
