"""`stillwatch share`: what leaves, on which terms and by whose approval, and what is received."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import click

from stillwatch.cli.groups import CommandGroup
from stillwatch.cli.output import print_json
from stillwatch.cli.serving import grade_option, source_option, state_option
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing
from stillwatch.foreign import visible

as_json_option = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
policy_option = click.option(
    "--policy", type=Existing(folder=False), required=True, help="Policy file (YAML)."
)
collection_option = click.option(
    "--collection", required=True, metavar="NAME", help="Collection of the policy."
)


@click.group(cls=CommandGroup)
def share() -> None:
    r"""Preview, release, log and withdraw what peers get; receive and test what they send.

    \b
    Examples:
      stillwatch share preview results/ --policy policy.yml --collection lab-b-amber
      stillwatch share release results/ --policy policy.yml --collection lab-b-amber --state sharing/ \
          --purpose "joint defence" --basis "legitimate interests" --approver "J. Doe"
      stillwatch share retract 0c5f... --state sharing/ --reason "a class" --approver "J. Doe"
      stillwatch share check kept/ --state sharing/ --results results/
    """


@share.command()
@click.argument("name")
@state_option
@click.option(
    "--key", type=Existing(folder=False), help="Public key (PEM, Ed25519) by which the peer signs receipts."
)
@click.option("--end", is_flag=True, help="Revoke the peer's token.")
@as_json_option
def peer(name: str, state: Path, key: Path | None, end: bool, as_json: bool) -> None:
    r"""Print a new token for the peer NAME; it is kept nowhere. An earlier token of the peer becomes invalid.

    \b
    Examples:
      stillwatch share peer lab-b --state sharing/ > lab-b.token
      stillwatch share peer lab-b --state sharing/ --end
    """
    from stillwatch.package.signing import public_key
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        if end:
            held.end_peer(name)
            print_json({"peer": name, "ended": True}) if as_json else click.echo(
                f"{name} has no token any more"
            )
            return
        token = held.add_peer(name, public_key=None if key is None else public_key(key, key.read_bytes()))
    print_json({"peer": name, "token": token}) if as_json else click.echo(token)


@share.command()
@click.argument("results", type=Existing(file=False))
@policy_option
@collection_option
@click.option(
    "--state",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="State folder, whose retracted campaigns do not leave again.",
)
@as_json_option
def preview(results: Path, policy: Path, collection: str, state: Path | None, as_json: bool) -> None:
    r"""Show exactly what of RESULTS would go into a collection, and what is withheld with the reason. Nothing
    leaves.

    \b
    Example:
      stillwatch share preview results/ --policy policy.yml --collection lab-b-amber --json
    """
    from stillwatch.results.folder import check_results
    from stillwatch.share.policy import NEVER, leaving, read_policy
    from stillwatch.share.release import retracted
    from stillwatch.share.state import SharingState

    check_results(results)
    held = read_policy(policy)
    gone: frozenset[str] = frozenset()
    if state is not None:
        with SharingState(state) as kept:
            gone = retracted(kept)
    what = leaving(results, held, collection, gone)
    shelf = held.collections[collection]
    if as_json:
        print_json({**what.as_json(), "tlp": shelf.tlp, "peers": list(shelf.peers)})
        return
    click.echo(f"TLP:{shelf.tlp.upper()} to {', '.join(shelf.peers) or 'nobody yet'}")
    for kind, number in what.types.items():
        click.echo(f"  {number:>6,} {kind}")
    for _campaign, one in what.objects:
        if one["type"] == "indicator":
            click.echo(f"    {visible(one['pattern'], 160)} until {one['valid_until']}")
    for (campaign, kind, reason), number in Counter(
        (w.campaign, w.kind, w.reason) for w in what.withheld
    ).items():
        click.echo(f"withheld from {campaign}: {number:,} of `{kind}`, since {reason}")
    click.echo(f"never: {', '.join(NEVER)}")


@share.command()
@click.argument("results", type=Existing(file=False))
@policy_option
@collection_option
@state_option
@click.option("--purpose", required=True, help="Purpose, one of the policy's.")
@click.option("--basis", required=True, help="Legal basis, one of the policy's.")
@click.option("--approver", required=True, metavar="NAME", help="Person who is responsible for the release.")
@as_json_option
def release(
    results: Path,
    policy: Path,
    collection: str,
    state: Path,
    purpose: str,
    basis: str,
    approver: str,
    as_json: bool,
) -> None:
    r"""Release what `preview` shows into a collection, and log it.

    \b
    Example:
      stillwatch share release results/ --policy policy.yml --collection lab-b-amber --state sharing/ \
          --purpose "joint defence" --basis "legitimate interests" --approver "J. Doe"
    """
    from stillwatch.results.folder import check_results
    from stillwatch.share.policy import read_policy
    from stillwatch.share.release import release as run
    from stillwatch.share.state import SharingState

    check_results(results)
    with SharingState(state) as held:
        result = run(held, results, read_policy(policy), collection, purpose, basis, approver)
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['new']:,} new objects in {collection}; campaigns: "
        f"{', '.join(result['campaigns']) or 'none'}"
    )


@share.command()
@click.argument("campaign")
@state_option
@click.option("--reason", required=True, help="Reason of the withdrawal.")
@click.option(
    "--approver", required=True, metavar="NAME", help="Person who is responsible for the withdrawal."
)
@as_json_option
def retract(campaign: str, state: Path, reason: str, approver: str, as_json: bool) -> None:
    r"""Withdraw CAMPAIGN, by its key as `release` printed it, from every collection that it went to.

    \b
    Example:
      stillwatch share retract 0c5f1d1f3c5f0e5b869a390d8f3a7c2e --state sharing/ \
          --reason "a class that shared a worksheet" --approver "J. Doe"
    """
    from stillwatch.share.release import retract as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        result = run(held, campaign, reason, approver)
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['objects']:,} objects withdrawn from {', '.join(result['collections'])}; owed to "
        f"{', '.join(result['peers']) or 'nobody'}"
    )


@share.command()
@state_option
@as_json_option
def receipts(state: Path, as_json: bool) -> None:
    r"""List, for every retraction and peer, when the withdrawal was fetched and confirmed.

    \b
    Example:
      stillwatch share receipts --state sharing/
    """
    from stillwatch.share.release import receipts as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        rows = run(held)
    if as_json:
        print_json(rows)
        return
    words = {True: "signed by the peer", False: "SIGNED BY ANOTHER", None: "not signed"}
    text_table(
        ("campaign", "peer", "retracted", "fetched", "confirmed", ""),
        [
            (
                one["campaign"],
                one["peer"],
                one["retracted"],
                one["fetched"] or "not yet",
                one["confirmed"] or "not yet",
                words[one["is_signed"]] if one["confirmed"] else "",
            )
            for one in rows
        ],
    )


@share.command()
@state_option
@click.option("--kind", "kinds", multiple=True, help="Only lines of this kind, such as release; repeatable.")
@as_json_option
def log(state: Path, kinds: tuple[str, ...], as_json: bool) -> None:
    r"""Print the log of releases, retractions, sessions and requests, after checking that no line was
    changed.

    \b
    Example:
      stillwatch share log --state sharing/ --kind release --kind retraction
    """
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        lines = held.journal.read(*kinds)
    if as_json:
        print_json(lines)
        return
    for one in lines:
        rest = ", ".join(
            f"{name} {visible(value, 120)}"
            for name, value in one.items()
            if name not in ("at", "kind", "previous")
        )
        click.echo(f"{one['at']} {one['kind']}: {rest}")


@share.command()
@state_option
@click.option("--json", "as_json", is_flag=True, hidden=True, help="Print JSON, which is the default.")
def antitrust(state: Path, as_json: bool) -> None:  # noqa: ARG001  JSON in any case
    r"""Print, as JSON, the properties of everything that was released, and what none of them can hold.

    \b
    Example:
      stillwatch share antitrust --state sharing/ > for-counsel.json
    """
    from stillwatch.share.release import antitrust as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        print_json(run(held))


@share.command()
@click.argument("file", type=Existing(folder=False))
@source_option
@state_option
@grade_option
@as_json_option
def receive(file: Path, source: str, state: Path, grade: str, as_json: bool) -> None:
    r"""Receive the indicators of FILE, a STIX bundle or MISP events. They are not used before `check`.

    \b
    Example:
      stillwatch share receive bundle.json --source lab-b --grade B --state sharing/
    """
    from stillwatch.share.received import read_file
    from stillwatch.share.received import receive as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        result = run(held, source, grade, read_file(file))
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['objects']:,} objects of {source}: {result['new']:,} new values, {result['retracted']:,} "
        f"retracted"
    )
    for reason, number in result["not_understood"].items():
        click.echo(f"not understood: {number:,}, {reason}", err=True)


@share.command()
@click.argument("traffic", type=Existing())
@state_option
@click.option("--results", type=Existing(file=False), help="Results whose members are no honest accounts.")
@as_json_option
def check(traffic: Path, state: Path, results: Path | None, as_json: bool) -> None:
    r"""Test what was received on your own accounts in TRAFFIC: a store, sketches, or Parquet tables of the
    contract.

    An indicator that three or more accounts outside your campaigns show is never used.

    \b
    Example:
      stillwatch share check kept/ --state sharing/ --results results/
    """
    from stillwatch.share.received import check as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        result = run(held, traffic, results)
    print_json(result) if as_json else click.echo(
        f"{result['may_act']:,} may act, {result['refused']:,} refused"
    )


@share.command()
@state_option
@click.option("--acting", is_flag=True, help="Only indicators that may be used now.")
@as_json_option
def received(state: Path, acting: bool, as_json: bool) -> None:
    r"""List what was received, with source, grade, expiry, status and reason.

    \b
    Examples:
      stillwatch share received --state sharing/
      stillwatch share received --state sharing/ --acting --json
    """
    from stillwatch.share.received import acting as run
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        rows = run(held) if acting else held.rows("SELECT * FROM received ORDER BY source, kind, value")
    if as_json:
        print_json(rows)
        return
    text_table(
        ("kind", "value", "source", "grade", "expires", "status", ""),
        [
            (
                r["kind"],
                visible(r["value"]),
                r["source"],
                r["grade"],
                r["valid_until"],
                r["status"],
                r["reason"],
            )
            for r in rows
        ],
    )


@share.command()
@click.argument("url")
@click.option(
    "--token-file",
    type=Existing(folder=False),
    required=True,
    help="File with the token that the source gave.",
)
@click.option("--source", required=True, metavar="NAME", help="Name of the source.")
@state_option
@click.option("--basic", is_flag=True, help="Send the token as the password of HTTP Basic.")
@as_json_option
def feedback(url: str, token_file: Path, source: str, state: Path, basic: bool, as_json: bool) -> None:
    r"""Write to the source's TAXII server at URL which of its indicators were seen here, and which honest
    crowds show.

    \b
    Example:
      stillwatch share feedback https://taxii.lab-b.example/ --token-file lab-b.token --source lab-b \
          --state sharing/
    """
    from stillwatch.flows.share import give_feedback
    from stillwatch.share.client import PeerServer, read_token
    from stillwatch.share.state import SharingState

    with SharingState(state) as held:
        result = give_feedback(held, PeerServer(url=url, token=read_token(token_file)), source, basic=basic)
    print_json(result) if as_json else click.echo(
        f"{result['sightings']:,} sightings, {result['false_positives']:,} reports of false positives"
    )


@share.command()
@click.argument("results", type=Existing(file=False))
@click.option(
    "--epsilon", type=float, default=1.0, show_default=True, help="Privacy budget of this one publication."
)
@as_json_option
def counts(results: Path, epsilon: float, as_json: bool) -> None:
    r"""Print counts of member accounts with noise, for publication: differentially private by account.

    \b
    Example:
      stillwatch share counts results/ --epsilon 1 --json
    """
    from stillwatch.results.folder import check_results
    from stillwatch.share.counts import private_counts

    check_results(results)
    result = private_counts(results, epsilon)
    if as_json:
        print_json(result)
        return
    for name in ("accounts_by_kind", "accounts_by_capability"):
        table = result[name]
        click.echo(f"{name.replace('_', ' ')}, within {table['within_95']} with a probability of 95 %")
        for cell, number in table["counts"].items():
            click.echo(f"  {number:>8,} {cell}")
