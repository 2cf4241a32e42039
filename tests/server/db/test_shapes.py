"""Documents of every shape: what is nested, optional, a record or anything is kept and found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NotRequired

import pytest
from pydantic import BaseModel, Field
from typing_extensions import TypedDict

from confect_core import ABSENT, Absent, Index, Int64, Table
from confect_core.values.codec import Mismatch
from confect_server.db import DataModel, Range, TableReader
from confect_server.errors import BadRange
from tests.server.db.opened import Opened, opened


class City(BaseModel):
    name: str
    country: str | None = None


class Address(BaseModel):
    city: City | None = None
    street: str | Absent = ABSENT


class Circle(BaseModel):
    kind: Literal["circle"] = "circle"
    size: float


class Square(BaseModel):
    kind: Literal["square"] = "square"
    size: Int64
    corners: list[str] = Field(default_factory=list)


@dataclass
class Point:
    x: float
    label: str | None = None


class Owner(TypedDict):
    name: str
    phone: NotRequired[str]


class Thing(Table, name="things"):
    label: str
    home: Address | None = None
    work: Address | None
    shape: Annotated[Circle | Square, Field(discriminator="kind")] | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    places: dict[str, Address] = Field(default_factory=dict)
    routes: list[list[City]] = Field(default_factory=list[list[City]])
    anything: Any = None
    either: int | str | list[int] | None = None
    at: Point | None = None
    owner: Owner | None = None

    by_home = Index("home.city.name", "home.street")
    by_country = Index("home.city.country")
    by_work = Index("work.city.name")
    by_size = Index("shape.size")
    by_corners = Index("shape.corners")
    by_shape = Index("shape.kind", "shape.size")
    by_chess = Index("scores.chess")
    by_summer = Index("places.summer.city.name")
    by_anything = Index("anything")
    by_source = Index("anything.source.name")
    by_either = Index("either")
    by_x = Index("at.x", "at.label")
    by_phone = Index("owner.phone", "owner.name")


MODEL = DataModel((Thing,))

BERN, ROME = City(name="Bern", country="CH"), City(name="Rome")

SHAPES: list[dict[str, Any]] = [
    {},
    {"home": Address(city=BERN, street="A"), "work": Address(city=ROME)},
    {"home": Address(), "work": Address(street="B")},
    {"shape": Circle(size=2.5)},
    {"shape": Square(size=3, corners=["a", "b"])},
    {
        "scores": {"chess": 1.5, "go": -0.0},
        "places": {"summer": Address(city=BERN), "x y": Address()},
    },
    {"routes": [[BERN, ROME], [], [ROME]]},
    {"anything": {"source": {"name": "web"}, "list": [1.0, None, b"x"]}},
    {"anything": "text"},
    {"either": 3},
    {"either": "three"},
    {"either": [3]},
    {"at": Point(x=1.0, label="here")},
    {"owner": {"name": "Ada", "phone": "1"}},
    {"owner": {"name": "Ada"}},
]


async def insert(world: Opened, *shapes: dict[str, Any]) -> None:
    """Things of these shapes, each labelled with its place in the list."""
    async with world.writing() as db:
        things: Any = db.table(Thing)
        for number, shape in enumerate(shapes):
            await things.insert(**{"label": str(number), "work": None, **shape})


def things(world: Opened) -> TableReader[Thing]:
    return world.db.table(Thing)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
async def test_what_is_inserted_is_read_again(shape: dict[str, Any]) -> None:
    async with opened(MODEL) as world:
        await insert(world, shape)
        read = await things(world).query().unique()
        assert read is not None
        fields: dict[str, Any] = {"label": "0", "work": None, **shape}
        update = {"id": read.id, "creation_time": read.creation_time}
        assert read == Thing(**fields).model_copy(update=update)
        assert await world.db.get(read.id) == read


@pytest.mark.parametrize("shape", SHAPES, ids=str)
async def test_what_is_patched_is_read_again(shape: dict[str, Any]) -> None:
    async with opened(MODEL) as world:
        await insert(world, SHAPES[1])
        (before,) = await things(world).query().collect()
        async with world.writing() as db:
            await db.table(Thing).change(before.id, shape)
        assert await world.db.get(before.id) == before.model_copy(update=shape)


async def found(world: Opened, index: str, **bounds: object) -> list[int]:
    """Which of the things that were inserted an index finds."""
    return [int(thing.label) for thing in await things(world).by(index, **bounds).collect()]


async def test_an_index_leads_through_what_may_be_absent() -> None:
    async with opened(MODEL) as world:
        await insert(
            world,
            {"home": Address(city=ROME, street="A"), "work": Address(city=ROME)},
            {"home": None, "work": None},
            {"home": Address(city=None)},
            {"home": Address(city=BERN), "work": Address(city=BERN)},
            {"home": Address(city=BERN, street="B"), "work": Address()},
        )
        assert await found(world, "by_home") == [1, 2, 3, 4, 0]
        assert await found(world, "by_home", home__city__name="Bern") == [3, 4]
        assert await found(world, "by_home", home__city__name=ABSENT) == [1, 2]
        bern = {"home__city__name": "Bern", "home__street": ABSENT}
        assert await found(world, "by_home", **bern) == [3]
        assert await found(world, "by_home", home__city__name=Range(gt=ABSENT)) == [3, 4, 0]
        assert await found(world, "by_country", home__city__country="CH") == [3, 4]
        assert await found(world, "by_country", home__city__country=None) == [0, 1, 2]
        assert await found(world, "by_work", work__city__name=Range(lt="Rome")) == [1, 2, 4, 3]
        assert await found(world, "by_work", work__city__name="Rome") == [0]


async def test_an_index_leads_into_the_members_of_a_union() -> None:
    async with opened(MODEL) as world:
        square = {"shape": Square(size=3, corners=["a"])}
        await insert(world, square, {}, {"shape": Circle(size=3)}, {"shape": Circle(size=1)})
        assert await found(world, "by_corners", shape__corners=["a"]) == [0]
        assert await found(world, "by_corners", shape__corners=ABSENT) == [1, 2, 3]
        assert await found(world, "by_shape", shape__kind="circle") == [3, 2]
        assert await found(world, "by_shape", shape__kind="circle", shape__size=3.0) == [2]
        # a number and an int64 are values of different types, in an order of their own
        assert await found(world, "by_size") == [1, 0, 3, 2]


async def test_an_index_leads_into_records_and_into_anything() -> None:
    async with opened(MODEL) as world:
        await insert(
            world,
            {"scores": {"go": 1.0}, "anything": {"source": {"name": "web"}}},
            {"scores": {"chess": 2.0}, "anything": {"source": "web"}},
            {"scores": {"chess": 1.0}, "places": {"summer": Address(city=BERN)}},
        )
        assert await found(world, "by_chess") == [0, 2, 1]
        assert await found(world, "by_chess", scores__chess=Range(gte=0)) == [2, 1]
        assert await found(world, "by_chess", scores__chess=ABSENT) == [0]
        assert await found(world, "by_summer", places__summer__city__name="Bern") == [2]
        assert await found(world, "by_source", anything__source__name="web") == [0]
        assert await found(world, "by_anything", anything={"source": "web"}) == [1]


async def test_an_index_leads_into_dataclasses_and_typed_dictionaries() -> None:
    async with opened(MODEL) as world:
        await insert(
            world,
            {"at": Point(x=2.0), "owner": {"name": "Ada"}},
            {"at": Point(x=2.0, label="a"), "owner": {"name": "Bea", "phone": "1"}},
            {},
        )
        assert await found(world, "by_x", at__x=2.0) == [0, 1]
        assert await found(world, "by_x", at__x=2.0, at__label=None) == [0]
        assert await found(world, "by_x", at__x=ABSENT) == [2]
        assert await found(world, "by_phone", owner__phone="1") == [1]
        assert await found(world, "by_phone", owner__phone=ABSENT, owner__name="Ada") == [0]


async def test_values_of_several_types_are_in_one_order() -> None:
    async with opened(MODEL) as world:
        await insert(world, {"either": [1]}, {"either": "b"}, {"either": 7}, {}, {"either": "a"})
        assert await found(world, "by_either") == [3, 2, 4, 1, 0]
        assert await found(world, "by_either", either="b") == [1]
        assert await found(world, "by_either", either=[1]) == [0]
        assert await found(world, "by_either", either=None) == [3]
        with pytest.raises(Mismatch):
            await found(world, "by_either", either=b"b")


class Wide(Table, name="wide"):
    f0: int = 0
    f1: int = 0
    f2: int = 0
    f3: int = 0
    f4: int = 0
    f5: int = 0
    f6: int = 0
    f7: int = 0
    f8: int = 0
    f9: int = 0
    f10: int = 0
    f11: int = 0
    f12: int = 0
    f13: int = 0
    f14: int = 0
    f15: int = 0
    by_all = Index(*(f"f{number}" for number in range(16)))


async def test_an_index_of_sixteen_fields_has_the_creation_time_after_them() -> None:
    async with opened(DataModel((Wide,))) as world:
        async with world.writing() as db:
            ids = [await db.table(Wide).insert(f15=1) for _ in range(3)]
            last = await db.table(Wide).insert()
        reader = world.db.table(Wide)
        assert [each.id for each in await reader.by("by_all").collect()] == [last, *ids]
        middle = await world.db.get(ids[1])
        assert middle is not None
        zeros = {f"f{number}": 0 for number in range(15)}
        after = Range(gt=middle.creation_time)
        since = reader.by("by_all", **zeros, f15=1, creation_time=after)
        assert [each.id for each in await since.collect()] == [ids[2]]
        with pytest.raises(BadRange):
            reader.by("by_all", **zeros, creation_time=after)
