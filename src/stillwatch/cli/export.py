"""`stillwatch export`: results in a form that another program reads."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing, completing, exporter_names
from stillwatch.export.terms import TLP, VALID_DAYS, Terms, Tlp


@click.command()
@click.argument("results", type=Existing())
@click.option(
    "--to",
    "name",
    default="json_lines",
    show_default=True,
    metavar="NAME",
    shell_complete=completing(exporter_names),
    help="The exporter.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="New folder for the files; a new file where the exporter writes one and the name ends as it does.",
)
@click.option(
    "--with-accounts/--without-accounts",
    default=None,
    help="Name accounts as in the log, or by pseudonyms. [default: named in csv and blocklist, pseudonyms "
    "elsewhere]",
)
@click.option(
    "--tlp",
    type=click.Choice(TLP),
    default=Terms().tlp,
    show_default=True,
    help="Marking by the Traffic Light Protocol 2.0.",
)
@click.option(
    "--valid-days",
    type=int,
    default=VALID_DAYS,
    show_default=True,
    metavar="N",
    help="Days from a campaign's last exchange to the expiry of what is exported.",
)
@click.option(
    "--revoke",
    "revoked",
    multiple=True,
    metavar="CAMPAIGN",
    help="Withdraw this campaign of RESULTS. May be repeated.",
)
@click.option(
    "--producer",
    default=Terms().producer,
    show_default=True,
    metavar="NAME",
    help="Name of the exporting organisation.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print the names of the files, and what was withheld, as JSON."
)
def export(
    results: Path,
    name: str,
    out: Path,
    with_accounts: bool | None,
    tlp: Tlp,
    valid_days: int,
    revoked: tuple[str, ...],
    producer: str,
    as_json: bool,
) -> None:
    r"""Write RESULTS, a results folder or an open package (folder or .zip), in the form of an exporter.

    Exporters are stix, misp, ocsf, csv, blocklist, sigma, sigma_sql, navigator, json_lines, and those of
    installed packages (entry points of `stillwatch.exporters`).

    \b
    Examples:
      stillwatch export results/ --to stix --out bundle.json
      stillwatch export results/ --to blocklist --out blocklist.txt
      stillwatch export open.zip --to misp --out misp.json
      stillwatch export results/ --to stix --revoke C2 --out withdrawn.json
    """
    from stillwatch.export.content import read_content
    from stillwatch.export.opened import results_of
    from stillwatch.export.registry import export as run
    from stillwatch.export.registry import find, settled

    terms = Terms(
        with_accounts=with_accounts,
        tlp=tlp,
        valid_days=valid_days,
        revoked=frozenset(revoked),
        producer=producer,
    )
    one = find(name)
    with results_of(results) as folder:
        files = run(folder, name, out, terms)
        withheld = () if one.names_accounts is None else read_content(folder, settled(one, terms)).withheld
    if as_json:
        described = [
            {"campaign": w.campaign, "kind": w.kind, "value": w.value, "reason": w.reason} for w in withheld
        ]
        print_json({"exporter": name, "files": [str(path) for path in files], "withheld": described})
        return
    for path in files:
        click.echo(str(path))
    for (campaign, kind, reason), number in Counter((w.campaign, w.kind, w.reason) for w in withheld).items():
        values = f"{number} value{'' if number == 1 else 's'} of `{kind}`"
        click.echo(f"withheld from {campaign}: {values}, since {reason}", err=True)
