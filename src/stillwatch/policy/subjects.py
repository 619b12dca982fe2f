"""Reads members of campaigns with the facts that a policy's conditions use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.errors import InputError, Problem
from stillwatch.memory.labels import Label, LabelsInForce
from stillwatch.results.folder import read_table

NOTHING_ASKED: Mapping[str, Any] = {
    "model": "", "route": "", "operation": "", "country": "", "asn": -1, "user_agent": "",
}  # fmt: skip
"""The facts of a request about which nothing is known."""
DAY_S = 86_400.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectCampaign:
    """A campaign of the results: its accounts, its facts (`rules.FACTS`), and its label or None."""

    name: str
    accounts: frozenset[str]
    facts: Mapping[str, Any]
    label: Label | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The fields of an account in the account table. An unknown text is empty; an unknown number or time is
    None. `created_at` is in seconds since 1970.
    """

    organization: str = ""
    plan: str = ""
    program: str = ""
    created_at: float | None = None
    spend: float | None = None

    def facts(self, account_id: str, label: str, now: float) -> dict[str, Any]:
        """The account's facts (`rules.FACTS`) at the time `now`, in seconds since 1970; an unknown number is
        -1.
        """
        age = -1.0 if self.created_at is None else max(0.0, (now - self.created_at) / DAY_S)
        spend = -1.0 if self.spend is None else self.spend
        return {
            "id": account_id,
            "organization": self.organization,
            "plan": self.plan,
            "program": self.program,
            "age_days": age,
            "spend": spend,
            "label": label,
        }


UNKNOWN = Account()  # facts of an account that no table has


def read_campaigns(results: Path, labels: LabelsInForce) -> list[SubjectCampaign]:
    """The campaigns of a results folder, with labels. Raises `StateError` where a table cannot be read."""
    members: dict[str, set[str]] = {}
    for row in read_table(results, contract.MEMBERS).select(["campaign_id", "account_id"]).to_pylist():
        members.setdefault(row["campaign_id"], set()).add(row["account_id"])
    claims: dict[str, list[int]] = {}
    if (results / "claims.parquet").exists():
        for row in read_table(results, contract.CLAIMS).to_pylist():
            if row["basis"] == "measured":
                claims.setdefault(row["campaign_id"], []).append(row["claim"])
    found = []
    for row in read_table(results, contract.CAMPAIGNS).to_pylist():
        name = row["campaign_id"]
        accounts = frozenset(members.get(name, ()))
        label = labels.of_group(accounts)
        facts = {
            "kind": row["kind"],
            "q_value": row["q_value"],
            "accounts": row["accounts"],
            "exchanges": row["exchanges"],
            "explanation": row["explanation"],
            "claims": claims.get(name, []),
            "fpr_empirical": _known(row["fpr_empirical"]),
            "fpr_synthetic": _known(row["fpr_synthetic"]),
            "label": label.verdict if label else "",
        }
        found.append(SubjectCampaign(name=name, accounts=accounts, facts=facts, label=label))
    return found


def _known(rate: float | None) -> float:
    """The rate; -1 where it is None."""
    return -1.0 if rate is None else rate


def read_accounts(path: Path | None, wanted: frozenset[str]) -> dict[str, Account]:
    """The accounts in `wanted` that a Parquet account table has; empty where `path` is None. The columns
    `organization_id` and `spend` are optional.

    Raises `InputError` where the table cannot be read.
    """
    if path is None:
        return {}
    names = [*ACCOUNTS.names, "organization_id", "spend"]
    try:
        have = pq.read_schema(path).names
        table = pq.read_table(path, columns=[name for name in names if name in have])
        mine = table.filter(pc.is_in(table.column("account_id"), pa.array(sorted(wanted), pa.string())))
    except (OSError, KeyError, pa.ArrowException) as error:
        raise InputError(
            Problem(
                fact="the account table cannot be read",
                where=str(path),
                found=f"{type(error).__name__}: {str(error)[:120]}",
                expected="a Parquet file with `account_id`",
            )
        ) from None
    return {row["account_id"]: _account(row) for row in mine.to_pylist()}


def _account(row: Mapping[str, Any]) -> Account:
    """An account from a row of the account table."""
    created, spend = row.get("created_at"), row.get("spend")
    return Account(
        organization=str(row.get("organization_id") or ""),
        plan=str(row.get("plan") or ""),
        program=str(row.get("program") or ""),
        created_at=_seconds(created) if isinstance(created, datetime) else None,
        spend=float(spend) if isinstance(spend, int | float) else None,
    )


def _seconds(at: datetime) -> float:
    """A time in seconds since 1970; without a zone it is UTC."""
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def sparing(
    labels: LabelsInForce, account_id: str, organization: str, key: str, campaign: Label | None
) -> Label | None:
    """The label that applies to an account: its own, else its key's, else its organisation's, else its
    campaign's. None where there is none.
    """
    own = labels.of("account", account_id) if account_id else None
    if own is None and key:
        own = labels.of("key", key)
    if own is None and organization:
        own = labels.of("organization", organization)
    return own or campaign


def subjects(
    results: Path,
    campaigns: list[SubjectCampaign],
    labels: LabelsInForce,
    accounts: Mapping[str, Account],
    now: float,
) -> Iterator[tuple[SubjectCampaign, str, Label | None, dict[str, Mapping[str, Any]]]]:
    """Yield each member with its campaign, its label or None, and its facts; facts of the request are
    unknown.
    """
    by_name = {one.name: one for one in campaigns}
    for row in read_table(results, contract.MEMBERS).to_pylist():
        campaign = by_name[row["campaign_id"]]
        known = accounts.get(row["account_id"], UNKNOWN)
        label = sparing(labels, row["account_id"], known.organization, "", campaign.label)
        facts: dict[str, Mapping[str, Any]] = {
            "campaign": campaign.facts,
            "member": {
                "probability": row["score"],
                "exchanges": row["exchanges"],
                "is_newcomer": False,
                "weight": 0.0,
            },
            "account": known.facts(row["account_id"], label.verdict if label else "", now),
            "request": NOTHING_ASKED,
        }
        yield campaign, row["account_id"], label, facts
