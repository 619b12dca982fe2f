"""`stillwatch scan`: logs in, campaigns out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from stillwatch.cli.exits import CAMPAIGN_FOUND, DONE
from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.tables import campaigns_table, profile_table, said_of_reading, unread_files
from stillwatch.cli.values import Existing, completing, memory_size, signal_names


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("results"),
    show_default=True,
    help="Results folder.",
)
@reading_options
@click.option(
    "--accounts", type=click.Path(path_type=Path), help="Account table, if it does not lie beside the logs."
)
@click.option(
    "--releases", type=click.Path(path_type=Path), help="Model releases, if they do not lie beside the logs."
)
@click.option(
    "--fdr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="False-discovery rate over reported campaigns.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Seed of the random groups behind the synthetic false-positive rate.",
)
@click.option(
    "--memory",
    type=memory_size,
    default="auto",
    show_default=True,
    metavar="SIZE",
    help="Memory for the database, such as 4GB; beyond it work spills to disk.",
)
@click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder that keeps sketches and sums: the next scan reads only new files and judges all of it.",
)
@click.option(
    "--engine",
    type=click.Choice(["duckdb", "spark"]),
    default="duckdb",
    show_default=True,
    help="Database: in this process, or Spark (pip install 'stillwatch[spark]').",
)
@click.option(
    "--spark-master",
    default="local[*]",
    show_default=True,
    metavar="URL",
    help="Spark's master, such as spark://host:7077; every machine must see the logs and the store.",
)
@click.option(
    "--shards",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Cluster accounts in this many shards, for more links than one machine holds.",
)
@click.option(
    "--networks",
    multiple=True,
    metavar="[CLASS=]FILE",
    help="Networks with their systems or class (CSV, Parquet, or addresses by line), such as tor=exits.txt; "
    "repeatable.",
)
@click.option(
    "--labels",
    multiple=True,
    type=Existing(file=False),
    metavar="DIR",
    help="Folder whose labels are shown too, besides those of RESULTS; repeatable.",
)
@click.option(
    "--with-peer",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Values in common with a peer (`stillwatch match reveal`), as one more indicator.",
)
@click.option("--no-judge", is_flag=True, help="Read into --store and sum its days; judge nothing.")
@click.option(
    "--without",
    multiple=True,
    metavar="SIGNAL",
    shell_complete=completing(signal_names),
    help="Leave a signal out; repeatable.",
)
@click.option("--show-prompts", is_flag=True, help="Write a few prompts of each campaign into the results.")
@click.option(
    "--profile",
    is_flag=True,
    help="Write seconds and memory of every stage to manifest.json.",
)
@click.option(
    "--fail-on-campaign",
    is_flag=True,
    help="Exit with 3 when a campaign is found that is not labelled honest.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the overview as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bars.")
def scan(
    paths: tuple[str, ...],
    limits: tuple[str, ...],
    out: Path,
    pairs: tuple[str, ...],
    without: tuple[str, ...],
    networks: tuple[str, ...],
    no_judge: bool,
    fail_on_campaign: bool,
    as_json: bool,
    quiet: bool,
    **given: Any,  # noqa: ANN401  the options that go on as they are
) -> int:
    r"""Find campaigns in the exchanges at PATHS and write a results folder.

    PATHS are Parquet, JSON or CSV files (.gz and .zst too), folders of them, Hive-partitioned trees, or
    globs: tables of the contract, or logs as gateways and providers write them (`stillwatch formats`),
    recognised by their first records. Accounts and releases that lie beside them are read too.

    \b
    Examples:
      stillwatch scan logs/ --out results/
      stillwatch scan 'logs/*.jsonl.gz' --map timestamp=received_at --map prompt=body --out results/
      stillwatch scan logs/2026-05-01/ --store kept/ --out results/
      stillwatch scan logs/2026-05-02/ --store kept/ --out results/
      stillwatch scan logs/2026-05-03/ --store kept/ --no-judge
      stillwatch scan logs/ --fdr 0.001 --fail-on-campaign --json
      stillwatch scan logs/ --profile --out results/
    """
    from stillwatch.flows.peers import read_intersection
    from stillwatch.flows.scan import Options, feed
    from stillwatch.flows.scan import scan as run
    from stillwatch.readers.limits import limits_of

    options = Options(
        names=mapping(pairs), without=frozenset(without), networks=networks, limits=limits_of(limits), **given
    )
    if options.with_peer is not None:
        read_intersection(options.with_peer)  # before any work
    with bars(quiet=quiet or as_json) as progress:
        overview = feed(paths, options, progress) if no_judge else run(paths, out, options, progress)
    if no_judge and not as_json:
        click.echo(
            f"{overview['new_exchanges']:,} new exchanges; {overview['exchanges']:,} of {overview['days']} "
            f"days in {overview['store']}, "
            f"{overview['quarantined']:,} rows quarantined. Judge them: stillwatch scan LOGS --store "
            f"{overview['store']}"
        )
        unread_files(overview)
        said_of_reading(overview)
        return DONE
    if as_json:
        print_json(overview)
    else:
        campaigns_table(out, overview)
        if given["profile"]:
            profile_table(out)
    said_of_reading(overview)
    honest = {one["campaign_id"] for one in overview.get("labels") or () if one["verdict"] == "honest"}
    standing = [one for one in overview.get("campaigns") or () if one["campaign_id"] not in honest]
    return CAMPAIGN_FOUND if fail_on_campaign and standing else DONE
