"""`stillwatch package`: results that a third party can verify."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--level",
    type=click.Choice(["sealed", "keyed", "open"]),
    help="How much it shows: digests, tables under pseudonyms, or all.",
)
@click.option(
    "--account",
    metavar="ID",
    help="Show this account's rows with their proofs, and no other's, instead of a level.",
)
@click.option("--exchange", metavar="ID", help="Show this exchange's row with its proof, instead of a level.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="New folder, or new file whose name ends with .zip.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ed25519 private key (PEM) that signs; made where it does not exist.",
)
@click.option(
    "--dossier",
    "dossiers",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="DIR",
    help="Put in how each number of this dossier is counted, so that `verify` derives it again. May be "
    "repeated.",
)
@click.option(
    "--log",
    "logs",
    multiple=True,
    metavar="PATH",
    help="Put in sketches of the log at PATH, which the scan read: no text and no names, but all that "
    "`verify --rescan` needs to judge it again. With --level keyed. May be repeated.",
)
@click.option(
    "--timestamp",
    metavar="URL",
    help="Time-stamping authority (RFC 3161) that is asked to stamp the signed statement.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was written as JSON.")
def package(
    results: Path,
    level: str | None,
    account: str | None,
    exchange: str | None,
    out: Path,
    key: Path | None,
    dossiers: tuple[Path, ...],
    logs: tuple[str, ...],
    timestamp: str | None,
    as_json: bool,
) -> None:
    r"""Write a package of the results folder RESULTS that others verify without this program.

    \b
    Examples:
      stillwatch package results/ --level sealed --key provider.pem --out sealed.zip
      stillwatch package results/ --level keyed --key provider.pem --out keyed/
      stillwatch package results/ --level keyed --dossier dossier/ --out keyed.zip
      stillwatch package results/ --level keyed --log logs/ --key provider.pem --out keyed/
      stillwatch package results/ --account acct_02d87b5ffad1b9 --key provider.pem --out one-account/
    """
    from stillwatch.package.make import order_of
    from stillwatch.package.make import package as run

    with bars(quiet=as_json) as progress:
        log = None
        if logs:
            from stillwatch.flows.keyed_log import of_logs

            log = of_logs(logs, progress)
        order = order_of(
            level, key, account=account, exchange=exchange, timestamp=timestamp, dossiers=dossiers, log=log
        )
        result = run(results, out, order)
    if as_json:
        print_json(result)
        return
    click.echo(f"{out}: level {result['level']}, {len(result['files'])} files")
    click.echo(f"root of the tree   {result['root']}")
    click.echo(f"signed with        {result['signed_by'] or 'no key: give --key, or publish the root'}")
