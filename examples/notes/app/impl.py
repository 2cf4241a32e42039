"""The application."""

from __future__ import annotations

from app.notes.impl import notes
from app.services import live
from confect_server import Impl

app = Impl(live).provide(notes)
