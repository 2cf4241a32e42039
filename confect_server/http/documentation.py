"""The documents that describe an application's typed HTTP APIs: OpenAPI, and a page for people."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, cached_property
from html import escape
from pathlib import Path
from typing import Any

import orjson

from confect_core.endpoints import Api
from confect_server.http.openapi import openapi_of
from confect_server.settings import Http

_PAGE = Path(__file__).with_name("docs_page.html")


class Documentation:
    """Describes typed HTTP APIs, wherever their application is mounted."""

    def __init__(self, apis: Sequence[Api], settings: Http, *, has_bearer: bool = False) -> None:
        self._apis = apis
        self._settings = settings
        self._has_bearer = has_bearer

    def at(self, path: str, root_path: str) -> tuple[str, bytes] | None:
        """The media type and the content of what is at a path, if a document is there."""
        if not self._apis or not path:
            return None
        if path == self._settings.openapi_path:
            return "application/json", self._openapi(root_path)
        if path == self._settings.docs_path and self._settings.openapi_path:
            return "text/html; charset=utf-8", self._page(root_path)
        return None

    def _openapi(self, root_path: str) -> bytes:
        servers = {"servers": [{"url": root_path}]} if root_path else {}
        return orjson.dumps(self._document | servers)

    @cached_property
    def _document(self) -> dict[str, Any]:
        settings = self._settings
        return openapi_of(
            self._apis,
            title=settings.title,
            version=settings.version,
            has_bearer=self._has_bearer,
        )

    def _page(self, root_path: str) -> bytes:
        page = _page().replace("{{title}}", escape(self._settings.title))
        return page.replace("{{openapi}}", escape(root_path + self._settings.openapi_path)).encode()


@cache
def _page() -> str:
    return _PAGE.read_text(encoding="utf-8")
