"""The part of a results folder that may be given to others, made once for all exporters.

Rules, which hold for every exporter that is built on it:

* Only fields that are named here leave: members, values of `SHARED` kinds, counts, times, rates. No sentence of the results and no text
  of a log is among them; kinds that are digests of prompts are not `SHARED`.
* Only members of campaigns appear. Leads and accounts outside campaigns are not read.
* A value that honest accounts show, or may show, is withheld with the reason (`reason_withheld`).
* The same folder and the same terms give the same content. No clock is read: times come from the log.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stillwatch.contract import results as contract
from stillwatch.engine.files import sha256
from stillwatch.enrich import agents, tls
from stillwatch.enrich.describe import ADDRESSES
from stillwatch.errors import unknown
from stillwatch.export.atlas import Technique, techniques
from stillwatch.export.terms import Terms
from stillwatch.results.folder import read_json, read_table
from stillwatch.sketch.keys import KEY_VARIABLE, Key, of_secret

SHARED = ("client_prefix", "signup_address", "email_domain", "tls_fingerprint", "user_agent")
"""Kinds of indicator that mean the same to every provider: infrastructure and programs."""
OWN = ("payment_fingerprint",)
"""Kinds that name a customer to the provider itself, and leave only where accounts are named."""
CROWD = 3
"""Other accounts from which a value counts as shared by a crowd. Chosen: as many as a value needs to count as shared at all."""
MAX_OTHERS_SHARE = 0.01
"""Largest share of other accounts among those that show an exported value. Chosen: the share of strangers among a campaign's members."""
OPEN_CLASSES = frozenset({"", "hosting"})
"""Classes of networks whose addresses are rented by few; addresses of any other class are shared by many."""
WIDEST = {4: 16, 6: 32}
"""Shortest prefix that is exported, by version of IP. Chosen: the size that one network operator is given."""
CONFIDENCE = 100
"""The scale of STIX, MISP and OCSF."""
STEP = timedelta(milliseconds=1)
"""The least difference of two times in STIX; a revocation is that much later than what it revokes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A member of a campaign. `name` is the account's, or its pseudonym where accounts are not named."""

    name: str
    pseudonym: str
    probability: float
    confidence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """A value that members share, with how many of them show it, how many others do, and the mean probability of its members."""

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
class Campaign:
    """A campaign as it is exported. `key` names it beyond this folder; `expires` is when its indicators end."""

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
    indicators: tuple[Indicator, ...]
    is_revoked: bool

    @property
    def shared(self) -> tuple[Indicator, ...]:
        """Its indicators that mean the same to every provider."""
        return tuple(one for one in self.indicators if one.kind in SHARED)

    @property
    def title(self) -> str:
        """A name of the campaign that holds in other places too."""
        return f"Model extraction campaign {self.key[:8]}"

    @property
    def status(self) -> str:
        """`active` or `revoked`."""
        return "revoked" if self.is_revoked else "active"

    @property
    def summary(self) -> str:
        """One sentence on kind, size and rate, and one on what is not claimed."""
        accounts = f"{len(self.members):,} account{'' if len(self.members) == 1 else 's'}"
        return (
            f"{accounts} under one control made {self.exchanges:,} requests ({self.kind}); false-discovery rate {self.q_value:.1g}. "
            "Logs do not show which organisation directed it."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """All that an export may hold, and what was withheld."""

    terms: Terms
    campaigns: tuple[Campaign, ...]
    withheld: tuple[Withheld, ...]


def read_content(results: Path, terms: Terms) -> Content:
    """What of a results folder may be exported on these terms.

    Raises `UsageError` for a revoked campaign that is not in the results, `StateError` where a table cannot be read, `InputError` for a
    variable `STILLWATCH_KEY` that is no secret.
    """
    rows = sorted(_rows(results, contract.CAMPAIGNS), key=lambda row: (row["first_seen"], row["campaign_id"]))
    for name in sorted(terms.revoked - {row["campaign_id"] for row in rows}):
        raise unknown("campaign of these results", name, [row["campaign_id"] for row in rows])
    key = export_key(results)
    members, links = _by_campaign(results, contract.MEMBERS), _by_campaign(results, contract.LINKS)
    evidence = _by_campaign(results, contract.EVIDENCE)
    holders = _holders(links, {c: {row["account_id"] for row in rows} for c, rows in members.items()})
    campaigns, withheld = [], []
    for at, row in enumerate(rows):
        name = row["campaign_id"]
        before = sum(one["first_seen"] == row["first_seen"] for one in rows[:at])
        shown, kept = _indicators(row, evidence[name], holders, members[name], terms)
        withheld += kept
        campaigns.append(
            _campaign(
                row, terms, shown, members[name], {one["kind"] for one in evidence[name]}, key, _as_of(results, row), before,
            )
        )  # fmt: skip
    return Content(terms=terms, campaigns=tuple(campaigns), withheld=tuple(withheld))


def export_key(results: Path) -> Key:
    """The key of pseudonyms and of campaigns' keys.

    With `STILLWATCH_KEY` the same account has the same pseudonym in every export. Without it the key is made of the folder's own tables,
    which nobody else holds: the same folder gives the same pseudonyms, and another folder gives others.
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
    """The account's name to those who may not know it: 80 bits of a keyed BLAKE2b."""
    return f"acct-{_keyed(key, 'account', account_id, 10)}"


def reason_withheld(kind: str, value: str, members: int, others: int | None, network_class: str) -> str:
    """Why a value may not be exported; empty where it may. `members` and `others` count the accounts that show it."""
    if others is None:
        return "the results do not say how many other accounts show it"
    if others >= CROWD or others > MAX_OTHERS_SHARE * (members + others):
        return f"{others:,} other account{' shows' if others == 1 else 's show'} it"
    if kind in ADDRESSES:
        return _reason_of_network(value, network_class)
    if kind == "tls_fingerprint":
        greeting = tls.parse(value)
        return f"it is that of {greeting.client}" if greeting and greeting.client else ""
    if kind == "user_agent":
        agent = agents.family(value)
        return f"it is that of {agent.family}, which others use too" if agent else ""
    return ""


def _reason_of_network(value: str, network_class: str) -> str:
    try:
        network = ipaddress.ip_network(value, strict=False)
    except ValueError:
        return "it is no address"
    if not network.is_global:
        return "it is no public address, or one that a carrier shares among its customers"
    if network.prefixlen < WIDEST[network.version]:
        return "the range is wider than one network"
    if network_class not in OPEN_CLASSES:
        return f"it lies in a {network_class} network, whose addresses many share"
    return ""


def _rows(results: Path, schema: Any) -> list[dict[str, Any]]:  # noqa: ANN401
    return read_table(results, schema).to_pylist()


def _by_campaign(results: Path, schema: Any) -> Mapping[str, list[dict[str, Any]]]:  # noqa: ANN401
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    if (results / f"{schema.name}.parquet").exists() or schema is contract.MEMBERS:
        for row in _rows(results, schema):
            rows[row["campaign_id"]].append(row)
    return rows


Holders = Mapping[tuple[str, str], Mapping[str, set[str]]]


def _holders(links: Mapping[str, Iterable[Mapping[str, Any]]], members: Mapping[str, set[str]]) -> Holders:
    """Kind and value → campaign → its members that show the value."""
    found: dict[tuple[str, str], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for campaign, rows in links.items():
        for row in rows:
            if row["account_id"] in members[campaign]:
                found[row["kind"], row["value"]][campaign].add(row["account_id"])
    return found


def _indicators(
    row: Mapping[str, Any],
    evidence: Iterable[Mapping[str, Any]],
    holders: Holders,
    members: Iterable[Mapping[str, Any]],
    terms: Terms,
) -> tuple[list[Indicator], list[Withheld]]:
    """Values of a campaign that are exported, and those of the same kinds that are not. Members of other
    campaigns that stand are no `others`; those of revoked ones are.
    """
    name = row["campaign_id"]
    score = {one["account_id"]: one["score"] for one in members}
    kinds = SHARED + (OWN if terms.with_accounts else ())
    shown, withheld = [], []
    for one in sorted(evidence, key=lambda one: (one["kind"], one["value"])):
        place = (one["kind"], one["value"])
        mine = holders[place].get(name, set()) if place in holders else set()
        if one["kind"] not in kinds or not mine:
            continue
        also = [some for c, some in holders[place].items() if c != name and c not in terms.revoked]
        elsewhere = set().union(*also) - mine
        others = None if one["others"] is None else max(0, one["others"] - len(elsewhere))
        reason = reason_withheld(*place, len(mine), others, one["network_class"] or "")
        if reason or others is None:
            withheld.append(Withheld(campaign=name, kind=place[0], value=place[1], reason=reason))
            continue
        probability = sum(score[account] for account in mine) / len(mine)
        shown.append(
            Indicator(
                kind=place[0],
                value=place[1],
                members=len(mine),
                others=others,
                probability=probability,
                confidence=_confidence(probability * len(mine) / (len(mine) + others), row),
            )
        )
    return shown, withheld


def _campaign(
    row: Mapping[str, Any],
    terms: Terms,
    indicators: Iterable[Indicator],
    members: Iterable[Mapping[str, Any]],
    signals: set[str],
    key: Key,
    as_of: datetime,
    before: int,
) -> Campaign:
    first, last = row["first_seen"].astimezone(UTC), row["last_seen"].astimezone(UTC)
    is_revoked = row["campaign_id"] in terms.revoked
    named = [(one, pseudonym(one["account_id"], key)) for one in members]
    return Campaign(
        key=_keyed(key, "campaign", f"{first.isoformat()} {before}", 16),
        name=row["campaign_id"],
        kind=row["kind"],
        first_seen=first,
        last_seen=last,
        modified=max(first, last, as_of) + (STEP if is_revoked else timedelta(0)),
        expires=last + timedelta(days=terms.valid_days),
        exchanges=row["exchanges"],
        q_value=row["q_value"],
        confidence=_confidence(1.0, row),
        capabilities=tuple(row["capabilities"]),
        techniques=techniques(row["kind"], signals),
        members=tuple(
            sorted(
                (
                    Member(
                        name=one["account_id"] if terms.with_accounts else hidden,
                        pseudonym=hidden,
                        probability=one["score"],
                        confidence=_confidence(one["score"], row),
                    )
                    for one, hidden in named
                ),
                key=lambda one: one.name,
            )
        ),
        indicators=tuple(indicators),
        is_revoked=is_revoked,
    )


def _as_of(results: Path, row: Mapping[str, Any]) -> datetime:
    """The last moment of the log, so that results of a longer log are a later version of the same campaign."""
    if not (results / "overview.json").exists():
        return row["last_seen"].astimezone(UTC)
    told = read_json(results, "overview.json").get("last_seen")
    return datetime.fromisoformat(told).astimezone(UTC) if told else row["last_seen"].astimezone(UTC)


def _confidence(probability: float, row: Mapping[str, Any]) -> int:
    """Probability that this holds and that the campaign is none of the false discoveries, rounded down to hundredths."""
    return int(CONFIDENCE * min(max(probability * (1.0 - row["q_value"]), 0.0), 1.0))


def _keyed(key: Key, purpose: str, text: str, size: int) -> str:
    return hashlib.blake2b(text.encode(), key=key.of(purpose), digest_size=size).hexdigest()
