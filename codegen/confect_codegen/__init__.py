"""From a project to its generated code and its server: what `confect` does.

Owns finding, loading and checking projects, the text of generated modules, and the command line.
May import `confect_server` and `confect_core`; nothing imports it. Nothing is re-exported here, so
that `confect --help` loads no more than it needs.
"""
