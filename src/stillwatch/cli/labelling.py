"""What `label` and `allow` share: the author, and the line that is written."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click

from stillwatch.cli.output import print_json
from stillwatch.errors import Problem, UsageError
from stillwatch.foreign import visible


def whoami() -> str:
    """The name under which this process runs; `unknown` where the system has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def author_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """The option `--author`, which defaults to the user of this process."""
    return click.option(
        "--author",
        default=whoami,
        show_default="the user",
        metavar="NAME",
        help="Name of the person who sets the label.",
    )(command)


def write_label(
    folder: Path, target: str, verdict: str, reason: str, expires: str, author: str, *, as_json: bool
) -> None:
    """Append the label to the folder's record and print it. Raises `UsageError` for a target, reason or
    date that cannot be.
    """
    from stillwatch.memory.labels import MAX_REASON, Label, LabelVerdict, add, expiry
    from stillwatch.memory.targets import known_in, resolve

    for name, text in (("--reason", reason), ("--author", author), ("TARGET", target)):
        if not text.strip() or len(text) > MAX_REASON:
            raise UsageError(
                Problem(fact=f"`{name}` is empty or too long", expected=f"1 to {MAX_REASON} characters")
            )
    kind, named, accounts = resolve(target, known_in(folder))
    one = Label(
        kind=kind,
        target=named,
        verdict=cast("LabelVerdict", verdict),
        reason=reason.strip(),
        author=author.strip(),
        at=datetime.now(UTC),
        expires=expiry(expires) if expires else None,
        accounts=accounts,
    )
    entry = add(folder, one)
    if as_json:
        print_json(one.as_json() | {"accounts": len(accounts), "code": entry.code})
        return
    what = f"{kind} {named}" + (f" ({len(accounts):,} accounts)" if accounts else "")
    click.echo(f"{visible(what, 200)}: {visible(one.statement, 400)}")
