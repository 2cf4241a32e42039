"""Implementations of middleware: what runs before, or around, the functions behind it.

Owns the decorators, what they are given, and how an application finds them. May import the core and
`confect_server.ctx`.
"""

from confect_server.middleware.call import Answer as Answer
from confect_server.middleware.call import Call as Call
from confect_server.middleware.call import MiddlewareImpl as MiddlewareImpl
from confect_server.middleware.call import Proceed as Proceed
from confect_server.middleware.implementations import Implementations as Implementations
from confect_server.middleware.implementing import around as around
from confect_server.middleware.implementing import middleware as middleware
