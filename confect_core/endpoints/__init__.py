"""Endpoints: typed HTTP APIs as their clients see them, without their logic.

Owns the declaration of endpoints and where their arguments travel. May import `confect_core.refs`,
`confect_core.spec` and `confect_core.errors`.
"""

from confect_core.endpoints.api import Api as Api
from confect_core.endpoints.api import HttpApi as HttpApi
from confect_core.endpoints.api import api_of as api_of
from confect_core.endpoints.endpoint import CODE as CODE
from confect_core.endpoints.endpoint import AnyEndpoint as AnyEndpoint
from confect_core.endpoints.endpoint import CallingEndpoint as CallingEndpoint
from confect_core.endpoints.endpoint import Endpoint as Endpoint
from confect_core.endpoints.endpoint import EndpointSpec as EndpointSpec
from confect_core.endpoints.endpoint import Verb as Verb
from confect_core.endpoints.places import InHeader as InHeader
from confect_core.endpoints.places import InQuery as InQuery
from confect_core.endpoints.places import Place as Place
from confect_core.endpoints.places import PlacedField as PlacedField
from confect_core.endpoints.places import names_in as names_in
from confect_core.endpoints.places import placed_fields as placed_fields
