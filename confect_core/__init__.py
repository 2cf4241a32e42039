"""Contracts shared by server, client and codegen: specs, refs, tables, typed errors, values.

May import pydantic, returns, typing-extensions and orjson; imports no other package of the project.
"""

from returns.result import Failure as Failure
from returns.result import Success as Success

from confect_core.endpoints import Endpoint as Endpoint
from confect_core.endpoints import HttpApi as HttpApi
from confect_core.endpoints import InHeader as InHeader
from confect_core.endpoints import InQuery as InQuery
from confect_core.errors import ConfectError as ConfectError
from confect_core.errors import Mistakes as Mistakes
from confect_core.errors import TaggedError as TaggedError
from confect_core.handles import ActionHandle as ActionHandle
from confect_core.handles import MutationHandle as MutationHandle
from confect_core.handles import QueryHandle as QueryHandle
from confect_core.outcome import Outcome as Outcome
from confect_core.pagination import PaginationOptions as PaginationOptions
from confect_core.pagination import PaginationResult as PaginationResult
from confect_core.provided import Provided as Provided
from confect_core.refs import ActionRef as ActionRef
from confect_core.refs import MutationRef as MutationRef
from confect_core.refs import PaginatedQueryRef as PaginatedQueryRef
from confect_core.refs import PublicActionRef as PublicActionRef
from confect_core.refs import PublicMutationRef as PublicMutationRef
from confect_core.refs import PublicPaginatedQueryRef as PublicPaginatedQueryRef
from confect_core.refs import PublicQueryRef as PublicQueryRef
from confect_core.refs import QueryRef as QueryRef
from confect_core.refs import Ref as Ref
from confect_core.refs import ref as ref
from confect_core.refs import ref_behind as ref_behind
from confect_core.spec import Args as Args
from confect_core.spec import FunctionSpec as FunctionSpec
from confect_core.spec import GroupSpec as GroupSpec
from confect_core.spec import Middleware as Middleware
from confect_core.spec import NoArgs as NoArgs
from confect_core.spec import Spec as Spec
from confect_core.spec.call import Signature as Signature
from confect_core.stored_file import StoredFile as StoredFile
from confect_core.table_definition import Index as Index
from confect_core.tables import Id as Id
from confect_core.tables import Table as Table
from confect_core.values.absent import ABSENT as ABSENT
from confect_core.values.absent import Absent as Absent
from confect_core.values.commit_ts import COMMIT_TS as COMMIT_TS
from confect_core.values.commit_ts import CommitTs as CommitTs
from confect_core.values.int64 import Int64 as Int64
