"""What can stand against storing bytes."""

from __future__ import annotations

from confect_core.errors import DatabaseError


class BlobTooLarge(DatabaseError):
    """More bytes than one file may have."""

    def __init__(self, most: int) -> None:
        super().__init__(
            f"a file cannot have more than {most} bytes",
            hint="store it in parts, or let the server take larger files",
        )


class NoSuchBlob(DatabaseError):
    """Bytes that are not there: never stored, or deleted."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"no bytes are stored under {key}",
            hint="the file was deleted, or its folder is not the one of this database",
        )


class NoSuchFile(DatabaseError):
    """A file that was deleted, or never was there."""

    def __init__(self, id: str) -> None:
        super().__init__(
            f"there is no file {id}", hint="ask `ctx.storage.metadata`, which gives None for it"
        )


class WrongDigest(DatabaseError):
    """Bytes that are not those that whoever sends them says."""

    def __init__(self, expected: str, found: str) -> None:
        super().__init__(
            f"the SHA-256 of the bytes is {found}, not {expected} as was said",
            hint="send the file again; something has changed it on its way",
        )


class NoOrigin(DatabaseError):
    """A URL is asked for on a server that does not know where clients find it."""

    def __init__(self) -> None:
        super().__init__(
            "the server does not know its own address",
            hint='set `origin = "https://..."` in [tool.confect.storage]',
        )


class StorageTokenInvalid(DatabaseError):
    """An upload URL that no server of this database has made."""

    def __init__(self) -> None:
        super().__init__(
            "the token of the upload URL is none", hint="take it from `ctx.storage.upload_url()`"
        )


class StorageTokenExpired(DatabaseError):
    """An upload URL whose time is over."""

    def __init__(self) -> None:
        super().__init__(
            "the upload URL can no longer be used", hint="ask for a new one before each upload"
        )


class BadContentType(DatabaseError):
    """A content type that no header can carry."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            f"{content_type!r} is no content type",
            hint="give one such as image/png, in printable ASCII",
        )


class BadDigest(DatabaseError):
    """An upload that says a SHA-256 that is none."""

    def __init__(self) -> None:
        super().__init__(
            "the digest of this upload is no SHA-256",
            hint="send `Digest: sha-256=` and the 32 bytes in base64, or no such header",
        )


class StoredTooSlowly(DatabaseError):
    """Bytes that were given up before a document led to them."""

    def __init__(self) -> None:
        super().__init__(
            "the bytes of the file waited for its document for longer than orphan_s",
            hint="store it again; raise orphan_s in [tool.confect.storage] if that is too short",
        )
