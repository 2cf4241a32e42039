"""The logic of administration."""

from __future__ import annotations

from confect_core import NoArgs
from confect_server import impl
from shop._generated import impls
from shop._generated.db import MutationCtx, QueryCtx
from shop.admin.spec import Users, final, group, import_, ref


@impl(import_)
async def do_import(ctx: MutationCtx, args: NoArgs) -> None:
    return None


@impl(ref)
async def do_ref(ctx: QueryCtx, args: NoArgs) -> str:
    return "ref"


@impl(final)
async def do_final(ctx: QueryCtx, args: NoArgs) -> list[str]:
    return []


@impl(group)
async def do_group(ctx: QueryCtx, args: NoArgs) -> str:
    return "group"


@impl(Users.class_)
async def class_(ctx: QueryCtx, args: NoArgs) -> bool:
    return True


@impl(Users.list_)
async def list_(ctx: QueryCtx, args: NoArgs) -> list[bool]:
    return []


@impl(Users.data_model)
async def data_model(ctx: QueryCtx, args: NoArgs) -> int:
    return 1


@impl(Users.Roles.N1)
async def n1(ctx: QueryCtx, args: NoArgs) -> str:
    return "n1"


admin = impls.admin(import_=do_import, ref=do_ref, Final=do_final, group=do_group)
users = impls.admin_users(class_=class_, list=list_, data_model=data_model)
roles = impls.admin_users_Roles(N1=n1)
jobs = impls.admin_jobs()
