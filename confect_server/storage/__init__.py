"""Stored files: bytes too large for documents, beside the database.

Owns where the bytes lie; what a file is called and who may have it is documents. May import
`confect_core`.
"""

from confect_server.storage.blobs import Blob as Blob
from confect_server.storage.blobs import Blobs as Blobs
from confect_server.storage.disk import DiskBlobs as DiskBlobs
