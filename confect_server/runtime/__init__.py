"""The runtime: runs the functions of an application on a database.

Owns the executor, through which every call goes, and what callers are told of failures. May import
`confect_server.db`, `confect_server.engine` and what users import.
"""

from confect_server.runtime.backend import Backend as Backend
from confect_server.runtime.backend import blobs_beside as blobs_beside
from confect_server.runtime.caller import ADMIN as ADMIN
from confect_server.runtime.caller import CLIENT as CLIENT
from confect_server.runtime.caller import Caller as Caller
from confect_server.runtime.collector import settle_collector as settle_collector
from confect_server.runtime.executor import Executor as Executor
from confect_server.runtime.function_runner import FunctionRunner as FunctionRunner
from confect_server.runtime.functions import RunnableFunction as RunnableFunction
from confect_server.runtime.functions import easiest as easiest
from confect_server.runtime.outcome import MutationResult as MutationResult
from confect_server.runtime.outcome import QueryResult as QueryResult
from confect_server.runtime.query_cache import QueryCache as QueryCache
