"""The built files, on the port of everything else."""

from __future__ import annotations

from pathlib import Path

import httpx2

from chat.front_end import FrontEnd


async def test_a_page_is_asked_for_anew_and_what_it_names_is_kept(tmp_path: Path) -> None:
    app = FrontEnd(tmp_path)
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://chat") as client:
        missing = await client.get("/")
        assert (missing.status_code, "npm run build" in missing.text) == (404, True)
        (tmp_path / "assets").mkdir()
        (tmp_path / "index.html").write_text("<title>chat</title>")
        (tmp_path / "assets" / "app-1.js").write_text("1")
        page, script = await client.get("/"), await client.get("/assets/app-1.js")
        assert (page.text, page.headers["cache-control"]) == ("<title>chat</title>", "no-cache")
        assert "immutable" in script.headers["cache-control"]
        assert (await client.get("/assets/app-0.js")).status_code == 404
