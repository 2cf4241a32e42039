"""The result of a function that declares errors."""

from __future__ import annotations

from typing import TypeVar, Union

from returns.result import Failure, Success

A = TypeVar("A")
E = TypeVar("E")

Outcome = Union[Success[A], Failure[E]]  # noqa: UP007  # `|` gives no generic alias at run time
"""`Success[A] | Failure[E]`: each value is a `Result`, and type checkers narrow it in `match`."""
