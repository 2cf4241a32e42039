"""Specs: what functions are called with and what they answer, in groups, in a tree.

Owns the constructors, their checks and their immutable nodes. May import `confect_core.values` and
`confect_core.errors`.
"""

from confect_core.spec.args import Args as Args
from confect_core.spec.args import NoArgs as NoArgs
from confect_core.spec.declared import ActionSpec as ActionSpec
from confect_core.spec.declared import Borrowed as Borrowed
from confect_core.spec.declared import DeclaredFunction as DeclaredFunction
from confect_core.spec.declared import Kind as Kind
from confect_core.spec.declared import MutationSpec as MutationSpec
from confect_core.spec.declared import PaginatedQuerySpec as PaginatedQuerySpec
from confect_core.spec.declared import PublicActionSpec as PublicActionSpec
from confect_core.spec.declared import PublicMutationSpec as PublicMutationSpec
from confect_core.spec.declared import PublicPaginatedQuerySpec as PublicPaginatedQuerySpec
from confect_core.spec.declared import PublicQuerySpec as PublicQuerySpec
from confect_core.spec.declared import QuerySpec as QuerySpec
from confect_core.spec.declared import Schemas as Schemas
from confect_core.spec.function import FunctionSpec as FunctionSpec
from confect_core.spec.group import AnyFunction as AnyFunction
from confect_core.spec.group import Group as Group
from confect_core.spec.group import GroupSpec as GroupSpec
from confect_core.spec.middleware import AnyMiddleware as AnyMiddleware
from confect_core.spec.middleware import Chain as Chain
from confect_core.spec.middleware import CoveredKind as CoveredKind
from confect_core.spec.middleware import Middleware as Middleware
from confect_core.spec.tree import Spec as Spec
