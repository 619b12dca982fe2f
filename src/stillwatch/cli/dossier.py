"""`stillwatch dossier`: a campaign's dossier for counsel, and drafts of letters."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.prices import price_options
from stillwatch.cli.values import Existing


@click.command()
@click.argument("results", type=Existing(file=False))
@click.option("--campaign", required=True, metavar="ID", help="The campaign, such as C1.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder for dossier.html, dossier.pdf, four letters, and numbers.json.",
)
@click.option(
    "--attribution", type=Existing(), help="Folder that `stillwatch attribute` wrote of the same results."
)
@click.option(
    "--producer",
    default="the provider",
    show_default=True,
    metavar="NAME",
    help="Name of the provider in the letters.",
)
@click.option(
    "--done",
    multiple=True,
    metavar="TEXT",
    help="What was done about the campaign, in one sentence. May be repeated.",
)
@price_options
@click.option(
    "--pdf/--no-pdf",
    "with_pdf",
    default=None,
    help="Make PDF/A as well. [default: where the engine is installed]",
)
@click.option("--json", "as_json", is_flag=True, help="Print the names of the files as JSON.")
def dossier(
    results: Path,
    campaign: str,
    out: Path,
    attribution: Path | None,
    producer: str,
    done: tuple[str, ...],
    price_in: float,
    price_out: float,
    with_pdf: bool | None,
    as_json: bool,
) -> None:
    r"""Write the dossier of one campaign of RESULTS: four pages and annexes, in HTML and PDF/A, with drafts
    of letters.

    No text of a prompt and no account outside the campaign is in it; members are named by pseudonyms. How
    each number is counted stands in numbers.json, which `stillwatch package --dossier` puts into a package
    and `stillwatch verify` derives again.

    \b
    Examples:
      stillwatch dossier results/ --campaign C1 --out dossier/
      stillwatch dossier results/ --campaign C1 --attribution attribution/ --producer "Example Inc." \
          --out dossier/
      stillwatch package results/ --level keyed --dossier dossier/ --out keyed.zip
    """
    from stillwatch.dossier.content import DossierTerms
    from stillwatch.dossier.run import write_dossier

    terms = DossierTerms(producer=producer, price_in=price_in, price_out=price_out, done=done)
    written = write_dossier(results, campaign, out, terms=terms, attribution=attribution, with_pdf=with_pdf)
    if as_json:
        print_json(written)
        return
    for path in written["files"]:
        click.echo(path)
    click.echo(f"{written['numbers']} numbers, each with how it is counted, in {out / 'numbers.json'}")
    if not written["pdf"] and with_pdf is None:
        click.echo("no PDF was made: pip install 'stillwatch[dossier]'", err=True)
