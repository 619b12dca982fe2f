"""Options of commands that serve peers, and what they print."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing

state_option = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="Folder of peers, sessions, releases and their log.",
)
token_option = click.option(
    "--token-file", type=Existing(folder=False), required=True, help="File with the token that the peer gave."
)
source_option = click.option(
    "--source", required=True, metavar="NAME", help="Name of the source; stored with every indicator."
)
grade_option = click.option(
    "--grade",
    default="C",
    show_default=True,
    metavar="A-F",
    help="Reliability of the source by the Admiralty Code.",
)
# Options that say where a server listens.
_ADDRESS = (
    click.option(
        "--host",
        default="127.0.0.1",
        show_default=True,
        help="Address to listen on; beyond this machine only with TLS.",
    ),
    click.option(
        "--port", type=click.IntRange(0, 65_535), default=0, show_default=True, help="Port; 0 for a free one."
    ),
    click.option(
        "--tls-cert", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="Certificate (PEM)."
    ),
    click.option(
        "--tls-key",
        type=click.Path(path_type=Path, exists=True, dir_okay=False),
        help="Private key of the certificate (PEM).",
    ),
)


def address_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where to listen."""
    for option in reversed(_ADDRESS):
        command = option(command)
    return command


def announce(what: str, url: str, peers: Sequence[str], facts: Mapping[str, Any], as_json: bool) -> None:
    """Say where a server listens and who has a token."""
    if as_json:
        print_json({**facts, "peers": list(peers)}, on_one_line=True)
    else:
        click.echo(f"{what} serves at {url}")
    if not peers:
        click.echo("no peer has a token yet: stillwatch share peer NAME --state DIR", err=True)
