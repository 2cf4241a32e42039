"""The command line: `confect`, one file per command.

Each command imports what it needs when it runs, so that help is quick. May import everything else
of `confect_codegen`; nothing imports it.
"""

from __future__ import annotations

import typer

from confect_codegen.cli.check import check
from confect_codegen.cli.codegen import codegen
from confect_codegen.cli.dev import dev
from confect_codegen.cli.env import env
from confect_codegen.cli.run import run
from confect_codegen.cli.schema import schema

main = typer.Typer(
    help="A typed, reactive backend in one process.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for command in (codegen, check, dev, run):
    main.command()(command)
main.add_typer(env, name="env")
main.add_typer(schema, name="schema")
