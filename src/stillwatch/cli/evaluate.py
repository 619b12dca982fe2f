"""`stillwatch evaluate`: how well do we see, on worlds whose truth is known?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing, completing, matrix_names
from stillwatch.engine.cores import CORES


@click.command()
@click.option(
    "--matrix",
    default="standard",
    show_default=True,
    metavar="NAME|FILE",
    shell_complete=completing(matrix_names),
    help="standard, null, honest, honest-quick, alarms, baselines, evasion, ablation, early, reach, "
    "calibration, attribution, quick, or a TOML file of worlds.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("evaluation"),
    show_default=True,
    help="Folder for the outcomes and the page; a second run continues the first.",
)
@click.option("--seeds", type=click.IntRange(min=1), help="Seeds of every world, instead of the matrix's.")
@click.option(
    "--prompts",
    type=Existing(folder=False),
    help="Real text for prompts.",
)
@click.option(
    "--times",
    type=Existing(folder=False),
    help="Real arrival rates for honest applications.",
)
@click.option(
    "--workers",
    type=click.IntRange(min=1),
    default=CORES,
    show_default="all cores",
    help="Number of worlds that are scanned at the same time.",
)
@click.option(
    "--labels",
    type=Existing(file=False),
    metavar="RESULTS_OR_STATE",
    help="Score this results folder on its labels, and print what they would change; no world is simulated.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def evaluate(
    matrix: str,
    out: Path,
    seeds: int | None,
    prompts: Path | None,
    times: Path | None,
    workers: int,
    labels: Path | None,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Simulate worlds with known truth, scan them, and print how much was found, with an interval for
    every figure.

    \b
    Examples:
      stillwatch evaluate --matrix quick --out evaluation/
      stillwatch evaluate --matrix null --out null-worlds/
      stillwatch evaluate --matrix honest --prompts real.parquet --out honest-worlds/
      stillwatch evaluate --matrix mine.toml --seeds 10 --out mine/
      stillwatch evaluate --labels results/
    """
    if labels is not None:
        _on_labels(labels, as_json=as_json)
        return
    from stillwatch.evaluate.flow import evaluate as run

    with bars(quiet=quiet or as_json) as progress:
        rows = run(
            matrix, out, seeds=seeds, prompts=prompts, times=times, workers=workers,
            progress=lambda done, total: progress("evaluate", done, total),
        )  # fmt: skip
    if as_json:
        print_json(rows)
        return
    planted = [row for row in rows if not row.keys() & {"explanations", "cases"}]
    if planted:
        _planted_table(planted)
    _crowd_tables([row for row in rows if "explanations" in row])
    _trial_tables([row for row in rows if "cases" in row])
    click.echo(f"\npage: {out / 'evaluation.html'}")


def _on_labels(folder: Path, *, as_json: bool) -> None:
    """Print how campaigns agree with the labels of a results folder."""
    from stillwatch.flows.labelled import score_labels

    scores = score_labels(folder)
    if as_json:
        print_json(scores)
        return
    for verdict, words in (("campaign", "labelled a campaign's"), ("honest", "labelled honest")):
        one = scores[verdict]
        click.echo(f"of {one['labelled']:,} accounts {words}, {one['reported']:,} are reported")
    for one in scores["would_change"]:
        click.echo(f"{one['campaign_id'] or 'no campaign'}, {one['accounts']:,} accounts: {one['change']}")


def _planted_table(rows: list[dict[str, Any]]) -> None:
    """Print the table of worlds with planted campaigns."""
    text_table(
        (
            "world",
            "seeds",
            "accounts found",
            "precision",
            "before detection",
            "right kind",
            "false campaigns",
            "honest per 100,000",
        ),
        [
            (
                row["world"],
                row["seeds"],
                _share(row, "account_recall"),
                _share(row, "account_precision"),
                _share(row, "share_before_detection"),
                _share(row, "right_kind"),
                _share(row, "any_false_campaign"),
                _plain(row, "honest_flagged_per_100000"),
            )
            for row in rows
        ],
    )


def _crowd_tables(rows: list[dict[str, Any]]) -> None:
    """One table of honest worlds and one of explanations for each of them; every report is false, `fleet`
    included.
    """
    for row in rows:
        click.echo(f"\n{row['world']}, by explanation")
        text_table(
            ("explanation", "worlds", "reported", "share", "at most", "with a lead"),
            [
                (
                    one["explanation"],
                    one["worlds"],
                    one["reported"],
                    f"{100 * one['share']['value']:.1f} %",
                    f"{100 * one['share']['high']:.1f} %",
                    one["led"],
                )
                for one in sorted(row["explanations"], key=lambda one: -one["reported"])
            ],
        )
    if rows:
        click.echo("\nhonest worlds; a report of any kind, `fleet` too, is false")
        text_table(
            ("world", "worlds", "with a report", "share", "mean over explanations", "explanations reported"),
            [
                (
                    row["world"],
                    row["seeds"],
                    row["reported_worlds"],
                    _share(row, "any_report"),
                    _share(row, "mean"),
                    f"{row['reported_explanations']} of {row['accused']['number']}",
                )
                for row in rows
            ],
        )
    for row in rows:
        if row["left_out"] and row["mean"]:
            click.echo(
                f"\n{row['world']}: with its explanation removed, a crowd was reported in "
                f"{_share(row, 'mean')} of worlds "
                "(mean over explanations); this is the estimate for causes nobody thought of"
            )


def _trial_tables(rows: list[dict[str, Any]]) -> None:
    """Blind cases of attribution: accusations and refusals by kind of case, and how good the
    probabilities are.
    """
    for row in rows:
        click.echo(f"\n{row['world']}: {row['cases']} blind cases")
        text_table(
            ("kind of case", "cases", "named", "rightly", "refused"),
            [(one["kind"], one["cases"], one["named"], one["true"], one["refused"]) for one in row["kinds"]],
        )
        slope = row["calibration_slope"]
        text_table(
            (
                "false accusations",
                "named where evident",
                "Brier, decided",
                "Brier, likeliest actor",
                "calibration slope",
            ),
            [
                (
                    _share(row, "false_accusations"),
                    _share(row, "named_where_evident"),
                    _plain_share(row, "brier_decided"),
                    _plain_share(row, "brier_of_likeliest"),
                    f"{slope['value']:.2f} [{slope['low']:.2f}, {slope['high']:.2f}]",
                )
            ],
        )


def _plain_share(row: dict[str, Any], name: str) -> str:
    """A share with its interval, from 0 to 1; "-" where it is unknown."""
    one = row[name]
    return "-" if one is None else f"{one['value']:.3f} [{one['low']:.3f}, {one['high']:.3f}]"


def _share(row: dict[str, object], name: str) -> str:
    """A share with its interval in percent; "-" where it is unknown."""
    one = row.get(name)
    if not isinstance(one, dict):
        return "-"
    return f"{100 * one['value']:.1f} % [{100 * one['low']:.0f}, {100 * one['high']:.0f}]"


def _plain(row: dict[str, object], name: str) -> str:
    """A number with its interval; "-" where it is unknown."""
    one = row.get(name)
    return f"{one['value']:.0f} [{one['low']:.0f}, {one['high']:.0f}]" if isinstance(one, dict) else "-"
