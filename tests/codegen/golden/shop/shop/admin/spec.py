"""What administrators may do: groups in the builder form, and names that Python has taken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from confect_core import FunctionSpec, GroupSpec

if TYPE_CHECKING:
    import shop.admin.plain

import_ = FunctionSpec.internal_mutation(returns=None)
ref = FunctionSpec.public_query(returns=str)
final = FunctionSpec.public_query(returns=list[str])
group = FunctionSpec.public_query(returns=str)


class Users(GroupSpec):
    class_ = FunctionSpec.public_query(returns=bool)
    list_ = FunctionSpec.public_query(returns=list[bool])
    data_model = FunctionSpec.internal_query(returns=int)

    class Roles(GroupSpec):
        N1 = FunctionSpec.internal_query(returns=str)


run = FunctionSpec.plain_public_action(lambda: shop.admin.plain.run)
jobs = GroupSpec.make("jobs").add_function("run", run)

admin = (
    GroupSpec.make("admin")
    .add_function("import", import_)
    .add_function("ref", ref)
    .add_function("Final", final)
    .add_function("group", group)
    .add_group(Users)
    .add_group(jobs)
)
