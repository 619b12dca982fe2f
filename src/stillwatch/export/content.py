"""The part of a results folder that may be shared, computed once for all exporters.

Rules, which hold for every exporter that is built on it:

* Only the fields named here are exported: members, values of `SHARED` kinds, counts, times and rates. No
  sentence of the results and no text of a log is among them; digests of prompts are not `SHARED`.
* Only members of campaigns are exported. Leads and accounts outside campaigns are not read.
* A value that honest accounts show, or may show, is withheld with the reason (`reason_withheld`).
* The same folder and the same terms give the same content. Times come from the log, not from the clock.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.contract.table import TableRow, TableSchema
from stillwatch.engine.files import sha256
from stillwatch.enrich import agents, domains, tls
from stillwatch.enrich.describe import ADDRESSES
from stillwatch.errors import unknown
from stillwatch.export.atlas import Technique, techniques
from stillwatch.export.terms import Terms
from stillwatch.results.folder import read_json, read_table
from stillwatch.sketch.keys import KEY_VARIABLE, Key, of_secret

SHARED = ("client_prefix", "signup_address", "email_domain", "tls_fingerprint", "user_agent")
"""Kinds of indicator with the same meaning at every provider: infrastructure and programs."""
OWN = ("payment_fingerprint",)
"""Kinds that identify a customer to the provider itself; they are exported only where accounts are named."""
CROWD = 3
"""Number of other accounts from which a value counts as common. Chosen: the number of accounts from which a
value counts as shared at all.
"""
MAX_OTHERS_SHARE = 0.01
"""Largest share of other accounts among those that show an exported value. Chosen: equal to the share of
non-members tolerated in a campaign.
"""
OPEN_CLASSES = frozenset({"", "hosting"})
"""Classes of networks in which few customers share an address; in all other classes many do."""
SHORTEST_PREFIX = {4: 16, 6: 32}
"""Length of the shortest prefix that is exported, by IP version. Chosen: the usual allocation of one network
operator.
"""
OVERVIEW = "overview.json"  # file of the results folder that is read for the version
CONFIDENCE = 100
"""Upper end of the confidence scale of STIX, MISP and OCSF."""
STEP = timedelta(milliseconds=1)
"""Smallest difference between two times in STIX; a revocation is dated this much later than the revoked
version.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a campaign. `name` is the account's name, or its pseudonym where accounts are not named.
    `confidence` is 0 to 100.
    """

    name: str
    pseudonym: str
    probability: float
    confidence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedIndicator:
    """A value that members share, with the numbers of members and of other accounts that show it, and the
    mean probability of membership of those members.
    """

    kind: str
    value: str
    members: int
    others: int
    probability: float
    confidence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Withheld:
    """A value that members share and that is not exported."""

    campaign: str
    kind: str
    value: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportedCampaign:
    """A campaign as it is exported. `key` identifies it in other folders too; `expires` is when its
    indicators expire.

    `withdrawn` are values that were exported earlier and are not any more, because another campaign was
    revoked and its members now count as other accounts.
    """

    key: str
    name: str
    kind: str
    first_seen: datetime
    last_seen: datetime
    modified: datetime
    expires: datetime
    exchanges: int
    q_value: float
    confidence: int
    capabilities: tuple[str, ...]
    techniques: tuple[Technique, ...]
    members: tuple[Member, ...]
    indicators: tuple[ExportedIndicator, ...]
    withdrawn: tuple[ExportedIndicator, ...]
    is_revoked: bool

    @property
    def shared(self) -> tuple[ExportedIndicator, ...]:
        """Its indicators of `SHARED` kinds."""
        return tuple(one for one in self.indicators if one.kind in SHARED)

    @property
    def as_revoked(self) -> ExportedCampaign:
        """The campaign marked as revoked."""
        return self if self.is_revoked else replace(self, is_revoked=True, modified=self.modified + STEP)

    def each(self, *, own: bool = False) -> list[tuple[ExportedIndicator, ExportedCampaign]]:
        """Each value with the campaign as it applies to it, withdrawn values last and with the revoked
        campaign. `own` includes the provider's `OWN` kinds.
        """
        shown = self.indicators if own else self.shared
        return [*((what, self) for what in shown), *((what, self.as_revoked) for what in self.withdrawn)]

    @property
    def title(self) -> str:
        """A name of the campaign that does not depend on this folder."""
        return f"Model extraction campaign {self.key[:8]}"

    @property
    def status(self) -> str:
        """`active` or `revoked`."""
        return "revoked" if self.is_revoked else "active"

    @property
    def summary(self) -> str:
        """Two sentences: kind, size and rate; and what is not claimed."""
        accounts = f"{len(self.members):,} account{'' if len(self.members) == 1 else 's'}"
        return (
            f"{accounts} under one control made {self.exchanges:,} requests ({self.kind}); false-discovery "
            f"rate {self.q_value:.1g}. "
            "Logs do not show which organisation directed it."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportContent:
    """All content of an export, and the values withheld."""

    terms: Terms
    campaigns: tuple[ExportedCampaign, ...]
    withheld: tuple[Withheld, ...]


def read_content(results: Path, terms: Terms) -> ExportContent:
    """The content of a results folder that may be exported under these terms.

    Raises `UsageError` for a revoked campaign that is not in the results, `StateError` where a table cannot
    be read, `InputError` where the variable `STILLWATCH_KEY` is not a valid secret.
    """
    rows = read_table(results, contract.CAMPAIGNS).to_pylist()
    rows.sort(key=lambda row: (row["first_seen"], row["campaign_id"]))
    for name in sorted(terms.revoked - {row["campaign_id"] for row in rows}):
        raise unknown("campaign of these results", name, [row["campaign_id"] for row in rows])
    source = _source(results, terms)
    campaigns: list[ExportedCampaign] = []
    withheld: list[Withheld] = []
    for at, row in enumerate(rows):
        before = sum(one["first_seen"] == row["first_seen"] for one in rows[:at])
        # Withdrawn values are those that may have been exported before any campaign was revoked.
        first, kept = _indicators(row, source, frozenset())
        shown = first
        if terms.revoked and row["campaign_id"] not in terms.revoked:
            shown, kept = _indicators(row, source, terms.revoked)
        withheld += kept
        left = {(one.kind, one.value) for one in shown}
        gone = [one for one in first if (one.kind, one.value) not in left and one.kind in SHARED]
        campaigns.append(_campaign(row, source, shown, gone, before))
    return ExportContent(terms=terms, campaigns=tuple(campaigns), withheld=tuple(withheld))


def export_key(results: Path) -> Key:
    """The key for pseudonyms and for campaigns' keys.

    With `STILLWATCH_KEY`, an account has the same pseudonym in every export. Without it, the key is derived
    from the folder's own tables, so that the same folder gives the same pseudonyms and another folder gives
    others.
    """
    given = os.environ.get(KEY_VARIABLE)
    if given is not None:
        return of_secret(given.encode(), f"the variable `{KEY_VARIABLE}`").for_release("export")
    whole = hashlib.sha256()
    for schema in (contract.MEMBERS, contract.ATTRIBUTED):
        path = results / f"{schema.name}.parquet"
        if path.exists():
            whole.update(sha256(path).encode())
    return Key(master=whole.digest(), release="export")


def pseudonym(account_id: str, key: Key) -> str:
    """The account's pseudonym: 80 bits of a keyed BLAKE2b."""
    return f"acct-{_keyed(key, 'account', account_id, 10)}"


def reason_withheld(kind: str, value: str, members: int, others: int | None, network_class: str) -> str:
    """Why a value must not be exported; empty where it may be.

    `members` and `others` are the numbers of member and other accounts that show it; `others` None means
    unknown. `network_class` is the class of an address's network, or empty.
    """
    if others is None:
        return "the results do not say how many other accounts show it"
    if others >= CROWD or others > MAX_OTHERS_SHARE * (members + others):
        return f"{others:,} other account{' shows' if others == 1 else 's show'} it"
    if kind in ADDRESSES:
        return _reason_of_network(value, network_class)
    if kind == "email_domain":
        return "anybody may have an address there" if domains.is_open_to_all(value) else ""
    if kind == "tls_fingerprint":
        greeting = tls.parse(value)
        return f"it is that of {greeting.client}" if greeting and greeting.client else ""
    if kind == "user_agent":
        agent = agents.family(value)
        return f"it is that of {agent.family}, which others use too" if agent else ""
    return ""


def _reason_of_network(value: str, network_class: str) -> str:
    """Why an address or range must not be exported; empty where it may be."""
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "it is no address"
    if not network.is_global:
        return "it is no public address, or one that a carrier shares among its customers"
    if network.prefixlen < SHORTEST_PREFIX[network.version]:
        return "the range is wider than one network"
    if network_class not in OPEN_CLASSES:
        return f"it lies in a {network_class} network, whose addresses many share"
    return ""


Holders = Mapping[tuple[str, str], Mapping[str, set[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Source:
    """The content of a folder: rows by campaign, the holders of each value, and the time of the log's last
    exchange (None: unknown).
    """

    terms: Terms
    key: Key
    members: Mapping[str, list[TableRow]]
    evidence: Mapping[str, list[TableRow]]
    holders: Holders
    until: datetime | None


def _source(results: Path, terms: Terms) -> _Source:
    """Read what the export needs from the results folder."""
    members = _by_campaign(read_table(results, contract.MEMBERS))
    links = _by_campaign(_table_or_none(results, contract.LINKS))
    last_seen = read_json(results, OVERVIEW).get("last_seen") if (results / OVERVIEW).exists() else None
    return _Source(
        terms=terms,
        key=export_key(results),
        members=members,
        evidence=_by_campaign(_table_or_none(results, contract.EVIDENCE)),
        holders=_holders(
            links, {name: {row["account_id"] for row in rows} for name, rows in members.items()}
        ),
        until=datetime.fromisoformat(last_seen) if last_seen else None,
    )


def _table_or_none(results: Path, schema: TableSchema) -> pa.Table:
    """The table, or an empty one where an older folder lacks it."""
    return read_table(results, schema) if (results / f"{schema.name}.parquet").exists() else schema.empty()


def _by_campaign(table: pa.Table) -> Mapping[str, list[TableRow]]:
    """The rows of a table by campaign."""
    rows: dict[str, list[TableRow]] = defaultdict(list)
    for row in table.to_pylist():
        rows[row["campaign_id"]].append(row)
    return rows


def _holders(links: Mapping[str, list[TableRow]], members: Mapping[str, set[str]]) -> Holders:
    """(kind, value) → campaign → its members that show the value."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for campaign, rows in links.items():
        for row in rows:
            if row["account_id"] in members.get(campaign, ()):
                found[row["kind"], row["value"]][campaign].add(row["account_id"])
    return found


def _indicators(
    row: TableRow, source: _Source, revoked: frozenset[str]
) -> tuple[list[ExportedIndicator], list[Withheld]]:
    """The exported values of a campaign, and the withheld ones.

    Members of other campaigns do not count as others, except those of `revoked` campaigns.
    """
    name, terms = row["campaign_id"], source.terms
    score = {one["account_id"]: one["score"] for one in source.members[name]}
    kinds = SHARED + (OWN if terms.with_accounts else ())
    shown, withheld = [], []
    for one in sorted(source.evidence[name], key=lambda one: (one["kind"], one["value"])):
        kind, value = one["kind"], one["value"]
        holders = source.holders.get((kind, value), {})
        mine = holders.get(name, set())
        if kind not in kinds or not mine:
            continue
        also = [some for c, some in holders.items() if c != name and c not in revoked]
        elsewhere = set().union(*also) - mine
        others = None if one["others"] is None else max(0, one["others"] - len(elsewhere))
        reason = reason_withheld(kind, value, len(mine), others, one["network_class"] or "")
        if reason or others is None:
            withheld.append(Withheld(campaign=name, kind=kind, value=value, reason=reason))
            continue
        probability = sum(score[account] for account in mine) / len(mine)
        shown.append(
            ExportedIndicator(
                kind=kind,
                value=value,
                members=len(mine),
                others=others,
                probability=probability,
                confidence=_confidence(probability * len(mine) / (len(mine) + others), row),
            )
        )
    return shown, withheld


def _campaign(
    row: TableRow,
    source: _Source,
    indicators: Iterable[ExportedIndicator],
    withdrawn: Iterable[ExportedIndicator],
    before: int,
) -> ExportedCampaign:
    """The exported campaign; `before` is the number of earlier campaigns with the same time of the first
    exchange.
    """
    name, terms = row["campaign_id"], source.terms
    first, last = row["first_seen"].astimezone(UTC), row["last_seen"].astimezone(UTC)
    is_revoked = name in terms.revoked
    # The log's end is included, so that results of a longer log give a later version of the same campaign.
    modified = max(first, last, source.until or last)
    return ExportedCampaign(
        key=_keyed(source.key, "campaign", f"{first.isoformat()} {before}", 16),
        name=name,
        kind=row["kind"],
        first_seen=first,
        last_seen=last,
        modified=modified + (STEP if is_revoked else timedelta(0)),
        expires=last + timedelta(days=terms.valid_days),
        exchanges=row["exchanges"],
        q_value=row["q_value"],
        confidence=_confidence(1.0, row),
        capabilities=tuple(row["capabilities"]),
        techniques=techniques(row["kind"], {one["kind"] for one in source.evidence[name]}),
        members=tuple(
            sorted((_member(one, row, source) for one in source.members[name]), key=lambda one: one.name)
        ),
        indicators=tuple(indicators),
        withdrawn=tuple(withdrawn),
        is_revoked=is_revoked,
    )


def _member(one: TableRow, campaign: TableRow, source: _Source) -> Member:
    """A member as it is exported."""
    hidden = pseudonym(one["account_id"], source.key)
    return Member(
        name=one["account_id"] if source.terms.with_accounts else hidden,
        pseudonym=hidden,
        probability=one["score"],
        confidence=_confidence(one["score"], campaign),
    )


def _confidence(probability: float, row: TableRow) -> int:
    """100 · probability · (1 - q value), rounded down: that this holds and the campaign is no false
    discovery.
    """
    return int(CONFIDENCE * min(max(probability * (1.0 - row["q_value"]), 0.0), 1.0))


def _keyed(key: Key, purpose: str, text: str, size: int) -> str:
    """Keyed BLAKE2b of a text, of `size` bytes, in hexadecimal; different purposes give different values."""
    return hashlib.blake2b(text.encode(), key=key.of(purpose), digest_size=size).hexdigest()
