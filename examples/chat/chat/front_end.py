"""`FrontEnd`: the files that `npm run build` makes of `web/`, on the port of everything else."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import PlainTextResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

BUILT = Path(__file__).parents[1] / "web" / "dist"


class FrontEnd(StaticFiles):
    """Serves the files if they are built, and otherwise says how to build them."""

    def __init__(self, folder: Path = BUILT) -> None:
        super().__init__(directory=folder, html=True, check_dir=False)
        self._folder = folder

    async def check_config(self) -> None:
        """Let the folder be built, or built anew, while the server runs."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file at a path below the folder."""
        if not (self._folder / "index.html").exists():
            return PlainTextResponse("Run `npm ci` and `npm run build` in web/ first", 404)
        try:
            response = await super().get_response(path, scope)
        except HTTPException as error:
            return PlainTextResponse(error.detail, error.status_code)
        # names of assets change with their content, so they last; the page that names them does not
        is_lasting = path.startswith("assets/") and response.status_code == 200
        lasting = "public, max-age=31536000, immutable"
        response.headers["cache-control"] = lasting if is_lasting else "no-cache"
        return response
