"""Computes the effect of a policy, on the present results and week by week on a past log, without acting or
writing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract import results as contract
from stillwatch.enrich.describe import ADDRESSES
from stillwatch.memory.labels import Label, LabelsInForce
from stillwatch.policy.rollout import in_share
from stillwatch.policy.rules import UNNOTICED, Policy, Rule, applies
from stillwatch.policy.subjects import Account, SubjectCampaign, read_campaigns, subjects
from stillwatch.results.folder import read_table

WEEK_S = 7 * 86_400  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A member to which a rule applies. `spend` is None where it is unknown."""

    account_id: str
    campaign: SubjectCampaign
    rule: Rule
    probability: float
    exchanges: int
    spend: float | None

    @property
    def is_refused(self) -> bool:
        """Whether requests of this account would be refused; rate limits count as refusal."""
        return self.rule.action not in UNNOTICED


@dataclass(slots=True, kw_only=True)
class Reach:
    """The members that a policy reaches (`hits`), those that a label exempts (`spared`), and the number of
    those to which no rule applies (`untouched`).
    """

    hits: list[Hit] = field(default_factory=list)
    spared: list[tuple[str, Label]] = field(default_factory=list)
    untouched: int = 0
    campaigns: Sequence[SubjectCampaign] = ()


def reach(
    results: Path,
    policy: Policy,
    labels: LabelsInForce,
    accounts: Mapping[str, Account],
    now: float,
    share: float = 1.0,
) -> Reach:
    """Find the first rule that applies to each member, at the time `now` (seconds since 1970).

    Conditions on the request are evaluated with unknown facts. `share` is the share of accounts in the
    roll-out; members outside it count as untouched.
    """
    found = Reach(campaigns=read_campaigns(results, labels))
    for campaign, account, label, facts in subjects(results, list(found.campaigns), labels, accounts, now):
        if label is not None and label.is_sparing:
            found.spared.append((account, label))
            continue
        rule = next((one for one in policy.rules if one.mode != "off" and applies(one, facts)), None)
        if rule is None or not _is_drawn(policy, rule, account, share):
            found.untouched += 1
            continue
        spend = facts["account"]["spend"]
        found.hits.append(
            Hit(
                account_id=account, campaign=campaign, rule=rule, probability=facts["member"]["probability"],
                exchanges=facts["member"]["exchanges"], spend=spend if spend >= 0 else None,
            )
        )  # fmt: skip
    return found


def _is_drawn(policy: Policy, rule: Rule, account: str, share: float) -> bool:
    """Whether an account is in both the share of the roll-out and the rule's share."""
    return in_share(policy.name, account, share) and in_share(
        f"{policy.name}/{rule.name}", account, rule.share
    )


def preview(found: Reach, results: Path, traffic: pa.Table | None = None) -> dict[str, Any]:
    """The figures of a preview, as JSON.

    The expected number of honest accounts among those hit is the sum of 1 - probability of membership.
    `traffic` is a table of a log with `account_id`, `network`, `week` and `exchanges` (`flows.traffic`). With
    it, the other accounts in the networks of refused members are counted; without it, an upper bound is taken
    from the results.
    """
    refused = [one for one in found.hits if one.is_refused]
    figures: dict[str, Any] = {
        "accounts": len(found.hits),
        "refused": len(refused),
        "spared": len(found.spared),
        "untouched": found.untouched,
        "expected_honest": _honest(refused),
        "rules": [_of_rule(name, some) for name, some in _by(found.hits, lambda one: one.rule.name)],
        "by_explanation": [
            {
                "explanation": name or "none named",
                "accounts": len(some),
                "expected_honest": _honest(some),
                "fpr_empirical": max(one.campaign.facts["fpr_empirical"] for one in some),
            }
            for name, some in _by(refused, lambda one: str(one.campaign.facts["explanation"]))
        ],
        "by_probability": _by_probability(refused),
        "spend": {
            "known": sum(one.spend or 0.0 for one in refused),
            "accounts_unknown": sum(one.spend is None for one in refused),
        },
        "campaigns": [_stopped(one, refused) for one in found.campaigns],
        "labels": sorted({label.statement for _account, label in found.spared}),
    }
    figures["neighbours"] = (
        _neighbours_in(traffic, refused) if traffic is not None else _neighbours_at_most(results, refused)
    )
    return figures


def _honest(hits: Sequence[Hit]) -> float:
    """Expected number of honest accounts: the sum of 1 - probability of membership."""
    return round(sum(1.0 - one.probability for one in hits), 3)


def _by(hits: Sequence[Hit], name: Any) -> list[tuple[str, list[Hit]]]:  # noqa: ANN401  a function of a hit
    """The hits in groups of the same name, the largest group first."""
    groups: dict[str, list[Hit]] = defaultdict(list)
    for one in hits:
        groups[name(one)].append(one)
    return sorted(groups.items(), key=lambda pair: (-len(pair[1]), pair[0]))


def _of_rule(name: str, hits: Sequence[Hit]) -> dict[str, Any]:
    """The figures of one rule."""
    rule = hits[0].rule
    return {
        "rule": name,
        "action": rule.action,
        "accounts": len(hits),
        "exchanges": sum(one.exchanges for one in hits),
        "expected_honest": _honest(hits),
        "approvals": rule.approvals,
    }


def _by_probability(hits: Sequence[Hit]) -> list[dict[str, Any]]:
    """Number of accounts in each tenth of the probability of membership; empty tenths are left out."""
    edges = np.linspace(0.0, 1.0, 11)
    counts, _edges = np.histogram([one.probability for one in hits], edges)
    return [
        {"from": round(float(low), 1), "to": round(float(high), 1), "accounts": int(number)}
        for low, high, number in zip(edges, edges[1:], counts, strict=False)
        if number
    ]


def _stopped(campaign: SubjectCampaign, refused: Sequence[Hit]) -> dict[str, Any]:
    """The share of a campaign's exchanges that its refused members made."""
    taken = sum(one.exchanges for one in refused if one.campaign is campaign)
    every = int(campaign.facts["exchanges"])
    return {
        "campaign_id": campaign.name,
        "accounts": sum(one.campaign is campaign for one in refused),
        "of": int(campaign.facts["accounts"]),
        "share_stopped": round(taken / every, 4) if every else 0.0,
    }


def _neighbours_at_most(results: Path, refused: Sequence[Hit]) -> dict[str, Any]:
    """An upper bound on the other accounts at the addresses of the refused members' campaigns: their sum over
    addresses.
    """
    names = {one.campaign.name for one in refused}
    rows = read_table(results, contract.EVIDENCE).to_pylist()
    others = sum(
        row["others"] or 0 for row in rows if row["campaign_id"] in names and row["kind"] in ADDRESSES
    )
    return {"at_most": others, "counted": False}


def _neighbours_in(traffic: pa.Table, refused: Sequence[Hit]) -> dict[str, Any]:
    """Accounts that are not refused but use a network of a refused one, and their exchanges."""
    hit = pa.array([one.account_id for one in refused], pa.string())
    mine = pc.is_in(traffic.column("account_id"), hit)
    networks = pc.unique(traffic.filter(mine).column("network").drop_null())
    beside = traffic.filter(pc.and_(pc.invert(mine), pc.is_in(traffic.column("network"), networks)))
    return {
        "accounts": pc.count_distinct(beside.column("account_id")).as_py(),
        "exchanges": pc.sum(beside.column("exchanges")).as_py() or 0,
        "counted": True,
    }


def backtest(
    found: Reach, results: Path, detected: Mapping[str, float], traffic: pa.Table | None = None
) -> list[dict[str, Any]]:
    """For each week, the exchanges that the policy would have refused if it had acted on each campaign from
    the time of its detection.

    `detected` maps a campaign to that time in seconds since 1970; a campaign that is missing is never acted
    on. With `traffic` (as in `preview`) the refused members' exchanges outside campaigns are counted too;
    otherwise `ordinary_refused` is None.
    """
    refused = {(one.campaign.name, one.account_id) for one in found.hits if one.is_refused}
    table = read_table(results, contract.ATTRIBUTED)
    table = table.filter(pc.is_valid(table.column("timestamp")))
    moments = pc.cast(table.column("timestamp"), pa.timestamp("s", tz="UTC"), safe=False)
    seconds = pc.cast(moments, pa.int64()).to_pylist()
    campaigns, accounts = table.column("campaign_id").to_pylist(), table.column("account_id").to_pylist()
    weeks: dict[int, dict[str, Any]] = {}
    taken: dict[tuple[int, str], int] = defaultdict(int)
    for at, campaign, account in zip(seconds, campaigns, accounts, strict=True):
        week = at // WEEK_S * WEEK_S
        row = weeks.setdefault(week, {"exchanges": 0, "refused": 0, "accounts": set()})
        row["exchanges"] += 1
        taken[week, account] += 1
        if (campaign, account) in refused and at >= detected.get(campaign, np.inf):
            row["refused"] += 1
            row["accounts"].add(account)
    ordinary = _ordinary(traffic, weeks, taken) if traffic is not None else {}
    return [
        {
            "week": str(np.datetime64(week, "s").astype("datetime64[D]")),
            "campaign_exchanges": row["exchanges"],
            "refused": row["refused"],
            "share_stopped": round(row["refused"] / row["exchanges"], 4),
            "accounts": len(row["accounts"]),
            "ordinary_refused": ordinary.get(week),
        }
        for week, row in sorted(weeks.items())
    ]


def _ordinary(
    traffic: pa.Table, weeks: Mapping[int, Mapping[str, Any]], taken: Mapping[tuple[int, str], int]
) -> dict[int, int]:
    """Week → exchanges of the accounts refused in it that belong to no campaign."""
    found: dict[int, int] = dict.fromkeys(weeks, 0)
    for row in traffic.group_by(["account_id", "week"]).aggregate([("exchanges", "sum")]).to_pylist():
        week = row["week"]
        if week in weeks and row["account_id"] in weeks[week]["accounts"]:
            found[week] += max(0, row["exchanges_sum"] - taken.get((week, row["account_id"]), 0))
    return found
