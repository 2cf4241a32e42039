"""Routes: requests of the web that are not calls of functions, and what answers them.

Owns routes and how one is found, and the endpoints of typed HTTP APIs. May import `confect_core`,
`confect_server.ctx` and starlette, whose `Request` and `Response` handlers take and give.
"""

from confect_server.http.documentation import Documentation as Documentation
from confect_server.http.endpoints import ApiImpl as ApiImpl
from confect_server.http.endpoints import EndpointImpl as EndpointImpl
from confect_server.http.endpoints import endpoint as endpoint
from confect_server.http.mounts import AsgiApp as AsgiApp
from confect_server.http.mounts import Mount as Mount
from confect_server.http.mounts import Mounts as Mounts
from confect_server.http.mounts import RunningMount as RunningMount
from confect_server.http.routes import Method as Method
from confect_server.http.routes import Route as Route
from confect_server.http.routes import Routes as Routes
from confect_server.http.routes import route as route
