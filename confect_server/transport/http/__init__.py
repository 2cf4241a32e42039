"""The HTTP API: calls of functions, files, settings and probes, and how requests are taken in."""
