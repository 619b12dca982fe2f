"""The part of a results folder that can be compared with intelligence on actors."""

from __future__ import annotations

import ipaddress
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from stillwatch.claims.basis import basis_of_control
from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema
from stillwatch.enrich.describe import network_class
from stillwatch.enrich.networks import bundled
from stillwatch.results.folder import read_table

CROWD = 3
"""Least number of accounts beyond the members with which a value counts as shared by many; as for exports."""
SHARED_CLASSES = frozenset({"relay", "vpn", "tor", "proxy", "residential", "mobile", "education", "business"})
"""Classes of networks that many customers share: an address there does not identify its user."""
SHORTEST_PREFIX = {4: 24, 6: 48}
"""Shortest prefix of a range that is compared, by version of IP; the signals count such a range as one
network.
"""
EDGE = timedelta(hours=24)
"""Time at either end of the campaign in which an account's first or last exchange does not count as an
act.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberValue:
    """A value that members show: the number of members, of other accounts (None where unknown), and the
    class of its network ("" without one).
    """

    kind: str
    value: str
    members: int
    others: int | None
    network_class: str

    @property
    def is_shared(self) -> bool:
        """Whether the value is shared by many and so identifies nobody."""
        return (self.others or 0) >= CROWD or self.network_class in SHARED_CLASSES


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignFacts:
    """The facts of a campaign that are compared.

    `log10` has the log10 likelihoods of hypotheses H1 to H5; `control_log10` is the log10 evidence that the
    nearest innocent explanation leaves; `acts` are times of control acts.
    """

    campaign: str
    kind: str
    accounts: int
    exchanges: int
    first: datetime
    last: datetime
    q_value: float
    control_log10: float
    log10: Mapping[str, float] = field(default_factory=dict)
    capabilities: tuple[str, ...] = ()
    values: tuple[MemberValue, ...] = ()
    acts: tuple[datetime, ...] = ()
    control_basis: str = "measured"


def read_seen(folder: Path) -> list[CampaignFacts]:
    """Every campaign of a results folder, in the order of its table; raises `StateError` where a file is
    missing or damaged.
    """
    campaigns = read_table(folder, contract.CAMPAIGNS).to_pylist()
    parts = {
        schema.name: _by(_rows(folder, schema), "group_id" if "group_id" in schema.names else "campaign_id")
        for schema in (
            contract.EVIDENCE,
            contract.LINKS,
            contract.HYPOTHESES,
            contract.EXPLANATIONS,
        )
    }
    spans = _spans(folder)
    found = []
    for row in campaigns:
        name = row["campaign_id"]
        left = [one["log10_e"] for one in parts["explanations"].get(name, ())]
        found.append(
            CampaignFacts(
                campaign=name,
                kind=row["kind"],
                accounts=row["accounts"],
                exchanges=row["exchanges"],
                first=row["first_seen"],
                last=row["last_seen"],
                q_value=row["q_value"],
                control_log10=min(left, default=0.0),
                log10={
                    one["hypothesis"]: one["log10_likelihood"]
                    for one in parts["hypotheses"].get(name, ())
                    if not math.isnan(one["log10_likelihood"])
                },
                capabilities=tuple(row["capabilities"] or ()),
                values=tuple(_values(parts["evidence"].get(name, ()), parts["links"].get(name, ()))),
                acts=tuple(control_acts(spans.get(name, ()), row["first_seen"], row["last_seen"])),
                control_basis=basis_of_control(parts["evidence"].get(name, ())),
            )
        )
    return found


def _rows(folder: Path, schema: TableSchema) -> list[dict[str, Any]]:
    """The rows of a table of the results; none where it was not written."""
    if not (folder / f"{schema.name}.parquet").exists():
        return []
    table: pa.Table = read_table(folder, schema)
    return list(table.to_pylist())


def _by(rows: Iterable[dict[str, Any]], column: str) -> Mapping[str, list[dict[str, Any]]]:
    """The rows by the value of a column."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        found[str(row[column])].append(row)
    return found


def _values(evidence: Iterable[Mapping[str, Any]], links: Iterable[Mapping[str, Any]]) -> list[MemberValue]:
    """Values of the evidence with their counts, and values of links that the evidence lacks."""
    holders: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in links:
        holders[str(row["kind"]), str(row["value"])].add(str(row["account_id"]))
    found: dict[tuple[str, str], MemberValue] = {}
    for row in evidence:
        key = str(row["kind"]), str(row["value"])
        others, of_network = row.get("others"), str(row.get("network_class") or "")
        members = max(len(holders.get(key, ())), int(str(row["accounts"])))
        found[key] = MemberValue(
            kind=key[0], value=key[1], members=members, others=None if others is None else int(str(others)),
            network_class=of_network or _class_of(*key),
        )  # fmt: skip
    for key, accounts in holders.items():
        if key not in found:
            found[key] = MemberValue(
                kind=key[0], value=key[1], members=len(accounts), others=None, network_class=_class_of(*key)
            )
    return [found[key] for key in sorted(found)]


def _class_of(kind: str, value: str) -> str:
    """Class of the network of an address or range; "" for other values."""
    return network_class(kind, value, bundled())


def _spans(folder: Path) -> Mapping[str, list[tuple[datetime, datetime]]]:
    """First and last exchange of each account, by campaign; grouped by Arrow, since there may be tens of
    millions of exchanges.
    """
    if not (folder / f"{contract.ATTRIBUTED.name}.parquet").exists():
        return {}
    table: pa.Table = read_table(folder, contract.ATTRIBUTED)
    grouped = table.group_by(["campaign_id", "account_id"]).aggregate(
        [("timestamp", "min"), ("timestamp", "max")]
    )
    found: dict[str, list[tuple[datetime, datetime]]] = defaultdict(list)
    for row in grouped.to_pylist():
        if row["timestamp_min"] is not None:
            found[row["campaign_id"]].append((row["timestamp_min"], row["timestamp_max"]))
    return found


def control_acts(
    spans: Iterable[tuple[datetime, datetime]], first: datetime, last: datetime
) -> list[datetime]:
    """Times at which an account was brought into use or taken out of it, sorted.

    `spans` are first and last exchange of each account; `first` and `last` those of the campaign. Times
    within `EDGE` of the campaign's ends are left out.
    """
    every = list(spans)
    acts = [begun for begun, _ended in every if begun > first + EDGE]
    return sorted(acts + [ended for _begun, ended in every if first + EDGE < ended < last - EDGE])


def covers(given: str, value: str) -> bool:
    """Whether a stated address or range overlaps with a member's range; false for text that is neither, and
    for a member's range wider than `SHORTEST_PREFIX`.
    """
    try:
        one, two = ipaddress.ip_network(given, strict=False), ipaddress.ip_network(value, strict=False)
    except ValueError:
        return False
    return one.version == two.version and two.prefixlen >= SHORTEST_PREFIX[two.version] and one.overlaps(two)
