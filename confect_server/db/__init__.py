"""The typed face of a transaction: tables to read and to write, queries over their indexes.

Owns what `ctx.db` is. May import `confect_server.engine` and `confect_core`.
"""

from confect_server.db.change import Change as Change
from confect_server.db.cursor import Cursors as Cursors
from confect_server.db.expression import Expr as Expr
from confect_server.db.expression import field_of as field_of
from confect_server.db.field_path import present as present
from confect_server.db.model import DataModel as DataModel
from confect_server.db.open_tables import OpenTables as OpenTables
from confect_server.db.page import Paging as Paging
from confect_server.db.query import Query as Query
from confect_server.db.range import Range as Range
from confect_server.db.reader import DatabaseReader as DatabaseReader
from confect_server.db.reader import TableReader as TableReader
from confect_server.db.scheduled import CronJob as CronJob
from confect_server.db.scheduled import CronRun as CronRun
from confect_server.db.scheduled import JobCanceled as JobCanceled
from confect_server.db.scheduled import JobFailed as JobFailed
from confect_server.db.scheduled import JobInProgress as JobInProgress
from confect_server.db.scheduled import JobPending as JobPending
from confect_server.db.scheduled import JobState as JobState
from confect_server.db.scheduled import JobSuccess as JobSuccess
from confect_server.db.scheduled import ScheduledFunction as ScheduledFunction
from confect_server.db.undeclared import UndeclaredDocument as UndeclaredDocument
from confect_server.db.undeclared import UndeclaredTableReader as UndeclaredTableReader
from confect_server.db.undeclared import UndeclaredTablesReader as UndeclaredTablesReader
from confect_server.db.undeclared import UndeclaredTablesWriter as UndeclaredTablesWriter
from confect_server.db.undeclared import UndeclaredTableWriter as UndeclaredTableWriter
from confect_server.db.writer import UNCHANGED as UNCHANGED
from confect_server.db.writer import DatabaseWriter as DatabaseWriter
from confect_server.db.writer import NotChanged as NotChanged
from confect_server.db.writer import TableWriter as TableWriter
