"""Field paths: a lambda over a model, followed to the field that it names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

from pydantic import BaseModel

from confect_core import Absent
from confect_core.values import UNDEFINED, CommitTs, Int64
from confect_core.values.absent import ABSENT
from confect_core.values.codec import Codec
from confect_server.db.evaluation import Evaluated
from confect_server.errors import NoField

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")


def present(value: V | Absent | None) -> V:
    """Inside `field_of`: goes on behind a field that may be None, `present(user.home).city`.

    A document whose field is not there has nothing at the path, which comes before every value.
    """
    return cast("V", value)


@dataclass(frozen=True, slots=True)
class FieldPath:
    """How far a path leads: its names on the wire, and the type of what is there."""

    model: str
    path: tuple[str, ...]
    annotation: Any
    is_absent_if_none: bool = False

    def field(self, name: str) -> FieldPath:
        """The path to a field of the models that are here."""
        found = {
            each: each.model_fields[name] for each in self._models if name in each.model_fields
        }
        if not found:
            raise NoField(self.model, ".".join((*self.path, name)))
        wire_names: dict[str, str] = getattr(next(iter(found)), "__confect_wire_names__", {})
        types = tuple(field.rebuild_annotation() for field in found.values())
        return FieldPath(
            self.model,
            (*self.path, wire_names.get(name, name)),
            Union[types],  # noqa: UP007  # `|` cannot join what is only known at run time
            any(field.default is None for field in found.values()),
        )

    def item(self, key: object) -> FieldPath:
        """The path to an entry of a record."""
        values = [get_args(each)[1] for each in self._members if get_origin(each) is dict]
        if not isinstance(key, str) or not (values or Any in self._members):
            raise NoField(self.model, ".".join((*self.path, str(key))))
        annotation: Any = Union[tuple(values)] if values else Any  # noqa: UP007  # as above
        return FieldPath(self.model, (*self.path, key), annotation)

    @property
    def is_int64(self) -> bool:
        """Does the field hold int64, so that what it is added to is one too?"""
        return any(each in (Int64, CommitTs) for each in self._members)

    def encoder(self) -> Callable[[object], Evaluated]:
        """Encodes what the field is compared with, as documents hold it."""
        kept = tuple(each for each in self._members if each != Absent)
        annotation: Any = Union[kept]  # noqa: UP007  # as above
        codec = Codec[Any](annotation, what=".".join((self.model, *self.path)))

        def encode(value: object) -> Evaluated:
            is_absent = value is ABSENT or (value is None and self.is_absent_if_none)
            return UNDEFINED if is_absent else codec.encode(value)

        return encode

    @property
    def _members(self) -> list[Any]:
        return list(_members_of(self.annotation))

    @property
    def _models(self) -> list[type[BaseModel]]:
        bare = [get_args(each)[0] if _is_annotated(each) else each for each in self._members]
        return [each for each in bare if isinstance(each, type) and issubclass(each, BaseModel)]


def path_to(model: type[M], reach: Callable[[M], object]) -> FieldPath:
    """The path that the lambda takes; raises `NoField` if it does anything else."""
    start = FieldPath(model.__name__, (), model)
    try:
        reached = reach(cast("M", _Recorder(start)))
    except TypeError as error:
        raise NoField(model.__name__, str(error)) from None
    if not isinstance(reached, _Recorder) or reached._path is start:
        raise NoField(model.__name__, repr(reached))
    return reached._path


class _Recorder:
    """Stands for a document and remembers what is asked of it; no field begins with `_`."""

    __slots__ = ("_path",)

    def __init__(self, path: FieldPath) -> None:
        self._path = path

    def __getattr__(self, name: str) -> _Recorder:
        return _Recorder(self._path.field(name))

    def __getitem__(self, key: object) -> _Recorder:
        return _Recorder(self._path.item(key))

    def __bool__(self) -> bool:
        raise NoField(self._path.model, "a decision")

    def __repr__(self) -> str:
        return self._path.model


def _members_of(annotation: Any) -> Iterator[Any]:
    """The members of a union, and of the unions in it."""
    bare = get_args(annotation)[0] if _is_annotated(annotation) else annotation
    if get_origin(bare) in (Union, UnionType):
        for each in get_args(bare):
            yield from _members_of(each)
    else:
        yield annotation


def _is_annotated(annotation: Any) -> bool:
    return get_origin(annotation) is Annotated
