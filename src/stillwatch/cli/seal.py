"""`stillwatch seal`: a log of digests that shows later that nothing was changed."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.foreign import visible


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--log",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File that is added to; made where it does not exist.",
)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ed25519 private key (PEM) that signs the head; made where it does not exist.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the head as JSON, for a witness to keep.")
def seal(paths: tuple[Path, ...], log: Path, key: Path | None, as_json: bool) -> None:
    r"""Add digests of the files at PATHS, folders with all that is below them, to an append-only log, and
    print its new head.

    \b
    Examples:
      stillwatch seal kept/summaries/ --log seals.jsonl --key provider.pem
      stillwatch seal logs/2026-05-01/ --log seals.jsonl --json > head-2026-05-01.json
      stillwatch verify seals.jsonl --head head-2026-05-01.json
    """
    from stillwatch.package.seal import seal as run
    from stillwatch.package.signing import signer

    result = run(paths, log, None if key is None else signer(key))
    if as_json:
        print_json(result)
        return
    for name in result["changed"]:
        click.echo(f"changed since it was sealed: {visible(name)}")
    head = result["head"]
    click.echo(f"{result['added']} files added; {head['size']} in all, root {head['root']}, {head['at']}")
