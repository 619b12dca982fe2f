"""`stillwatch labels`: what is labelled, and how labels go from one folder to another."""

from __future__ import annotations

import json
from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing
from stillwatch.errors import InputError, Problem, StateError


@click.group()
def labels() -> None:
    r"""List, export and import labels.

    \b
    Examples:
      stillwatch labels list results/
      stillwatch labels export results/ --out labels.json
      stillwatch labels import guard-state/ labels.json
    """


@labels.command("list")
@click.argument("folder", type=Existing(file=False), metavar="RESULTS_OR_STATE")
@click.option(
    "--json", "as_json", is_flag=True, help="Print the labels as JSON, with the accounts of groups."
)
def list_labels(folder: Path, as_json: bool) -> None:
    """List the labels that are in force."""
    from stillwatch.memory.labels import in_force

    standing = in_force([folder]).labels
    if as_json:
        print_json([one.as_json() for one in standing])
        return
    text_table(
        ("kind", "target", "accounts", "verdict", "author", "until", "reason"),
        [
            (
                one.kind, one.target, len(one.accounts), one.verdict, one.author,
                one.last_day or "it is withdrawn", one.reason,
            )
            for one in standing
        ],
    )  # fmt: skip


@labels.command("export")
@click.argument("folder", type=Existing(file=False), metavar="RESULTS_OR_STATE")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), required=True, help="New JSON file.")
@click.option("--json", "as_json", is_flag=True, help="Print the number as JSON.")
def export_labels(folder: Path, out: Path, as_json: bool) -> None:
    """Write the labels that are in force as a JSON list."""
    from stillwatch.engine.files import atomic
    from stillwatch.memory.labels import in_force

    if out.exists():
        raise InputError(Problem(fact=f"`{out}` exists", where=str(out), fix="choose another --out"))
    standing = [one.as_json() for one in in_force([folder]).labels]
    with atomic(out, private=True) as path:
        path.write_text(json.dumps(standing, indent=2, sort_keys=True) + "\n")
    _counted("exported", len(standing), as_json=as_json)


@labels.command("import")
@click.argument("folder", type=Existing(file=False), metavar="RESULTS_OR_STATE")
@click.argument("file", type=Existing(folder=False))
@click.option("--json", "as_json", is_flag=True, help="Print the number as JSON.")
def import_labels(folder: Path, file: Path, as_json: bool) -> None:
    """Add the labels of FILE, as `labels export` wrote it. Adds none if one of them is invalid."""
    from stillwatch.cli.labelling import whoami
    from stillwatch.memory.labels import add_all, of_json

    try:
        given = json.loads(file.read_bytes())
    except (OSError, ValueError) as error:
        raise InputError(
            Problem(fact="the file of labels is no JSON", where=str(file), found=type(error).__name__)
        ) from None
    if not isinstance(given, list):
        raise InputError(Problem(fact="the file of labels is no list", where=str(file)))
    found = []
    problems: list[Problem] = []
    for number, one in enumerate(given, 1):
        try:
            found.append(of_json(one, f"{file}, label {number}"))
        except StateError as error:
            problems += error.problems
    if problems:
        raise InputError(*problems)
    add_all(folder, found, whoami())
    _counted("imported", len(found), as_json=as_json)


def _counted(done: str, number: int, *, as_json: bool) -> None:
    """Print how many labels were read or written; `done` says which."""
    if as_json:
        print_json({done: number})
    else:
        click.echo(f"{number:,} {'label' if number == 1 else 'labels'} {done}")
