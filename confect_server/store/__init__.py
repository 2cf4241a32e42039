"""Where the data lies: a port, and the stores behind it.

Owns the append-only form of the data. May import `confect_core.values` and nothing of the server.
"""

from confect_server.store.base import Admission as Admission
from confect_server.store.base import Commit as Commit
from confect_server.store.base import DocumentWrite as DocumentWrite
from confect_server.store.base import Head as Head
from confect_server.store.base import IndexedRevision as IndexedRevision
from confect_server.store.base import IndexRow as IndexRow
from confect_server.store.base import KeyChange as KeyChange
from confect_server.store.base import Located as Located
from confect_server.store.base import Log as Log
from confect_server.store.base import LogEntry as LogEntry
from confect_server.store.base import Order as Order
from confect_server.store.base import Reads as Reads
from confect_server.store.base import Revision as Revision
from confect_server.store.base import Store as Store
from confect_server.store.errors import DatabaseBusy as DatabaseBusy
from confect_server.store.errors import ForeignDatabase as ForeignDatabase
from confect_server.store.errors import LogTrimmed as LogTrimmed
from confect_server.store.errors import SnapshotForgotten as SnapshotForgotten
from confect_server.store.errors import StoreFailed as StoreFailed
from confect_server.store.memory import MemoryStore as MemoryStore
from confect_server.store.sqlite import SqliteStore as SqliteStore
