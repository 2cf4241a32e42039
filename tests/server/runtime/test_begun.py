"""What need not wait is there at once; the rest waits as if nothing had happened."""

from __future__ import annotations

import anyio
import pytest

from confect_server.runtime.begun import Rest, begun


async def at_once(value: int) -> int:
    return value


async def test_what_need_not_wait_is_there_at_once() -> None:
    assert begun(at_once(7)) == 7


async def test_an_error_is_there_at_once_too() -> None:
    async def fail() -> None:
        raise ValueError("at once")

    with pytest.raises(ValueError, match="at once"):
        begun(fail())


async def test_the_rest_waits_and_gives_what_the_whole_does() -> None:
    first, second, seen = anyio.Event(), anyio.Event(), list[str]()

    async def wait() -> int:
        await first.wait()
        seen.append("first")
        await second.wait()
        return 7

    rest = begun(wait())
    assert isinstance(rest, Rest)

    async def let_it_go() -> None:
        first.set()
        await anyio.wait_all_tasks_blocked()
        seen.append("second")
        second.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(let_it_go)
        assert await rest == 7
    assert seen == ["first", "second"]


async def test_the_rest_can_be_cancelled_and_may_clean_up() -> None:
    seen: list[str] = []

    async def wait() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()
            seen.append("cleaned up")

    with anyio.move_on_after(0.001) as scope:
        rest = begun(wait())
        assert isinstance(rest, Rest)
        await rest
    assert scope.cancelled_caught
    assert seen == ["cleaned up"]


async def test_the_rest_may_fail() -> None:
    async def wait() -> None:
        await anyio.lowlevel.checkpoint()
        raise ValueError("later")

    rest = begun(wait())
    assert isinstance(rest, Rest)
    with pytest.raises(ValueError, match="later"):
        await rest
