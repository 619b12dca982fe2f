"""`stillwatch watch`: follow a growing log and report campaigns as they appear."""

from __future__ import annotations

import json
import re
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli.main import to_nobody
from stillwatch.cli.scan import mapping
from stillwatch.cli.stops import Stops
from stillwatch.cli.values import memory_size
from stillwatch.errors import Problem, Unreachable, UsageError

if TYPE_CHECKING:
    from stillwatch.flows.watch import Watch

STABLE_LOOKS = 2  # looks without anything new after which all that is there was taken
LOOK_S = 0.2  # between them
SETTLE_S = 60.0  # for a webhook to take what is owed
AWAY_S = 60.0  # longest pause before a source that is away is asked again
UNITS = {"m": 60, "h": 3600, "d": 86400}


def duration(text: str) -> timedelta:
    """`30m`, `6h` or `1d`; raises `UsageError` for anything else."""
    found = re.fullmatch(r"(\d{1,6})([mhd])", text)
    if not found or int(found[1]) == 0:
        raise UsageError(Problem(fact="`--every` is no span of time", found=text, expected="30m, 6h, 1d"))
    return timedelta(seconds=int(found[1]) * UNITS[found[2]])


@click.command()
@click.argument("source")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for what is remembered.",
)
@click.option("--every", default="6h", show_default=True, help="How far the log goes on between judgements.")
@click.option("--map", "pairs", multiple=True, metavar="COLUMN=NAME", help="Your name for a contract column.")
@click.option(
    "--format",
    "--mapping",
    "log_format",
    default="auto",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="As for `scan`.",
)
@click.option(
    "--accounts", type=click.Path(path_type=Path), help="Account table; read again at every judgement."
)
@click.option("--releases", type=click.Path(path_type=Path), help="Model releases.")
@click.option("--fdr", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.01, show_default=True,
              help="False-discovery rate of confirmed campaigns, at whatever time one stops.")  # fmt: skip
@click.option("--alerts", type=click.FloatRange(0, min_open=True), default=12, show_default=True,
              help="False alerts in a year of the log, at most.")  # fmt: skip
@click.option(
    "--memory",
    type=memory_size,
    default="auto",
    show_default=True,
    metavar="SIZE",
    help="Memory for the database, such as 4GB.",
)
@click.option("--webhook", default="", metavar="URL", help="POST every event there, once it is written here.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Serve /metrics and /healthz on this port of the loopback address.",
)
@click.option(
    "--poll", type=click.FloatRange(0.05), default=2.0, show_default=True, help="Seconds between looks."
)
@click.option("--once", is_flag=True, help="Take what is there, judge, and stop.")
def watch(
    source: str,
    state: Path,
    every: str,
    pairs: tuple[str, ...],
    log_format: str,
    accounts: Path | None,
    releases: Path | None,
    fdr: float,
    alerts: float,
    memory: str,
    webhook: str,
    port: int,
    poll: float,
    once: bool,
) -> None:
    r"""Follow SOURCE and print new, confirmed, grown, merged, ended and returned campaigns as JSON lines.

    SOURCE is a folder or file that grows, or redis://HOST/0?stream=NAME, nats://HOST?stream=NAME, kafka://HOST?topic=NAME.
    Stop it whenever you like: it goes on where it stopped, and counts nothing twice.

    \b
    Examples:
      stillwatch watch /var/log/gateway --state watch/ --every 1h --port 9464
      stillwatch watch logs/ --state watch/ --once
    """
    from stillwatch.flows.scan import Options
    from stillwatch.flows.watch import Watch, Watching
    from stillwatch.watch.serve import serve

    options = Options(
        names=mapping(pairs),
        log_format=log_format,
        accounts=accounts,
        releases=releases,
        fdr=fdr,
        memory=memory,
    )

    stops = click.get_current_context().find_object(Stops)

    def say(message: str) -> None:
        click.echo(message, err=True)

    def emit(event: dict[str, Any]) -> None:
        try:
            click.echo(json.dumps(event, sort_keys=True, default=str))
            sys.stdout.flush()
        except BrokenPipeError:
            to_nobody()
            say(f"nobody reads standard output any more; events go on to {state / 'events.jsonl'}")

    one = Watch(
        source,
        state,
        Watching(options=options, every=duration(every), alerts=alerts, webhook=webhook),
        emit,
        say,
        lambda: stops is not None and stops.first is not None,
    )
    server = serve(port, one.numbers, one.pulse.healthy) if port else None
    try:
        _take_all(one) if once else _follow(one, poll)
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()


def _take_all(one: Watch) -> None:
    """Take what is there, judge it, and deliver what is owed."""
    idle = 0
    while idle < STABLE_LOOKS:
        idle = 0 if one.step() else idle + 1
        if idle:
            time.sleep(LOOK_S)
    if one.state.ledger.parts:
        one.judge()
    owed = one.settle(SETTLE_S)
    if owed:
        click.echo(
            f"{owed:,} {'event is' if owed == 1 else 'events are'} owed to the webhook, and sent when the watch is run again",
            err=True,
        )


def _follow(one: Watch, poll: float) -> None:
    """Take what arrives for as long as the process lives. A source that answered once is waited for."""
    away = 0
    while True:
        try:
            moved = one.step()
        except Unreachable as error:
            if not one.reached:  # a wrong address
                raise
            if not away:
                click.echo(error.render(), err=True)
            away += 1
            time.sleep(min(poll * 2 ** min(away, 16), AWAY_S))
            continue
        if away:
            click.echo("the source answers again", err=True)
            away = 0
        if not moved:
            time.sleep(poll)
