"""`stillwatch taxii`: campaigns to peers and from them, by TAXII 2.1."""

from __future__ import annotations

from pathlib import Path

import click

from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.serving import (
    address_options,
    announce,
    grade_option,
    source_option,
    state_option,
    token_option,
)


@click.group(cls=CommandGroup)
def taxii() -> None:
    r"""Serve releases to peers by TAXII 2.1, and pull theirs.

    \b
    Examples:
      stillwatch taxii serve --state sharing/ --port 8480
      stillwatch taxii pull https://taxii.lab-b.example/ --token-file lab-b.token --source lab-b \
          --state sharing/
    """


@taxii.command()
@state_option
@address_options
@click.option("--title", default="Stillwatch", show_default=True, help="Title of the server.")
@click.option("--json", "as_json", is_flag=True, help="Print the address as JSON.")
def serve(
    state: Path, host: str, port: int, tls_cert: Path | None, tls_key: Path | None, title: str, as_json: bool
) -> None:  # fmt: skip
    r"""Serve the collections of the state folder until stopped. Discovery is at /taxii2/.

    Collections are made by `stillwatch share release`, tokens by `stillwatch share peer`; both take effect
    at once.

    \b
    Examples:
      stillwatch taxii serve --state sharing/ --port 8480
      stillwatch taxii serve --state sharing/ --host 0.0.0.0 --port 443 --tls-cert cert.pem --tls-key key.pem
    """
    from stillwatch.share.serving import Address
    from stillwatch.share.serving import serve as run
    from stillwatch.share.state import SharingState
    from stillwatch.share.taxii import app

    address = Address(host=host, port=port, certificate=tls_cert, key=tls_key)
    with SharingState(state) as held:
        run(
            app(held, title=title),
            address,
            lambda url: announce("taxii", f"{url}taxii2/", held.peers(), {"url": f"{url}taxii2/"}, as_json),
        )


@taxii.command()
@click.argument("url")
@token_option
@source_option
@state_option
@grade_option
@click.option(
    "--collection", "collections", multiple=True, metavar="ID", help="Only this collection; repeatable."
)
@click.option("--misp", is_flag=True, help="URL is that of a MISP server, and the token its key.")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=30,
    show_default=True,
    help="With --misp: age of the oldest events, in days.",
)
@click.option("--basic", is_flag=True, help="Send the token as the password of HTTP Basic.")
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Ed25519 private key (PEM) that signs receipts; made where it does not exist.",
)
@click.option("--json", "as_json", is_flag=True, help="Print what was received as JSON.")
def pull(
    url: str,
    token_file: Path,
    source: str,
    state: Path,
    grade: str,
    collections: tuple[str, ...],
    misp: bool,
    days: int,
    basic: bool,
    key: Path | None,
    as_json: bool,
) -> None:
    r"""Receive the indicators of a peer's server at URL. They are not used before `stillwatch share check`.

    What the peer withdrew is retracted here, and a receipt is written back.

    \b
    Examples:
      stillwatch taxii pull https://taxii.lab-b.example/ --token-file lab-b.token --source lab-b \
          --grade B --state sharing/
      stillwatch taxii pull https://misp.example/ --misp --token-file misp.key --source misp-cert \
          --state sharing/
    """
    from stillwatch.flows.share import pull as run
    from stillwatch.share.client import PeerServer, read_token
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        result = run(
            held,
            PeerServer(url=url, token=read_token(token_file)),
            source,
            grade,
            collections,
            misp_days=days if misp else None,
            basic=basic,
            key=key,
        )
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['objects']:,} objects of {source}: {result['new']:,} new values, {result['retracted']:,} "
        f"retracted, receipts for {result['receipts']:,}"
    )
    for reason, number in result["not_understood"].items():
        click.echo(f"not understood: {number:,}, {reason}", err=True)
