"""How `confect dev` comes and goes, and what it says of a configuration that is another by now."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter, process_time

from tests.serving import START_TIMEOUT_S, Server, run_dev, serving_notes
from tests.sync_socket import sync_socket

START_UP_S = 1.5
"""From nothing to the first answered query, where nobody else keeps the machine busy."""

SPIN_S = 0.1

STOP_S = 2.0


def seconds_to_first_answer(server: Server) -> float:
    begin = perf_counter()
    server.start()
    assert server.call("query", "notes:list").json() == {"status": "success", "value": []}
    return perf_counter() - begin


def slowdown() -> float:
    """How many times as long as alone a process takes now, because of others."""
    began, ran = perf_counter(), process_time()
    while process_time() - ran < SPIN_S:
        pass
    return (perf_counter() - began) / (process_time() - ran)


def test_the_first_query_is_answered_soon_after_the_start(tmp_path: Path) -> None:
    taken: list[float] = []
    with serving_notes(tmp_path) as server:
        while len(taken) < 3:
            server.kill()
            before, seconds, after = slowdown(), seconds_to_first_answer(server), slowdown()
            taken.append(seconds / min(before, after))
    assert min(taken) < START_UP_S, taken


async def test_a_server_that_is_told_to_stop_does_so_with_clients_connected(
    mortal_server: Server,
) -> None:
    async with sync_socket(mortal_server.socket_url) as socket:
        await socket.add(0, "notes:list")
        await socket.hear()
        begin = perf_counter()
        assert mortal_server.stop() == 0
        assert perf_counter() - begin < STOP_S
        heard, closed = await socket.hear_end()
        assert heard == []
        assert closed.rcvd is not None, "the server says goodbye"
        assert closed.rcvd.code == 1012
    assert not (mortal_server.project / ".confect" / "dev.json").exists()


def test_a_port_that_is_taken_is_named(server: Server, tmp_path: Path) -> None:
    refused = run_dev(server.project, "--port", str(server.port), "--db", str(tmp_path / "a.db"))
    assert refused.returncode == 1
    said = " ".join((refused.stdout + refused.stderr).split())
    assert f"127.0.0.1:{server.port}" in said
    assert "--port" in said
    assert "Traceback" not in said


def configured(server: Server, more: str, said: str) -> None:
    """Save `pyproject.toml` with more at its end until the server says this of it."""
    file = server.project / "pyproject.toml"
    text = file.read_text()
    for _ in range(START_TIMEOUT_S):  # it may look for changes only from a moment later on
        file.write_text(text + more)
        if server.wait_said(said, timeout_s=1):
            return
    raise AssertionError(server.output)


def test_a_setting_that_is_changed_asks_for_a_restart(tmp_path: Path) -> None:
    with serving_notes(tmp_path) as server:
        configured(server, "\n[tool.other]\nx = 1\n\n[tool.confect.limits]\n", "")
        configured(server, "nesting = 'deep'\n", "nesting = 'deep' in [tool.confect.limits]")
        restart = "pyproject.toml has changed: restart to take it up"
        assert restart not in "".join(server.output)
        file = server.project / "pyproject.toml"
        file.write_text(file.read_text().replace("'deep'", "3"))
        assert server.wait_said(restart)
