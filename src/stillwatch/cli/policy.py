"""`stillwatch policy`: what would be done about members of campaigns, and by whose leave."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stillwatch.cli.labelling import author_option
from stillwatch.cli.output import print_json
from stillwatch.cli.tables import text_table
from stillwatch.cli.values import Existing

if TYPE_CHECKING:
    from stillwatch.memory.record import RecordEntry
    from stillwatch.policy.preview import Reach

POLICY = click.argument("policy", type=Existing(folder=False))  # argument POLICY, the policy file
# Option `--state` of commands that need the guard's state.
STATE = click.option(
    "--state", type=click.Path(path_type=Path, file_okay=False), required=True, help="The guard's state."
)
# Option `--reason`.
REASON = click.option("--reason", default="", metavar="TEXT", help="Reason; kept in the record.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print as JSON.")  # option `--json`
# Option `--results`.
RESULTS = click.option("--results", type=Existing(file=False), required=True, help="Results folder.")
# Option `--state` of commands that work without it.
OPTIONAL_STATE = click.option("--state", type=Existing(file=False), help="The guard's state, for its labels.")
# Option `--accounts`.
ACCOUNTS = click.option(
    "--accounts", type=Existing(folder=False), help="Account table for plans, programs, age and spend."
)
# Option `--log`.
LOG = click.option("--log", "logs", multiple=True, metavar="PATH", help="Log to count in; repeatable.")


@click.group()
def policy() -> None:
    r"""Check, preview, approve, roll out and undo a policy.

    \b
    Examples:
      stillwatch policy check policy.toml
      stillwatch policy preview policy.toml --results results/ --log logs/
      stillwatch policy roll-out policy.toml --state results.guard/ --share 0.05
    """


@policy.command("check")
@POLICY
@AS_JSON
def check_command(policy: Path, as_json: bool) -> None:
    """Check every field of POLICY and list all errors."""
    from stillwatch.policy.read import read_policy

    one = read_policy(policy)
    rules = [{"name": rule.name, "action": rule.action, "approvals": rule.approvals} for rule in one.rules]
    if as_json:
        print_json({"policy": one.name, "version": one.version, "digest": one.digest, "rules": rules})
        return
    click.echo(f"{one.title}: {len(one.rules)} rules, on error {one.on_error}, digest {one.digest[:12]}")
    text_table(("rule", "action", "approvals"), [tuple(rule.values()) for rule in rules])


@policy.command("preview")
@POLICY
@RESULTS
@OPTIONAL_STATE
@ACCOUNTS
@LOG
@click.option(
    "--share",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="Share of accounts, as of a roll-out.",
)
@AS_JSON
def preview_command(
    policy: Path,
    results: Path,
    state: Path | None,
    accounts: Path | None,
    logs: tuple[str, ...],
    share: float,
    as_json: bool,
) -> None:
    r"""Print whom POLICY would affect: expected honest accounts, spend, neighbours, and the share of each
    campaign that stops.

    \b
    Examples:
      stillwatch policy preview policy.toml --results results/
      stillwatch policy preview policy.toml --results results/ --accounts accounts.parquet --log logs/ --json
    """
    from stillwatch.flows.traffic import weekly
    from stillwatch.policy.preview import preview

    result = preview(
        _reached(policy, results, state, accounts, share), results, weekly(logs) if logs else None
    )
    if as_json:
        print_json(result)
        return
    click.echo(
        f"{result['refused']:,} accounts would be refused, of which {result['expected_honest']:.1f} are "
        f"expected to be honest; "
        f"{result['accounts'] - result['refused']:,} would be noted, {result['spared']:,} are spared by "
        f"labels, {result['untouched']:,} untouched"
    )
    if result["rules"]:
        text_table(
            ("rule", "action", "accounts", "exchanges", "honest", "approvals"),
            [tuple(one.values()) for one in result["rules"]],
        )
    text_table(
        ("campaign", "accounts hit", "of", "stopped"),
        [
            (one["campaign_id"], one["accounts"], one["of"], f"{100 * one['share_stopped']:.1f} %")
            for one in result["campaigns"]
        ],
    )
    for one in result["by_explanation"]:
        click.echo(
            f"nearest explanation {one['explanation']}: {one['accounts']:,} accounts, "
            f"{one['expected_honest']:.1f} expected honest"
        )
    beside = result["neighbours"]
    click.echo(
        f"neighbours in the same networks: {beside['accounts']:,} accounts with {beside['exchanges']:,} "
        f"exchanges"
        if beside["counted"]
        else f"neighbours at the same addresses: at most {beside['at_most']:,} accounts (--log counts them)"
    )
    spend = result["spend"]
    click.echo(f"spend at stake: {spend['known']:,.2f}; not known of {spend['accounts_unknown']:,} accounts")
    for statement in result["labels"]:
        click.echo(f"spared: {statement}")


@policy.command("backtest")
@POLICY
@RESULTS
@OPTIONAL_STATE
@ACCOUNTS
@LOG
@AS_JSON
def backtest_command(
    policy: Path,
    results: Path,
    state: Path | None,
    accounts: Path | None,
    logs: tuple[str, ...],
    as_json: bool,
) -> None:
    """Print, week by week, what POLICY would have refused if it had acted from the hour at which each
    campaign could be known.
    """
    from stillwatch.contract import results as contract
    from stillwatch.flows.traffic import weekly
    from stillwatch.policy.preview import backtest
    from stillwatch.results.folder import read_table

    detected = {
        row["campaign_id"]: row["detected_at"].timestamp()
        for row in read_table(results, contract.CAMPAIGNS).to_pylist()
        if row["detected_at"]
    }
    weeks = backtest(
        _reached(policy, results, state, accounts, 1.0), results, detected, weekly(logs) if logs else None
    )
    if as_json:
        print_json(weeks)
        return
    text_table(
        ("week from", "campaigns' exchanges", "refused", "share", "accounts", "ordinary exchanges refused"),
        [
            (
                one["week"],
                one["campaign_exchanges"],
                one["refused"],
                f"{100 * one['share_stopped']:.1f} %",
                one["accounts"],
                "not counted (--log)" if one["ordinary_refused"] is None else one["ordinary_refused"],
            )
            for one in weeks
        ],
    )


def _reached(policy: Path, results: Path, state: Path | None, accounts: Path | None, share: float) -> Reach:
    """The accounts on which a policy would act, with their actions."""
    from stillwatch.contract import results as contract
    from stillwatch.memory.labels import in_force
    from stillwatch.memory.targets import folders_of
    from stillwatch.policy.preview import reach
    from stillwatch.policy.read import read_policy
    from stillwatch.policy.subjects import read_accounts
    from stillwatch.results.folder import check_results, read_table

    one = read_policy(policy)
    check_results(results)
    members = frozenset(read_table(results, contract.MEMBERS).column("account_id").to_pylist())
    labels = in_force(folders_of(results, state))
    return reach(results, one, labels, read_accounts(accounts, members), time.time(), share)


@policy.command("approve")
@POLICY
@STATE
@REASON
@author_option
@AS_JSON
def approve_command(policy: Path, state: Path, reason: str, author: str, as_json: bool) -> None:
    """Approve the file as it is. A rule with `approvals = 2` acts after two people have approved."""
    from stillwatch.policy.read import read_policy
    from stillwatch.policy.rollout import approve

    _noted(approve(state, read_policy(policy), author, reason), as_json=as_json)


@policy.command("roll-out")
@POLICY
@STATE
@click.option(
    "--share", type=click.FloatRange(0, 1), required=True, help="Share of accounts on which it acts."
)
@REASON
@author_option
@AS_JSON
def roll_out_command(
    policy: Path, state: Path, share: float, reason: str, author: str, as_json: bool
) -> None:
    """Let POLICY act on a share of accounts. It stops by itself as its `stop_after_honest` says."""
    from stillwatch.policy.read import read_policy
    from stillwatch.policy.rollout import roll_out

    _noted(roll_out(state, read_policy(policy), share, author, reason), as_json=as_json)


@policy.command("undo")
@POLICY
@STATE
@REASON
@author_option
@AS_JSON
def undo_command(policy: Path, state: Path, reason: str, author: str, as_json: bool) -> None:
    """Stop every action of POLICY from now on. It still reports what it would do."""
    from stillwatch.policy.read import read_policy
    from stillwatch.policy.rollout import undo

    _noted(undo(state, read_policy(policy), author, reason), as_json=as_json)


def _noted(entry: RecordEntry, *, as_json: bool) -> None:
    """Print an entry of the record."""
    result: dict[str, Any] = {
        "at": entry.at,
        "kind": entry.kind,
        "author": entry.author,
        "body": dict(entry.body),
        "code": entry.code,
    }
    if as_json:
        print_json(result)
        return
    share = f", {100 * entry.body['share']:g} % of accounts" if "share" in entry.body else ""
    click.echo(f"{entry.kind} of {entry.body['policy']}@{entry.body['version']} by {entry.author}{share}")
