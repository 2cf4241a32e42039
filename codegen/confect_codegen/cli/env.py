"""`confect env`: the environment variables of a project."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from confect_codegen.cli.reporting import reported

if TYPE_CHECKING:
    from confect_codegen.variables import StoredVariables

env = typer.Typer(
    help="The environment variables that are stored: settings of the application.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

_Project = Annotated[Path, typer.Option(help="The folder of the project.")]
_Url = Annotated[str | None, typer.Option(help="The server, if not the project's own.")]
_Database = Annotated[Path | None, typer.Option(help="The database file, whatever runs on it.")]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs to read.")]

_MASK = "********"


@env.command("list")
def list_(
    *,
    show: Annotated[bool, typer.Option(help="Show secrets as well.")] = False,
    json: _Json = False,
    project: _Project = Path(),
    url: _Url = None,
    db: _Database = None,
) -> None:
    """Print the variables; secrets, and what nobody declares, are masked.

    confect env list --show
    """
    with reported():
        values, secrets = _variables(project, url, db).list()
        shown = {
            name: _MASK if name in secrets and not show else value
            for name, value in sorted(values.items())
        }
        if json:
            _print_json(shown)
            return
        for name, value in shown.items():
            typer.echo(f"{name}={value}")


@env.command()
def get(
    name: Annotated[str, typer.Argument(help="Its name.")],
    *,
    json: _Json = False,
    project: _Project = Path(),
    url: _Url = None,
    db: _Database = None,
) -> None:
    """Print the value of one variable.

    confect env get PAGE_SIZE
    """
    with reported():
        # imported here, so that help is quick
        from confect_codegen.errors import NoSuchVariable

        values = _variables(project, url, db).list().values
        if name not in values:
            raise NoSuchVariable(name, sorted(values))
        if json:
            _print_json({name: values[name]})
        else:
            typer.echo(values[name])


@env.command("set")
def set_(
    assignments: Annotated[
        list[str],
        typer.Argument(help="NAME=VALUE, or one NAME, whose value is read from the input."),
    ],
    *,
    json: _Json = False,
    project: _Project = Path(),
    url: _Url = None,
    db: _Database = None,
) -> None:
    """Set variables: all of them, or none if one is refused.

    confect env set PAGE_SIZE=50 MODE=live

    confect env set STRIPE_KEY < key.txt
    """
    with reported():
        _change(_assigned(assignments), _variables(project, url, db), is_json=json)


@env.command()
def remove(
    names: Annotated[list[str], typer.Argument(help="Their names.")],
    *,
    json: _Json = False,
    project: _Project = Path(),
    url: _Url = None,
    db: _Database = None,
) -> None:
    """Remove variables; what is not there is removed already.

    confect env remove PAGE_SIZE
    """
    with reported():
        _change(dict.fromkeys(names), _variables(project, url, db), is_json=json)


def _variables(project: Path, url: str | None, db: Path | None) -> StoredVariables:
    # imported here, so that help is quick
    from confect_codegen.running import ProjectState
    from confect_codegen.variables import variables_of

    return variables_of(ProjectState.of(project.resolve()), db, url)


def _change(changes: dict[str, str | None], variables: StoredVariables, *, is_json: bool) -> None:
    variables.change(changes)
    if is_json:
        changed = {"set": [name for name, value in changes.items() if value is not None]}
        _print_json({**changed, "removed": [name for name in changes if changes[name] is None]})
        return
    for name, value in changes.items():
        typer.echo(f"{name} is {'removed' if value is None else 'set'}")


def _assigned(assignments: list[str]) -> dict[str, str | None]:
    if len(assignments) == 1 and "=" not in assignments[0]:
        return {assignments[0]: _read_value(assignments[0])}
    # imported here, so that help is quick
    from confect_codegen.errors import BadAssignment

    assigned: dict[str, str | None] = {}
    for each in assignments:
        name, is_assignment, value = each.partition("=")
        if not is_assignment:
            raise BadAssignment(each)
        assigned[name] = value
    return assigned


def _read_value(name: str) -> str:
    """A value that leaves no trace in the history of a shell."""
    if sys.stdin.isatty():
        return str(typer.prompt(name, hide_input=True))
    return sys.stdin.read().rstrip("\r\n")


def _print_json(tree: object) -> None:
    # imported here, so that help is quick
    import orjson

    typer.echo(orjson.dumps(tree, option=orjson.OPT_INDENT_2).decode())
