"""A shop with settings, read in each kind of function."""

from __future__ import annotations

from collections import Counter
from typing import Any, Literal

from pydantic import Field, SecretStr

from confect_core import FunctionSpec, GroupSpec, NoArgs
from confect_server import (
    ActionCtx,
    Environment,
    GroupImpl,
    Impl,
    MutationCtx,
    QueryCtx,
    impl,
)
from confect_server import layers as no_layers


class Env(Environment):
    stripe_key: SecretStr
    page_size: int = 20
    mode: Literal["live", "test"] = "test"
    region: str | None = Field(default=None, alias="AWS_REGION")


class Other(Environment):
    other: str = "x"


class Shop(GroupSpec):
    page_size = FunctionSpec.public_query(args=NoArgs, returns=int)
    key = FunctionSpec.public_mutation(args=NoArgs, returns=str)
    region = FunctionSpec.public_action(args=NoArgs, returns=str)
    undeclared = FunctionSpec.public_query(args=NoArgs, returns=str)


def shop(runs: Counter[str], *environments: type[Environment]) -> Impl[Any]:
    """The application; `runs` counts its queries."""

    @impl(Shop.page_size)
    async def page_size(ctx: QueryCtx, args: NoArgs) -> int:
        runs["page_size"] += 1
        return (await Env.of(ctx)).page_size

    @impl(Shop.key)
    async def key(ctx: MutationCtx, args: NoArgs) -> str:
        return (await Env.of(ctx)).stripe_key.get_secret_value()

    @impl(Shop.region)
    async def region(ctx: ActionCtx, args: NoArgs) -> str:
        return str((await Env.of(ctx)).region)

    @impl(Shop.undeclared)
    async def undeclared(ctx: QueryCtx, args: NoArgs) -> str:
        return (await Other.of(ctx)).other

    functions: dict[str, Any] = {
        "page_size": page_size,
        "key": key,
        "region": region,
        "undeclared": undeclared,
    }
    group = GroupImpl("shop", Shop, functions)
    return Impl(no_layers()).provide(group).environment(*(environments or (Env,)))
