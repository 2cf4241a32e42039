"""`HttpApi`: a namespace of endpoints below one prefix."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from inspect import cleandoc
from types import MappingProxyType
from typing import ClassVar

from confect_core.endpoints.endpoint import AnyEndpoint
from confect_core.endpoints.errors import BadPrefix, DuplicateEndpoint, NotAnEndpoint
from confect_core.errors import SpecError, Where, refuse
from confect_core.spec.names import attribute_mistakes, snake_case, wire_name


@dataclass(frozen=True, eq=False)
class Api:
    """An immutable namespace of endpoints, by their names."""

    name: str
    prefix: str
    description: str
    endpoints: Mapping[str, AnyEndpoint]
    where: Where

    def path_of(self, endpoint: AnyEndpoint) -> str:
        """The whole path at which an endpoint answers."""
        return self.prefix + endpoint.path

    def mistakes(self) -> list[SpecError]:
        """Everything in its endpoints that cannot be, now that all is loaded."""
        return [mistake for each in self.endpoints.values() for mistake in each.mistakes()]


class HttpApi:
    """A typed HTTP API: subclass it and assign endpoints to attributes.

        class NotesApi(HttpApi, prefix="/v1"):
            get = Endpoint.get("/notes/{note_id}", args=ByNote, returns=Note, error=NoteNotFound)

    It is named for its class in snake case, or by `name=`; its docstring is a part of the OpenAPI
    document. Values travel as ordinary JSON, as pydantic writes it: an int is a JSON number, a
    datetime an ISO text, bytes are base64.
    """

    __confect_api__: ClassVar[Api]

    def __init_subclass__(cls, *, prefix: str = "", name: str | None = None) -> None:
        super().__init_subclass__()
        where = Where.of_caller()
        api = name or snake_case(cls.__name__)
        endpoints = {
            wire_name(attribute): value
            for attribute, value in vars(cls).items()
            if isinstance(value, AnyEndpoint)
        }
        refuse(f"the API {api!r}", _mistakes(cls, prefix, where))
        description = cleandoc(cls.__doc__ or "")
        cls.__confect_api__ = Api(api, prefix, description, MappingProxyType(endpoints), where)


def api_of(api: type[HttpApi]) -> Api:
    """What an API declares."""
    return api.__confect_api__


def _mistakes(cls: type[HttpApi], prefix: str, where: Where) -> list[SpecError]:
    found: list[SpecError] = []
    if prefix and (not prefix.startswith("/") or prefix.endswith("/") or "{" in prefix):
        found.append(BadPrefix(cls.__name__, prefix, where))
    taken: set[tuple[str, str]] = set()
    for attribute, value in vars(cls).items():
        if isinstance(value, AnyEndpoint):
            found += attribute_mistakes("endpoint", attribute, value.where)
            found += value.early_mistakes()
            if (value.method, value.path) in taken:
                found.append(DuplicateEndpoint(value.method, prefix + value.path, value.where))
            taken.add((value.method, value.path))
        elif not attribute.startswith("_"):
            found.append(NotAnEndpoint(cls.__name__, attribute, where))
    return found
