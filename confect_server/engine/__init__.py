"""The engine: serializable transactions, their order, and who is told of them.

Knows tables and indexes by number and documents as canonical values; knows nothing of specs,
functions or sockets. All concurrency control is here: a store only appends and reads as of a
timestamp. May import `confect_server.store` and `confect_core.values`.

The way of a transaction: `Database.begin` takes the newest snapshot; `Transaction` reads it through
`Snapshot` with its `PendingWrites` on top, and its `ReadRecorder` notes each key and interval;
`Database.commit` hands read set and write set to the `Committer`, which takes the head lock, checks
the reads against the `WriteLog`, stamps, appends, and publishes to the log and the `Subscriptions`.
"""

from confect_server.engine.catalog import ALL_CRON_RUNS as ALL_CRON_RUNS
from confect_server.engine.catalog import ALL_RUNNERS as ALL_RUNNERS
from confect_server.engine.catalog import BLOBS as BLOBS
from confect_server.engine.catalog import BLOBS_BY_DELETION as BLOBS_BY_DELETION
from confect_server.engine.catalog import BLOBS_BY_FILE as BLOBS_BY_FILE
from confect_server.engine.catalog import BLOBS_BY_KEY as BLOBS_BY_KEY
from confect_server.engine.catalog import CRON_RUNS as CRON_RUNS
from confect_server.engine.catalog import CRON_RUNS_BY_CRON as CRON_RUNS_BY_CRON
from confect_server.engine.catalog import CRONS as CRONS
from confect_server.engine.catalog import CRONS_BY_NAME as CRONS_BY_NAME
from confect_server.engine.catalog import DUE as DUE
from confect_server.engine.catalog import EMPTY_CATALOG as EMPTY_CATALOG
from confect_server.engine.catalog import ENVIRONMENT as ENVIRONMENT
from confect_server.engine.catalog import ENVIRONMENT_ROWS as ENVIRONMENT_ROWS
from confect_server.engine.catalog import JOBS as JOBS
from confect_server.engine.catalog import JOBS_BY_COMPLETION as JOBS_BY_COMPLETION
from confect_server.engine.catalog import JOBS_BY_STATE as JOBS_BY_STATE
from confect_server.engine.catalog import RUNNERS as RUNNERS
from confect_server.engine.catalog import SESSION_REQUESTS as SESSION_REQUESTS
from confect_server.engine.catalog import STORAGE as STORAGE
from confect_server.engine.catalog import Catalog as Catalog
from confect_server.engine.catalog import TableEntry as TableEntry
from confect_server.engine.committer import Clock as Clock
from confect_server.engine.committer import Timepiece as Timepiece
from confect_server.engine.committer import Turn as Turn
from confect_server.engine.database import Database as Database
from confect_server.engine.database import Figures as Figures
from confect_server.engine.errors import Conflict as Conflict
from confect_server.engine.errors import DatabaseClosed as DatabaseClosed
from confect_server.engine.errors import FunctionOver as FunctionOver
from confect_server.engine.errors import NoSuchIndex as NoSuchIndex
from confect_server.engine.errors import OutcomeUnknown as OutcomeUnknown
from confect_server.engine.errors import OutOfRetention as OutOfRetention
from confect_server.engine.errors import ReadOnly as ReadOnly
from confect_server.engine.errors import SnapshotTooOld as SnapshotTooOld
from confect_server.engine.errors import TurnTooLong as TurnTooLong
from confect_server.engine.errors import conflict_in as conflict_in
from confect_server.engine.index import Document as Document
from confect_server.engine.index import IndexDefinition as IndexDefinition
from confect_server.engine.limits import ArgumentsTooLarge as ArgumentsTooLarge
from confect_server.engine.limits import LimitExceeded as LimitExceeded
from confect_server.engine.limits import NestedTooDeep as NestedTooDeep
from confect_server.engine.limits import RanTooLong as RanTooLong
from confect_server.engine.limits import ResultTooLarge as ResultTooLarge
from confect_server.engine.limits import TooManyBytesRead as TooManyBytesRead
from confect_server.engine.limits import TooManyBytesWritten as TooManyBytesWritten
from confect_server.engine.limits import TooManyDocumentsRead as TooManyDocumentsRead
from confect_server.engine.limits import TooManyDocumentsWritten as TooManyDocumentsWritten
from confect_server.engine.limits import TooManyFunctionsPending as TooManyFunctionsPending
from confect_server.engine.limits import TooManyRangesRead as TooManyRangesRead
from confect_server.engine.merged_range import MergedRange as MergedRange
from confect_server.engine.pauses import NoPauses as NoPauses
from confect_server.engine.pauses import PausePoint as PausePoint
from confect_server.engine.pauses import Pauses as Pauses
from confect_server.engine.read_set import ReadSet as ReadSet
from confect_server.engine.schema_change import Backfill as Backfill
from confect_server.engine.schema_plan import DeclaredShape as DeclaredShape
from confect_server.engine.schema_plan import DeclaredTable as DeclaredTable
from confect_server.engine.schema_plan import DocumentCheck as DocumentCheck
from confect_server.engine.schema_plan import check_fits as check_fits
from confect_server.engine.snapshot import Found as Found
from confect_server.engine.subscription import Subscription as Subscription
from confect_server.engine.transaction import Randomness as Randomness
from confect_server.engine.transaction import Transaction as Transaction
from confect_server.store import Order as Order
