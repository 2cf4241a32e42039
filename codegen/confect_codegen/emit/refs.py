"""`refs.py`: every function under its path, public and internal apart."""

from __future__ import annotations

from collections.abc import Iterator

from confect_codegen.emit.annotations import AnnotationPrinter, union
from confect_codegen.emit.imports import Imports
from confect_codegen.emit.layout import Node, brackets, lay, run
from confect_codegen.emit.source import camel_case, separated, source
from confect_codegen.model import FunctionModel, GroupModel, ProjectModel
from confect_codegen.naming import Name
from confect_codegen.plain import PlainSignature
from confect_core.spec import Schemas


def emit_refs(model: ProjectModel) -> str:
    """The text of `refs.py`; a plain function whose signature is not known yet takes nothing."""
    return _Refs(model).text()


class _Refs:
    def __init__(self, model: ProjectModel) -> None:
        self._groups = model.groups
        self._classes = _class_names(model)
        taken = {"public", "internal", *self._classes.values()}
        for group in model.all_groups():
            taken |= {group.attribute, *(each.attribute for each in group.functions)}
        self._imports = Imports(model.package, taken)
        self._final = self._imports.name("typing", "Final")
        self._types = AnnotationPrinter(
            model.package, self._imports, runs=True, named=model.names.of_annotation
        )

    def text(self) -> str:
        halves = (True, False)
        blocks = [
            block
            for is_public in halves
            for group in self._groups
            for block in self._classes_of(group, is_public)
        ]
        blocks += [self._root(is_public) for is_public in halves]
        roots = [f"public: {self._final} = _Public()", f"internal: {self._final} = _Internal()"]
        body = separated([*blocks, roots], space=2)
        return source("Refs to every function.", self._imports, body)

    def _classes_of(self, group: GroupModel, is_public: bool) -> Iterator[list[str]]:
        if not group.has(is_public=is_public):
            return
        for each in group.groups:
            yield from self._classes_of(each, is_public)
        functions = [
            line
            for function in group.functions
            if function.is_public is is_public
            for line in self._ref(function)
        ]
        below = self._attributes(group.groups, is_public)
        yield [f"class {self._classes[group.path, is_public]}:", *functions, *below]

    def _root(self, is_public: bool) -> list[str]:
        members = self._attributes(self._groups, is_public)
        name = "public" if is_public else "internal"
        empty = [f'    """There are no {name} functions."""']
        return [f"class _{name.title()}:", *(members or empty)]

    def _attributes(self, groups: tuple[GroupModel, ...], is_public: bool) -> list[str]:
        return [
            f"    {group.attribute}: {self._final} = {self._classes[group.path, is_public]}()"
            for group in groups
            if group.has(is_public=is_public)
        ]

    def _ref(self, function: FunctionModel) -> list[str]:
        arguments: list[Node] = [f'"{function.path}"', self._named(function.source)]
        if not isinstance(function.contract, Schemas):
            arguments.append(self._signature(function.contract))
        joined = [self._types.node(each) for each in function.behind.joined.classes]
        if joined:
            arguments.append(union(*joined))
        ref = self._imports.name("confect_core", "ref_behind" if joined else "ref")
        call = brackets(f"{ref}(", arguments, ")")
        return lay(run(f"{function.attribute}: {self._final} = ", call), 4)

    def _named(self, name: Name) -> str:
        return f"{self._imports.module(name.module)}.{name.attribute}"

    def _signature(self, signature: PlainSignature | None) -> Node:
        types: dict[str, object] = {"returns": None}
        if signature:
            types = {**signature.parameters, "returns": signature.returns}
        keywords: list[Node] = [
            run(f"{name}=", self._types.node(annotation)) for name, annotation in types.items()
        ]
        return brackets(f"{self._imports.name('confect_core', 'Signature')}(", keywords, ")")


def _class_names(model: ProjectModel) -> dict[tuple[str, bool], str]:
    """A name for the class of each half of each group; different groups may look alike in it."""
    names: dict[tuple[str, bool], str] = {}
    used = {"_Public", "_Internal"}
    for group in model.all_groups():
        for is_public in (True, False):
            wanted = camel_case("_Public" if is_public else "_Internal", *group.path.split("/"))
            name, number = f"_{wanted}", 2
            while name in used:
                name, number = f"_{wanted}{number}", number + 1
            used.add(name)
            names[group.path, is_public] = name
    return names
