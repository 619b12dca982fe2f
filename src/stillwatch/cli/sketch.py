"""`stillwatch sketch`: digests in place of text, made where the text is."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.progress import bars
from stillwatch.cli.reading import mapping, reading_options
from stillwatch.cli.tables import said_of_reading, unread_files
from stillwatch.cli.values import Existing


@click.command()
@click.argument("paths", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder for the sketches.")
@click.option(
    "--key-file",
    type=Existing(folder=False),
    required=True,
    help="A secret of at least 16 bytes; whoever scans does not need it.",
)
@click.option(
    "--rekey",
    type=Existing(folder=False),
    help="PATHS is a folder of sketches made with this older key: put them under the key of --key-file.",
)
@click.option(
    "--release",
    default="",
    metavar="NAME",
    help="Name of a release with a key of its own: its sketches cannot be compared with those of "
    "another release.",
)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print what was read as JSON.")
@click.option("--quiet", is_flag=True, help="No progress bar.")
def sketch(
    paths: tuple[str, ...],
    limits: tuple[str, ...],
    out: Path,
    key_file: Path,
    rekey: Path | None,
    release: str,
    pairs: tuple[str, ...],
    log_format: str,
    as_json: bool,
    quiet: bool,
) -> None:
    r"""Read the logs at PATHS and write sketches that hold no text; `stillwatch scan` takes them as it takes
    logs.

    What a sketch reveals, and to whom: docs/methods/content-blind.md.

    \b
    Examples:
      openssl rand -hex 32 > key
      stillwatch sketch logs/ --key-file key --out sketches/
      stillwatch scan sketches/ --accounts accounts.parquet --out results/
      stillwatch sketch sketches/ --rekey key --key-file new-key --out rekeyed/
      stillwatch sketch sketches/ --rekey key --key-file key --release acme-may --out for-acme/
    """
    from stillwatch.flows.content_blind import read_key
    from stillwatch.flows.content_blind import rekey as change
    from stillwatch.flows.content_blind import sketch as run
    from stillwatch.readers.limits import limits_of

    key = read_key(key_file).for_release(release)
    if rekey is not None:
        result = change(Path(paths[0]), out, read_key(rekey), key)
    else:
        with bars(quiet=quiet or as_json) as progress:
            result = run(
                paths,
                out,
                key,
                mapping(pairs),
                log_format,
                lambda done, total: progress("sketch", done, total),
                limits_of(limits),
            )
    if as_json:
        print_json(result)
        said_of_reading(result)
        return
    lost = f", {result['quarantined']:,} set aside" if result.get("quarantined") else ""
    unread_files(result)
    click.echo(f"{result['rows']:,} exchanges sketched{lost}, key {result['key_id']}, in {out}")
    said_of_reading(result)
