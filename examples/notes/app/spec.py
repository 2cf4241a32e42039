"""Everything that the application offers."""

from __future__ import annotations

from app.notes.spec import Notes
from confect_core import Spec

spec = Spec.make().add(Notes)
