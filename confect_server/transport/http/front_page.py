"""The page at the root of a development server: what is offered here, and how to call it."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from confect_server.runtime import RunnableFunction, easiest

_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>Confect</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; color: #1c1c28; background: #fcfcfd;
         max-width: 46rem; margin: 3rem auto; padding: 0 1rem; }}
  h1 {{ font-size: 1.5rem; }}
  table {{ border-collapse: collapse; width: 100%; margin: 1.5rem 0; }}
  td {{ padding: .4rem .5rem; border-top: 1px solid #e4e4ec; }}
  td:last-child {{ color: #6b6b7b; text-align: right; }}
  code, pre {{ font: 14px/1.5 ui-monospace, monospace; }}
  pre {{ background: #f1f1f5; padding: 1rem; border-radius: 6px; overflow-x: auto; }}
</style>
<h1>This Confect backend is running</h1>
<p>Clients connect to this address. These functions are public:</p>
<table>{rows}</table>
<p>Call one from a terminal:</p>
<pre>confect run {example} '{{}}'</pre>
<p>or over HTTP:</p>
<pre>curl {origin}/api/{kind} -H 'Content-Type: application/json' \\
  -d '{{"path": "{example}", "args": {{}}}}'</pre>
</html>
"""
_ROW = "<tr><td><code>{path}</code></td><td>{kind}</td></tr>"


def front_page(functions: Iterable[RunnableFunction], origin: str) -> bytes:
    """The page that lists these functions."""
    listed = sorted(functions, key=lambda function: function.path)
    first = easiest(listed)
    return _PAGE.format(
        rows="".join(_ROW.format(path=escape(each.path), kind=each.kind) for each in listed),
        example=escape(first.path if first else "group:function"),
        kind=first.called.lower() if first else "query",
        origin=escape(origin),
    ).encode()
