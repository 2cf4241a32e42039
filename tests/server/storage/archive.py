"""An archive: an application whose functions store files, look at them, and delete them."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from confect_core import Args, FunctionSpec, GroupSpec, Id, NoArgs, StoredFile, Table, ref
from confect_server import (
    ActionCtx,
    DataModel,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    impl,
    layers,
)
from confect_server.engine import Clock, Pauses
from confect_server.runtime import Backend
from confect_server.settings import Settings
from confect_server.storage import Blobs
from confect_server.store import MemoryStore, Store


class Paper(Table, name="papers"):
    title: str
    file: Id[StoredFile]


class ByFile(Args):
    file: Id[StoredFile]


class Filed(Args):
    title: str
    file: Id[StoredFile]


class Content(Args):
    content: bytes
    content_type: str | None = None
    sha256: str | None = None


class Archive(GroupSpec):
    upload_url = FunctionSpec.public_mutation(returns=str)
    file = FunctionSpec.public_mutation(args=Filed, returns=Id[Paper])
    url = FunctionSpec.public_query(args=ByFile, returns=str | None)
    metadata = FunctionSpec.public_query(args=ByFile, returns=StoredFile | None)
    every = FunctionSpec.public_query(returns=list[StoredFile])
    delete = FunctionSpec.public_mutation(args=ByFile, returns=None)
    delete_and_fail = FunctionSpec.public_mutation(args=ByFile, returns=None)
    store = FunctionSpec.public_action(args=Content, returns=Id[StoredFile])
    get = FunctionSpec.public_action(args=ByFile, returns=bytes | None)
    url_outside = FunctionSpec.public_action(args=ByFile, returns=str | None)


class Refs:
    upload_url = ref("archive:upload_url", Archive.upload_url)
    file = ref("archive:file", Archive.file)
    url = ref("archive:url", Archive.url)
    metadata = ref("archive:metadata", Archive.metadata)
    every = ref("archive:every", Archive.every)
    delete = ref("archive:delete", Archive.delete)
    delete_and_fail = ref("archive:delete_and_fail", Archive.delete_and_fail)
    store = ref("archive:store", Archive.store)
    get = ref("archive:get", Archive.get)
    url_outside = ref("archive:url_outside", Archive.url_outside)


class Refused(Exception):
    """What a mutation fails with after it has deleted a file."""


@impl(Archive.upload_url)
async def upload_url(ctx: MutationCtx, args: NoArgs) -> str:
    return await ctx.storage.upload_url()


@impl(Archive.file)
async def file(ctx: MutationCtx, args: Filed) -> Id[Paper]:
    return await ctx.db.table(Paper).insert(title=args.title, file=args.file)


@impl(Archive.url)
async def url(ctx: QueryCtx, args: ByFile) -> str | None:
    return await ctx.storage.url(args.file)


@impl(Archive.metadata)
async def metadata(ctx: QueryCtx, args: ByFile) -> StoredFile | None:
    found = await ctx.storage.metadata(args.file)
    assert found == await ctx.db.system.stored_file(args.file)
    return found


@impl(Archive.every)
async def every(ctx: QueryCtx, args: NoArgs) -> list[StoredFile]:
    return await ctx.db.system.storage.collect()


@impl(Archive.delete)
async def delete(ctx: MutationCtx, args: ByFile) -> None:
    await ctx.storage.delete(args.file)
    assert await ctx.storage.url(args.file) is None


@impl(Archive.delete_and_fail)
async def delete_and_fail(ctx: MutationCtx, args: ByFile) -> None:
    await ctx.storage.delete(args.file)
    raise Refused


@impl(Archive.store)
async def store(ctx: ActionCtx, args: Content) -> Id[StoredFile]:
    digest = None if args.sha256 is None else b64decode(args.sha256)
    kind = args.content_type
    return await ctx.storage.store(args.content, content_type=kind, sha256=digest)


@impl(Archive.get)
async def get(ctx: ActionCtx, args: ByFile) -> bytes | None:
    content = await ctx.storage.get(args.file)
    return None if content is None else await content.read()


@impl(Archive.url_outside)
async def url_outside(ctx: ActionCtx, args: ByFile) -> str | None:
    return await ctx.storage.url(args.file)


def archive() -> Impl[Any]:
    """The application."""
    functions: dict[str, Any] = {
        "upload_url": upload_url,
        "file": file,
        "url": url,
        "metadata": metadata,
        "every": every,
        "delete": delete,
        "delete_and_fail": delete_and_fail,
        "store": store,
        "get": get,
        "url_outside": url_outside,
    }
    return Impl(layers()).provide(
        GroupImpl("archive", Archive, functions, data_model=DataModel((Paper,)))
    )


@asynccontextmanager
async def running(
    clock: Clock,
    store: Store | None = None,
    *,
    blobs: Blobs | None = None,
    settings: Settings | None = None,
    pauses: Pauses | None = None,
) -> AsyncGenerator[Backend]:
    """The application running, where it finds itself at `https://archive.example`."""
    async with Backend.open(
        archive(),
        store or MemoryStore(),
        clock=clock,
        blobs=blobs,
        settings=settings,
        pauses=pauses,
    ) as backend:
        backend.files.served_at = "https://archive.example/"
        yield backend
