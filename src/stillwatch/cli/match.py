"""`stillwatch match`: what two providers have in common, without showing the rest."""

from __future__ import annotations

import time
from pathlib import Path

import click

from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.serving import address_options, announce, state_option, token_option
from stillwatch.cli.values import Existing

values_option = click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File for the values, for `scan --with-peer`.",
)


@click.group(cls=CommandGroup)
def match() -> None:
    r"""Learn how many values two providers have in common, and, where both agree, which.

    \b
    Examples:
      stillwatch match values results/ --out set.csv
      stillwatch share peer lab-b --state sharing/ > lab-b.token
      stillwatch match serve set.csv --state sharing/ --port 8470
      stillwatch match ask set.csv --url https://match.lab-a.example/ --token-file lab-a.token \
          --purpose "joint defence" --keep session.json
    """


@match.command()
@click.argument("source", type=Existing())
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="File for the set (CSV with columns kind and value).",
)
@click.option(
    "--results",
    type=Existing(file=False),
    help="Of sketches, only what members of the campaigns of these results share.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def values(source: Path, out: Path, results: Path | None, as_json: bool) -> None:
    r"""Write the set of values of SOURCE: a results folder, a folder of sketches, or an account table
    (Parquet).

    Of results, the values that members of campaigns share and crowds do not. Of sketches, prompt families
    under the sketches' key: both providers make sketches with one joint key. Of an account table, all cards,
    sign-up addresses and mail domains that are not open to all.

    \b
    Examples:
      stillwatch match values results/ --out set.csv
      stillwatch match values sketches/ --results results/ --out families.csv
      stillwatch match values logs/accounts.parquet --out everything.csv
    """
    from stillwatch.results.folder import check_results
    from stillwatch.share import sets

    withheld = left_out = 0
    if source.is_file():
        pairs = sets.values_of_accounts(source)
    elif any(source.glob("sketch-*.parquet")):
        pairs, left_out = sets.prompt_families(source, results)
    else:
        check_results(source)
        pairs, withheld = sets.values_of_results(source)
    number = sets.write_set(out, pairs)
    if as_json:
        print_json({"out": str(out), "values": number, "withheld": withheld, "left_out": left_out})
        return
    click.echo(f"{out}: {number:,} values; {withheld:,} withheld, since crowds share them")
    if left_out:
        click.echo(
            f"{left_out:,} prompt families that fewest members show are left out: a session takes "
            f"{sets.MOST_ASKED:,} values"
        )


@match.command()
@click.argument("values", metavar="SET", type=Existing(folder=False))
@state_option
@address_options
@click.option("--prepare-only", is_flag=True, help="Prepare the set, and do not serve it.")
@click.option("--json", "as_json", is_flag=True, help="Print what is served as JSON.")
def serve(
    values: Path,
    state: Path,
    host: str,
    port: int,
    tls_cert: Path | None,
    tls_key: Path | None,
    prepare_only: bool,
    as_json: bool,
) -> None:
    r"""Serve SET, a CSV file with columns kind and value, to peers that have a token.

    The set is prepared first, which for a million values is most of the work, and kept prepared in the
    state folder.

    \b
    Examples:
      stillwatch match serve set.csv --state sharing/ --port 8470
      stillwatch match serve set.csv --state sharing/ --prepare-only
    """
    from stillwatch.share import matching
    from stillwatch.share.match_server import app
    from stillwatch.share.serving import Address
    from stillwatch.share.serving import serve as run
    from stillwatch.share.sets import read_set
    from stillwatch.share.state import SharingState

    address = Address(host=host, port=port, certificate=tls_cert, key=tls_key)
    with SharingState(state) as held:
        pairs = read_set(values)
        began = time.monotonic()
        prepared = matching.kept(state / "set", pairs)
        if prepared is None:
            prepared = matching.prepare(pairs)
            matching.keep(state / "set", pairs, prepared)
        facts = {"set": prepared.name, "values": len(pairs), "prepared_s": round(time.monotonic() - began, 1)}
        if prepare_only:
            print_json(facts) if as_json else click.echo(
                f"set {facts['set']}: {len(pairs):,} values, prepared in {facts['prepared_s']} s"
            )
            return
        run(
            app(held, prepared),
            address,
            lambda url: announce("match", url, held.peers(), {**facts, "url": url}, as_json),
        )


@match.command()
@click.argument("values", metavar="SET", type=Existing(folder=False))
@click.option("--url", required=True, help="Address of the peer's server.")
@token_option
@click.option("--purpose", required=True, help="Purpose of the session, which both sides log.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the session's secrets, needed to reveal the values later.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def ask(values: Path, url: str, token_file: Path, purpose: str, keep: Path | None, as_json: bool) -> None:
    r"""Ask a peer how many values of SET it has too. Neither side learns which.

    \b
    Examples:
      stillwatch match ask set.csv --url http://127.0.0.1:8470/ --token-file token --purpose "joint defence"
      stillwatch match ask set.csv --url http://127.0.0.1:8470/ --token-file token \
          --purpose "joint defence" --keep session.json
    """
    from stillwatch.share.client import PeerServer, read_token
    from stillwatch.share.match_client import ask as run
    from stillwatch.share.sets import read_set

    result = run(PeerServer(url=url, token=read_token(token_file)), read_set(values), purpose, keep)
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['in_common']:,} of {result['asked']:,} values in common with the {result['served']:,} of "
        f"the peer (session {result['session']})"
    )


@match.command()
@click.argument("session", type=Existing(folder=False))
@click.option("--url", required=True, help="Address of the peer's server.")
@token_option
@click.option("--peer", required=True, metavar="NAME", help="Name of the peer, for the file.")
@values_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def reveal(session: Path, url: str, token_file: Path, peer: str, out: Path, as_json: bool) -> None:
    r"""Learn which values are in common, where the peer consented, and open the same values to it.

    \b
    Example:
      stillwatch match reveal session.json --url http://127.0.0.1:8470/ --token-file token --peer lab-a \
          --out common.json
    """
    from stillwatch.share.client import PeerServer, read_token
    from stillwatch.share.match_client import reveal as run

    number = run(PeerServer(url=url, token=read_token(token_file)), session, out, peer)
    print_json({"out": str(out), "values": number}) if as_json else click.echo(
        f"{out}: {number:,} values in common"
    )


@match.command()
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def sessions(state: Path, as_json: bool) -> None:
    r"""List the sessions of peers with the set that is served here.

    \b
    Example:
      stillwatch match sessions --state sharing/
    """
    from stillwatch.cli.tables import text_table
    from stillwatch.share.sessions import listed
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        rows = listed(held)
    if as_json:
        print_json(rows)
        return
    text_table(
        ("session", "peer", "at", "values", "purpose", "state"),
        [
            (one["session"], one["peer"], one["at"], f"{one['size']:,}", one["purpose"], one["state"])
            for one in rows
        ],
    )


@match.command()
@click.argument("session")
@state_option
@click.option("--approver", required=True, metavar="NAME", help="Person who consents, for the log.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def consent(session: str, state: Path, approver: str, as_json: bool) -> None:
    r"""Allow the peer of SESSION to learn which values are in common. The peer has to open the same values to
    you.

    \b
    Example:
      stillwatch match consent 5f0c81d2a4f34e0ab2b1c7a1a3d5e9f0 --state sharing/ --approver "J. Doe"
    """
    from stillwatch.share.sessions import consent as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        run(held, session, approver)
    print_json({"session": session, "consent": approver}) if as_json else click.echo(f"consented: {session}")


@match.command()
@click.argument("session")
@state_option
@values_option
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def opened(session: str, state: Path, out: Path, as_json: bool) -> None:
    r"""Write the values of SESSION that the peer opened.

    \b
    Example:
      stillwatch match opened 5f0c81d2a4f34e0ab2b1c7a1a3d5e9f0 --state sharing/ --out common.json
    """
    from stillwatch.share.sessions import opened as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        number = run(held, session, out)
    print_json({"out": str(out), "values": number}) if as_json else click.echo(
        f"{out}: {number:,} values in common"
    )


@match.command()
@click.argument("sketches", type=Existing(file=False))
@click.option(
    "--key-file",
    type=Existing(folder=False),
    required=True,
    help="The joint key, under which SKETCHES were made.",
)
@click.option(
    "--own-key",
    type=Existing(folder=False),
    required=True,
    help="A key of your own, for the pseudonyms; share it with nobody.",
)
@click.option("--provider", required=True, metavar="NAME", help="Your name, with which pseudonyms begin.")
@click.option(
    "--accounts", type=Existing(folder=False), help="Account table (Parquet) of the sketches' accounts."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    required=True,
    help="New folder; NEW.accounts.csv beside it says whose a pseudonym is.",
)
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def joint(
    sketches: Path,
    key_file: Path,
    own_key: Path,
    provider: str,
    accounts: Path | None,
    out: Path,
    as_json: bool,
) -> None:
    r"""Write SKETCHES under a joint key for one scan over several providers, with accounts under pseudonyms.

    \b
    Examples:
      stillwatch sketch logs/ --key-file joint.key --out sketches/
      stillwatch match joint sketches/ --key-file joint.key --own-key own.key --provider lab-a \
          --accounts logs/accounts.parquet --out lab-a/
      stillwatch match together lab-a/ lab-b/ lab-c/ --out together/
    """
    from stillwatch.flows.content_blind import read_key
    from stillwatch.share.joint import joint as run

    result = run(sketches, accounts, out, provider, read_key(own_key), read_key(key_file))
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{out}: {result['rows']:,} exchanges of {result['accounts']:,} accounts; {result['names']} is for "
        f"you alone"
    )


@match.command()
@click.argument("folders", nargs=-1, required=True, type=Existing(file=False))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="New folder, which `scan` reads.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
def together(folders: tuple[Path, ...], out: Path, as_json: bool) -> None:
    r"""Join FOLDERS, the outputs of `match joint` of several providers, into one folder for a scan.

    \b
    Examples:
      stillwatch match together lab-a/ lab-b/ lab-c/ --out together/
      stillwatch scan together/ --out results/
    """
    from stillwatch.share.joint import together as run

    result = run(folders, out)
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{out}: {result['rows']:,} exchanges of {result['accounts']:,} accounts, from "
        f"{', '.join(result['providers'])}"
    )
