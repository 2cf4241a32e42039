"""The ways in: the sync protocol and the HTTP API over ASGI.

Owns sockets, requests and the sync session's state machine. May import `confect_server.runtime`.
"""

from confect_server.transport.admin import AdminKey as AdminKey
from confect_server.transport.asgi import ConfectAsgi as ConfectAsgi
from confect_server.transport.embedded import Embedded as Embedded
from confect_server.transport.serve import PortInUse as PortInUse
from confect_server.transport.serve import serving as serving
