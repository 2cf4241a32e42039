"""One page of a query at a time: what is asked for and what is answered."""

from __future__ import annotations

from typing import ClassVar, Generic, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field
from typing_extensions import TypeVar

from confect_core.values.absent import ABSENT, Absent

Item = TypeVar("Item")

PageStatus: TypeAlias = Literal["SplitRecommended", "SplitRequired"]


class PaginationOptions(BaseModel):
    """Which page: so many items after a cursor, or everything up to an end cursor."""

    model_config = ConfigDict(frozen=True)

    __confect_wire_names__: ClassVar[dict[str, str]] = {
        "num_items": "numItems",
        "end_cursor": "endCursor",
        "maximum_rows_read": "maximumRowsRead",
        "maximum_bytes_read": "maximumBytesRead",
    }

    num_items: int = Field(ge=0)
    cursor: str | None = None
    end_cursor: str | None = None
    id: float | Absent = ABSENT
    maximum_rows_read: int | Absent = ABSENT
    maximum_bytes_read: int | Absent = ABSENT


class PaginationResult(BaseModel, Generic[Item]):
    """A page of items, and how to ask for the next one."""

    # a type of items that cannot travel is refused with the function that answers them
    model_config = ConfigDict(defer_build=True)

    __confect_wire_names__: ClassVar[dict[str, str]] = {
        "is_done": "isDone",
        "continue_cursor": "continueCursor",
        "split_cursor": "splitCursor",
        "page_status": "pageStatus",
    }

    page: list[Item]
    is_done: bool
    continue_cursor: str
    split_cursor: str | None
    page_status: PageStatus | None
