"""`stillwatch watch`: follow a growing log and report campaigns as they appear."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from stillwatch.cli.main import to_nobody
from stillwatch.cli.output import print_json
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.stops import Stops
from stillwatch.cli.values import memory_size


@click.command()
@click.argument("source")
@click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for the state.",
)
@click.option("--every", default="6h", show_default=True, help="Time of the log between judgements.")
@reading_options
@click.option(
    "--accounts", type=click.Path(path_type=Path), help="Account table; read again at every judgement."
)
@click.option("--releases", type=click.Path(path_type=Path), help="Model releases.")
@click.option(
    "--fdr",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.01,
    show_default=True,
    help="False-discovery rate of confirmed campaigns, at any stopping time.",
)
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
@click.option(
    "--webhook", default="", metavar="URL", help="URL to which every event is posted after it is stored."
)
@click.option(
    "--webhook-secrets",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of secrets that sign events (Standard Webhooks), one a line; read again before each event.",
)
@click.option(
    "--heartbeat",
    default="",
    metavar="SPAN",
    help="Interval of heartbeat events to the webhook, such as 10m.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="Serve /metrics and /healthz on this port of the loopback address.",
)
@click.option(
    "--poll",
    type=click.FloatRange(0.05),
    default=2.0,
    show_default=True,
    help="Seconds between checks for new rows.",
)
@click.option("--once", is_flag=True, help="Read what is there, judge once, and exit.")
@click.option("--json", "as_json", is_flag=True, help="Print errors as JSON, too; events always are.")
def watch(
    source: str,
    state: Path,
    every: str,
    pairs: tuple[str, ...],
    log_format: str,
    limits: tuple[str, ...],
    accounts: Path | None,
    releases: Path | None,
    fdr: float,
    alerts: float,
    memory: str,
    webhook: str,
    webhook_secrets: Path | None,
    heartbeat: str,
    port: int,
    poll: float,
    once: bool,
    as_json: bool,  # noqa: ARG001  read where errors are shown
) -> None:
    r"""Follow SOURCE and print new, confirmed, grown, merged, ended and returned campaigns as JSON lines.

    SOURCE is a folder or file that grows, or redis://HOST/0?stream=NAME, nats://HOST?stream=NAME,
    kafka://HOST?topic=NAME. It can be stopped at any time: the next run continues, and counts nothing twice.

    \b
    Examples:
      stillwatch watch /var/log/gateway --state watch/ --every 1h --port 9464
      stillwatch watch logs/ --state watch/ --once
    """
    from stillwatch.flows.scan import Options
    from stillwatch.flows.watch import Watch, Watching
    from stillwatch.library.watching import duration, steps
    from stillwatch.readers.limits import limits_of
    from stillwatch.watch.serve import serve

    options = Options(
        names=mapping(pairs),
        log_format=log_format,
        accounts=accounts,
        releases=releases,
        fdr=fdr,
        memory=memory,
        limits=limits_of(limits),
    )

    stops = click.get_current_context().find_object(Stops)

    say = logging.getLogger("stillwatch.watch").warning

    def emit(event: dict[str, Any]) -> None:
        """Print an event; where the reader of standard output is gone, say so once and go on."""
        try:
            print_json(event, on_one_line=True)
            sys.stdout.flush()
        except BrokenPipeError:
            to_nobody()
            say(f"nobody reads standard output any more; events go on to {state / 'events.jsonl'}")

    one = Watch(
        source,
        state,
        Watching(
            options=options,
            every=duration(every),
            alerts=alerts,
            webhook=webhook,
            webhook_secrets=webhook_secrets,
            heartbeat=duration(heartbeat) if heartbeat else None,
        ),
        emit,
        say,
        lambda: stops is not None and stops.first is not None,
    )
    server = serve(port, one.numbers, one.pulse.healthy) if port else None
    try:
        for _step in steps(one, once=once, poll=poll, say=say):
            pass
    finally:
        if server is not None:
            server.shutdown()
            server.server_close()
