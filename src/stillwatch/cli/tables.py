"""How are results shown on a terminal?"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from stillwatch.cli.progress import STAGES
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import CAMPAIGNS
from stillwatch.errors import Problem, StillwatchError
from stillwatch.foreign import visible
from stillwatch.results.folder import MANIFEST, read_json, read_table

SHOWN = 10  # files that could not be read, before the rest is counted


def text_table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table on standard output, numbers to the right: drawn by rich on a terminal, where long cells
    are folded to its width, and as plain text with one line a row elsewhere.
    """
    cells = [[visible(cell, None) for cell in row] for row in rows]
    right = [bool(rows) and all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))]
    if sys.stdout.isatty():
        _draw(header, cells, right)
        return
    widths = [
        max(len(name), *(len(row[i]) for row in cells)) if cells else len(name)
        for i, name in enumerate(header)
    ]

    def line(values: Sequence[str]) -> str:
        """One row as text, its cells padded to the widths of the columns."""
        return "  ".join(
            v.rjust(w) if r else v.ljust(w) for v, w, r in zip(values, widths, right, strict=True)
        ).rstrip()

    click.echo(line(header))
    click.echo("  ".join("-" * w for w in widths))
    for row in cells:
        click.echo(line(row))


def _draw(header: Sequence[str], cells: Sequence[Sequence[str]], right: Sequence[bool]) -> None:
    """Draw a table on the terminal; `right` says which columns are aligned to the right."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, is_right in zip(header, right, strict=True):
        table.add_column(Text(name), justify="right" if is_right else "left", overflow="fold")
    for row in cells:
        table.add_row(*(Text(cell) for cell in row))  # `Text` reads no markup, which a log may hold
    Console().print(table)


def profile_table(results: Path) -> None:
    """Where the time of a scan went, as its manifest has it."""
    profile = read_json(results, MANIFEST)["profile"]
    click.echo()
    text_table(
        ("stage", "seconds", "CPU seconds", "peak MB"),
        [
            (STAGES.get(row["stage"], row["stage"]), row["seconds"], row["cpu_seconds"], row["peak_mb"])
            for row in profile["stages"]
        ],
    )


def unread_files(overview: dict[str, Any]) -> None:
    """Files, and parts of files, that could not be read."""
    unread = overview.get("unread") or []
    for one in unread[:SHOWN]:
        click.echo(f"not read: {visible(one['path'], 200)}: {visible(one['reason'], 200)}")
    if len(unread) > SHOWN:
        click.echo(f"not read: {len(unread) - SHOWN:,} more, in quarantine.parquet")


def nothing_found(overview: dict[str, Any]) -> str:
    """What is said where there is no campaign: a log in which nothing could be judged is not one in which
    nothing was found.
    """
    if overview.get("candidates") or overview.get("shareable") != []:
        return "no campaign found"
    known = {*EXCHANGES.names, *ACCOUNTS.names}
    lacking = ["prompt" if name == "phrases" else name for name in overview.get("missing_columns", ())]
    missing = ", ".join(f"`{name}`" for name in lacking if name in known)
    seen = f"; without values: {missing} (docs/input.md)" if missing else ""
    return f"nothing could be judged: no column that accounts could share{seen}"


def said_of_reading(overview: dict[str, Any]) -> None:
    """On standard error: what was noticed about the logs, and of which files too little was read. Those
    end the program with code 1.
    """
    for one in overview.get("warnings") or []:
        click.echo(Problem(**one).render("warning"), err=True)
    short = overview.get("short") or []
    if short:
        click.echo(StillwatchError(*(Problem(**one) for one in short)).render(), err=True)
        sys.exit(1)


def campaigns_table(out: Path, overview: dict[str, Any]) -> None:
    """Campaigns of a results folder, and where to look further."""
    click.echo(
        f"{overview['exchanges']:,} exchanges of {overview['accounts']:,} accounts; {overview['candidates']} "
        f"candidate groups "
        f"judged at a false-discovery rate of {overview['fdr']:g}"
    )
    if overview["quarantined"]:
        click.echo(f"{overview['quarantined']:,} rows could not be read: see {out / 'quarantine.parquet'}")
    nulled = {column: sum(reasons.values()) for column, reasons in overview.get("nulled", {}).items()}
    if nulled:
        counts = ", ".join(f"`{column}` {number:,}" for column, number in nulled.items())
        click.echo(f"values that could not be read as they stand, by column: {counts}")
    unread_files(overview)
    if overview["duplicates"]:
        click.echo(
            f"{overview['duplicates']:,} repeated deliveries counted once: same id, account, time and prompt "
            f"as another row"
        )
    rows = read_table(out, CAMPAIGNS).to_pylist()
    if rows:
        click.echo("")
        text_table(
            (
                "campaign",
                "kind",
                "accounts",
                "exchanges",
                "from",
                "to",
                "q-value",
                "detected",
                "capabilities",
            ),
            [
                (
                    r["campaign_id"],
                    r["kind"],
                    r["accounts"],
                    r["exchanges"],
                    f"{r['first_seen']:%Y-%m-%d}",
                    f"{r['last_seen']:%Y-%m-%d}",
                    f"{r['q_value']:.1g}",
                    f"{r['detected_at']:%Y-%m-%d %H:%M}" if r["detected_at"] else "at no look",
                    ", ".join(r["capabilities"]),
                )
                for r in rows
            ],
        )
        for one in overview.get("labels") or ():
            click.echo(f"{one['campaign_id']}: {visible(one['statement'], 300)}")
    else:
        click.echo(nothing_found(overview))
    click.echo(f"\nreport: {out / 'report.html'}")
