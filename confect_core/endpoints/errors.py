"""Mistakes that a typed HTTP API can have; each is refused where the API is written."""

from __future__ import annotations

from confect_core.errors import SpecError, Where


class BadEndpointPath(SpecError):
    """A path at which no endpoint can be."""

    def __init__(self, path: str, problem: str, where: Where | None = None) -> None:
        super().__init__(
            f"an endpoint cannot be at {path!r}: {problem}",
            hint="write whole segments, such as /notes or /notes/{note_id}",
            where=where,
        )


class UnknownPathParameter(SpecError):
    """A path that names what is no argument."""

    def __init__(self, path: str, name: str, model: str, where: Where | None = None) -> None:
        super().__init__(
            f"{path} names {name!r}, which is no field of {model}",
            hint=f"give {model} a required field {name!r}, or rename it in the path",
            where=where,
        )


class BadStatus(SpecError):
    """A status that does not mean what it should."""

    def __init__(self, what: str, status: int, wanted: str, where: Where | None = None) -> None:
        super().__init__(
            f"{what} cannot be answered with status {status}",
            hint=f"choose a status from {wanted}",
            where=where,
        )


class StatusOfUndeclared(SpecError):
    """A status for an error that the endpoint does not declare."""

    def __init__(self, error: str, where: Where | None = None) -> None:
        super().__init__(
            f"with_status names {error}, which the endpoint does not declare",
            hint="add the error to error=, or remove its status",
            where=where,
        )


class ErrorHasCode(SpecError):
    """An error with a field of the name under which its tag travels."""

    def __init__(self, error: str, where: Where | None = None) -> None:
        super().__init__(
            f"{error} has a field 'code', where HTTP clients find the name of the error",
            hint="rename the field",
            where=where,
        )


class NoJson(SpecError):
    """A type that ordinary JSON cannot say."""

    def __init__(self, what: str, problem: str, where: Where | None = None) -> None:
        super().__init__(
            f"{what} has no JSON: {problem}",
            hint="use pydantic models and the types that pydantic has a JSON schema for",
            where=where,
        )


class PlainCall(SpecError):
    """An endpoint that calls a function whose arguments have no model."""

    def __init__(self, path: str, function: str, where: Where | None = None) -> None:
        super().__init__(
            f"the endpoint at {path} cannot call {function}: only queries, mutations and actions "
            "with schemas can be called without a handler",
            hint="declare args= and returns= instead of calls=, and write a handler",
            where=where,
        )


class NotAnEndpoint(SpecError):
    """Something public in the class of an API that is no endpoint."""

    def __init__(self, api: str, attribute: str, where: Where | None = None) -> None:
        super().__init__(
            f"{api}.{attribute} is no endpoint",
            hint="use Endpoint.get(...) and its siblings, or begin the name with an underscore",
            where=where,
        )


class BadPrefix(SpecError):
    """A prefix that no path can begin with."""

    def __init__(self, api: str, prefix: str, where: Where | None = None) -> None:
        super().__init__(
            f"{api} cannot have the prefix {prefix!r}",
            hint="begin it with a slash and end it without one, as in /v1",
            where=where,
        )


class DuplicateEndpoint(SpecError):
    """Two endpoints of one API for the same requests."""

    def __init__(self, method: str, path: str, where: Where | None = None) -> None:
        super().__init__(
            f"{method} {path} has two endpoints",
            hint="give one of them another path or another method",
            where=where,
        )
