"""Implementations of specs: handlers, what they are given, and the application they make.

Owns everything that runs on a server. May import `confect_core`; clients never import it.
"""

from confect_server.ctx import ActionCtx as ActionCtx
from confect_server.ctx import Ctx as Ctx
from confect_server.ctx import MutationCtx as MutationCtx
from confect_server.ctx import QueryCtx as QueryCtx
from confect_server.db import UNCHANGED as UNCHANGED
from confect_server.db import Change as Change
from confect_server.db import DatabaseReader as DatabaseReader
from confect_server.db import DatabaseWriter as DatabaseWriter
from confect_server.db import DataModel as DataModel
from confect_server.db import Expr as Expr
from confect_server.db import NotChanged as NotChanged
from confect_server.db import Query as Query
from confect_server.db import Range as Range
from confect_server.db import TableReader as TableReader
from confect_server.db import TableWriter as TableWriter
from confect_server.db import UndeclaredDocument as UndeclaredDocument
from confect_server.db import UndeclaredTableReader as UndeclaredTableReader
from confect_server.db import UndeclaredTablesReader as UndeclaredTablesReader
from confect_server.db import UndeclaredTablesWriter as UndeclaredTablesWriter
from confect_server.db import UndeclaredTableWriter as UndeclaredTableWriter
from confect_server.db import field_of as field_of
from confect_server.db import present as present
from confect_server.hooks import WriteHook as WriteHook
from confect_server.hooks import on_write as on_write
from confect_server.http import Route as Route
from confect_server.http import route as route
from confect_server.impl import FunctionImpl as FunctionImpl
from confect_server.impl import GroupImpl as GroupImpl
from confect_server.impl import Impl as Impl
from confect_server.impl import impl as impl
from confect_server.meta import Amount as Amount
from confect_server.meta import Meta as Meta
from confect_server.middleware import Answer as Answer
from confect_server.middleware import Call as Call
from confect_server.middleware import MiddlewareImpl as MiddlewareImpl
from confect_server.middleware import Proceed as Proceed
from confect_server.middleware import around as around
from confect_server.middleware import middleware as middleware
from confect_server.services import Layers as Layers
from confect_server.services import Service as Service
from confect_server.services import layers as layers
from confect_server.settings import Limits as Limits
from confect_server.settings import Memory as Memory
from confect_server.settings import Retention as Retention
from confect_server.settings import Settings as Settings
