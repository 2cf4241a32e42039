"""`impls.py`: one constructor for each group, in which no function can be forgotten."""

from __future__ import annotations

from confect_codegen.discover import GENERATED
from confect_codegen.emit.annotations import AnnotationPrinter, union
from confect_codegen.emit.imports import Imports
from confect_codegen.emit.layout import Node, brackets, lay, run
from confect_codegen.emit.source import separated, source
from confect_codegen.model import FunctionModel, GroupModel, ProjectModel
from confect_codegen.naming import Name
from confect_codegen.plain import PlainSignature
from confect_core.spec import Schemas


def emit_impls(model: ProjectModel) -> str:
    """The text of `impls.py`."""
    return _Impls(model).text()


class _Impls:
    def __init__(self, model: ProjectModel) -> None:
        self._package = model.package
        self._roots = model.groups
        self._groups = [group for group in model.all_groups() if group.functions]
        taken = {group.constructor for group in self._groups}
        taken |= {each.attribute for group in self._groups for each in group.functions}
        self._variable = "N"
        while any(name.rstrip("0123456789") == self._variable for name in taken):
            self._variable += "_"
        variables = {f"{self._variable}{number + 1}" for number in range(self._width())}
        self._imports = Imports(model.package, taken | variables)
        self._types = AnnotationPrinter(model.package, self._imports)

    def text(self) -> str:
        blocks = [self._constructor(group) for group in self._groups]
        if self._width():
            made = self._imports.name("typing_extensions", "TypeVar")
            names = [f"{self._variable}{number + 1}" for number in range(self._width())]
            default = ""
            if any(each.behind.provided for group in self._groups for each in group.functions):
                # what is left of a union from which everything is subtracted
                default = f", default={self._imports.name('typing', 'Never')}"
            blocks.insert(0, [f'{name} = {made}("{name}"{default})' for name in names])
        summary = "A constructor per group, every function required."
        return source(summary, self._imports if blocks else None, separated(blocks, space=2))

    def _width(self) -> int:
        """How many handlers the largest group has; each asks for services of its own."""
        return max((len(_declared(group)) for group in self._groups), default=0)

    def _constructor(self, group: GroupModel) -> list[str]:
        declared = _declared(group)
        needs: list[Node] = [f"{self._variable}{each + 1}" for each in range(len(declared))]
        parameters: list[Node] = [
            self._parameter(function, each) for function, each in zip(declared, needs, strict=True)
        ]
        for function in group.functions:
            if isinstance(function.contract, PlainSignature):
                needs += [self._types.node(each) for each in function.contract.services]
        needs += [self._types.of_class(each) for each in group.middleware]
        taken = brackets("(", ["*", *parameters] if parameters else [], ")")
        return [
            *lay(run(f"def {group.constructor}", taken, " -> ", self._answers(needs), ":")),
            f'    """The group `{group.path}`."""',
            *self._body(group, is_joined=len(needs) > 1),
        ]

    def _parameter(self, function: FunctionModel, needs: Node) -> Node:
        """A handler that may also ask for what the middleware provides, and for what else `needs`.

        One that asks for nothing is named apart where there is something to subtract: from it,
        pyright infers `Unknown` for what is left of a union.
        """
        assert isinstance(function.contract, Schemas)
        types: list[Node] = [
            self._types.of_class(function.contract.args),
            self._result(function.contract),
        ]
        implemented = f"{self._imports.name('confect_server', 'FunctionImpl')}["
        provided = [self._types.of_class(each) for each in function.behind.provided]
        asking: Node = brackets(implemented, [*types, union(needs, *provided)], "]")
        if provided:
            asking = union(brackets(implemented, types, "]"), asking)
        return run(f"{function.attribute}: ", asking)

    def _result(self, schemas: Schemas) -> Node:
        returns = self._types.node(schemas.returns)
        if schemas.error is None:
            return returns
        outcome = self._imports.name("confect_core", "Outcome")
        return brackets(f"{outcome}[", [returns, self._types.node(schemas.error)], "]")

    def _answers(self, needs: list[Node]) -> Node:
        """A group that asks for no more than these services, each as a group of its own.

        `GroupImpl[N1 | N2]` would say the same, but pyright knows nothing of a union of variables
        that are all `Never`, as they are in a group whose handlers ask for no service.
        """
        group_impl = self._imports.name("confect_server", "GroupImpl")
        if not needs:
            return group_impl
        return union(*(brackets(f"{group_impl}[", [each], "]") for each in needs))

    def _body(self, group: GroupModel, *, is_joined: bool) -> list[str]:
        group_impl = self._imports.name("confect_server", "GroupImpl")
        if not is_joined:
            return lay(run(f"return {group_impl}", self._call(group)), 4)
        local = "group"
        while local in {function.attribute for function in group.functions}:
            local += "_"
        anything = self._imports.name("typing", "Any")
        made = run(f"{local}: {group_impl}[{anything}] = {group_impl}", self._call(group))
        return [*lay(made, 4), f"    return {local}"]

    def _call(self, group: GroupModel) -> Node:
        functions: list[Node] = [f'"{each.name}": {each.attribute}' for each in _declared(group)]
        plain: list[Node] = [
            f'"{each.name}": {self._named(each.contract.name)}'
            for each in group.functions
            if isinstance(each.contract, PlainSignature)
        ]
        data_model = self._imports.name(f"{self._package}.{GENERATED}.db", "data_model")
        given = brackets("{", functions, "}")
        arguments: list[Node] = [f'"{group.path}"', self._source(group), given]
        if plain:
            arguments.append(run("plain=", brackets("{", plain, "}")))
        return brackets("(", [*arguments, f"data_model={data_model}"], ")")

    def _source(self, group: GroupModel) -> str:
        if group.source and not group.source.is_private:
            return self._named(group.source)
        steps = "".join(f'.groups["{name}"]' for name in group.path.split("/"))
        return f"{self._imports.module(f'{self._package}.spec')}.spec{steps}"

    def _named(self, name: Name) -> str:
        return f"{self._imports.module(name.module)}.{name.attribute}"


def _declared(group: GroupModel) -> list[FunctionModel]:
    """The functions that have schemas, and so need an implementation."""
    return [each for each in group.functions if isinstance(each.contract, Schemas)]
