"""Stored files: bytes too large for documents, beside the database.

Owns where the bytes lie, the documents that make them files, and what `ctx.storage` is. May import
`confect_core` and `confect_server.engine`.
"""

from confect_server.storage.blobs import Blob as Blob
from confect_server.storage.blobs import Blobs as Blobs
from confect_server.storage.disk import DiskBlobs as DiskBlobs
from confect_server.storage.facets import FileContent as FileContent
from confect_server.storage.facets import FileReader as FileReader
from confect_server.storage.facets import FileStore as FileStore
from confect_server.storage.facets import FileWriter as FileWriter
from confect_server.storage.files import Files as Files
from confect_server.storage.files import Transact as Transact
from confect_server.storage.memory import MemoryBlobs as MemoryBlobs
