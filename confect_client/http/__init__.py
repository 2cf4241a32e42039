"""The face over HTTP alone."""
