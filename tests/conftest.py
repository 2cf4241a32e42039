"""What every test shares: async tests run on asyncio, and many of them talk to one real server."""

from __future__ import annotations

import pytest
from hypothesis import settings

from tests.serving import mortal_server as mortal_server
from tests.serving import server as server
from tests.serving import shared_server as shared_server

# how long an example takes says how busy the machine is, and fails tests that have nothing to do
# with time
settings.register_profile("without deadlines", deadline=None)
settings.load_profile("without deadlines")


def pytest_addoption(parser: pytest.Parser) -> None:
    """How many histories tests/histories makes; a failed one is made again from its number."""
    options = parser.getgroup("histories")
    options.addoption("--histories", type=int, default=200, help="how many to make and check")
    options.addoption("--first-history", type=int, default=None, help="the first one's number")
    jobs = parser.getgroup("scheduled functions")
    jobs.addoption("--jobs", type=int, default=2000, help="how many two killed processes share")
    crowd = parser.getgroup("load")
    crowd.addoption("--idle-sockets", type=int, default=1000, help="how many only listen")
    crowd.addoption("--active-sockets", type=int, default=200, help="how many mutate")
    storm = parser.getgroup("storm")
    storm.addoption("--storm-s", type=float, default=8, help="how long clients write in it")
    storm.addoption("--storm-seed", type=int, default=None, help="what makes the weather")


def pytest_configure() -> None:
    """Give each example of hypothesis the time that it takes: machines that test are busy."""
    settings.register_profile("unhurried", settings.default, deadline=None)
    settings.load_profile("unhurried")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
