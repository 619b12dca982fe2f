"""Whether a new account belongs to a known campaign, from its first exchanges.

The match weight of Fellegi and Sunter (1969), as for the detector's links, but over families of values that
occur together. Rules:

1. A family counts once: a client's fingerprint and its user agent are one observation, and so are an address,
   its prefix and its network.
2. A family's weight is log10 of the share of members over the share of other accounts that show a value of at
   least that weight. It is valid for the best of several values, since both shares are counted for the best.
3. A family that a newcomer does not share lowers the weight, but at most as if a share `CHANGED` of operators
   had changed it since.
4. Content can only raise the weight, since three exchanges show a few of its templates. Only phrases of
   templates are used, which most members show often: honest accounts also show the items of a harvest.
5. A newcomer is matched at `LEAST_WEIGHT` or more. If families were independent among honest newcomers, at
   most one in 10^`LEAST_WEIGHT` would reach it (the mean of a likelihood ratio is 1);
   docs/methods/first-contact.md has the measured rates.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.results.folder import read_json, read_table

# Kinds of values that depend on each other, of which the heaviest counts.
FAMILIES: Mapping[str, tuple[str, ...]] = {
    "client": ("tls_fingerprint", "user_agent", "request_shape"),
    "network": ("client_address", "client_prefix", "asn"),
    "sign-up": ("email_domain", "email_local_shape", "signup_address", "signup_burst"),
    "payment": ("payment_fingerprint",),
    "content": ("prompt_template", "system_prompt"),
}
# Family of each kind of value.
FAMILY_OF = {kind: family for family, kinds in FAMILIES.items() for kind in kinds}
LEAST_WEIGHT = 4.0  # least log10 weight of a match: chosen, one honest newcomer in 10,000
MOST_EXCHANGES = 3  # first exchanges of a newcomer that are used: chosen
FEWEST_MEMBERS = 3  # least members that show a value, as for the detector's links
LEAST_VALUE = 1.0  # least log10 weight of a value that is used; chosen
LEAST_SHARE = 0.5  # least share of members that show a phrase of a template; chosen
# least frequency of a phrase of a template, as a share of the most frequent phrase; chosen, excludes items
LEAST_OFTEN = 0.3
STEP = 0.5  # width in log10 of the steps in which a family's weight is counted; chosen
CHANGED = 0.3  # share of operators that change one family after an action; chosen
MOST_FOLLOWED = 1_000_000  # newcomers whose first exchanges are stored; chosen, about 1 GB

ShownValue = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyWeights:
    """Log10 weights of one family of a campaign.

    `steps` maps a step (the best value's weight is at least step × `STEP`) to the family's weight; `none`
    is the weight where no value is shared.
    """

    steps: Mapping[int, float]
    none: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What members of one campaign share: log10 weights of values, and weights of families."""

    campaign_id: str
    values: Mapping[ShownValue, float]
    families: Mapping[str, FamilyWeights]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A newcomer that matches a campaign: the log10 weight, the number of exchanges used, and the families
    that matched.
    """

    campaign_id: str
    log10_weight: float
    exchanges: int
    families: tuple[str, ...]


def values_of(request: Mapping[str, Any], sketch: Mapping[str, Any] | None = None) -> Iterator[ShownValue]:
    """Yield kind and value of everything that a request shows, in the form of the indicators of these
    names.

    `request` has columns of the contract's `exchanges` and `accounts`; `sketch` has those of
    `observations`: `phrases`, `system_phrases` and `shape_key`.
    """
    for kind, name in (
        ("tls_fingerprint", "tls_fingerprint"),
        ("user_agent", "user_agent"),
        ("client_address", "client_ip"),
        ("asn", "asn"),
        ("email_domain", "email_domain"),
        ("email_local_shape", "email_local_shape"),
        ("signup_address", "signup_ip"),
        ("payment_fingerprint", "payment_fingerprint"),
    ):
        if (value := request.get(name)) not in (None, ""):
            yield kind, str(value)
    if address := request.get("client_ip"):
        yield "client_prefix", prefix_of(str(address))
    if isinstance(created := request.get("created_at"), datetime):
        yield "signup_burst", str(int(created.timestamp()) // 600)
    if sketch:
        if shape := sketch.get("shape_key"):
            yield "request_shape", str(shape)
        for kind, name in (("prompt_template", "phrases"), ("system_prompt", "system_phrases")):
            for phrase in sketch.get(name) or ():
                yield kind, str(phrase)


def prefix_of(address: str) -> str:
    """The /24 (IPv4) or /48 (IPv6) of an address, in the form of the indicator `client_prefix`."""
    if ":" in address:
        return ":".join([*address.split(":"), "", ""][:3])
    return f"{address.rsplit('.', 1)[0]}.0/24"


def learn(sightings: Iterable[tuple[str, ShownValue]], members: Mapping[str, str]) -> list[Signature]:
    """Signatures of campaigns, sorted by campaign.

    Args:
        sightings: account and value, once for each exchange that shows it.
        members: campaign of each member; all other accounts are the reference.
    """
    shown: dict[str, set[ShownValue]] = defaultdict(set)
    often: dict[str, Counter[ShownValue]] = defaultdict(Counter)
    for account, value in sightings:
        if value[0] in FAMILY_OF:
            shown[account].add(value)
            if account in members and FAMILY_OF[value[0]] == "content":
                often[members[account]][value] += 1
    others = [values for account, values in shown.items() if account not in members]
    held: dict[ShownValue, int] = defaultdict(int)
    for values in others:
        for value in values:
            held[value] += 1
    out = []
    for campaign in sorted(set(members.values())):
        mine = [shown[account] for account in members if members[account] == campaign and account in shown]
        out.append(_signature(campaign, mine, others, held, often[campaign]))
    return out


def _signature(
    campaign: str,
    mine: list[set[ShownValue]],
    others: list[set[ShownValue]],
    held: Mapping[ShownValue, int],
    often: Counter[ShownValue],
) -> Signature:
    """What distinguishes a campaign's members from other accounts: a log10 weight for each value."""
    least_often = LEAST_OFTEN * max(often.values(), default=0)
    count: dict[ShownValue, int] = defaultdict(int)
    for values in mine:
        for value in values:
            count[value] += 1
    weights = {
        value: weight
        for value, number in count.items()
        if number >= FEWEST_MEMBERS
        and (
            FAMILY_OF[value[0]] != "content"
            or (number >= LEAST_SHARE * len(mine) and often[value] >= least_often)
        )
        and (weight := _log_ratio(number, len(mine), held.get(value, 0), len(others))) >= LEAST_VALUE
    }
    families = {}
    for family in FAMILIES:
        inside = np.array([_best(values, weights, family) for values in mine])
        outside = np.array([_best(values, weights, family) for values in others])
        levels = {int(best // STEP) for best in inside if best > 0}
        steps = {
            level: _log_ratio(
                int((inside >= level * STEP).sum()),
                len(mine),
                int((outside >= level * STEP).sum()),
                len(others),
            )
            for level in levels
        }
        without = _log_ratio(int((inside <= 0).sum()), len(mine), int((outside <= 0).sum()), len(others))
        families[family] = FamilyWeights(steps=steps, none=_none(family, without))
    return Signature(campaign_id=campaign, values=weights, families=families)


def _none(family: str, without: float) -> float:
    """Log10 weight of a family of which nothing is shared (rules 3 and 4)."""
    return 0.0 if family == "content" else min(0.0, max(without, float(np.log10(CHANGED))))


def _log_ratio(members: int, of: int, others: int, of_others: int) -> float:
    """Log10 of how much more often members show a value than others, smoothed."""
    return float(np.log10((members + 0.5) / (of + 1)) - np.log10((others + 1) / (of_others + 2)))


def _best(values: Iterable[ShownValue], weights: Mapping[ShownValue, float], family: str) -> float:
    """Largest weight of the values of one family; 0 without one."""
    return max(
        (weights.get(value, 0.0) for value in values if FAMILY_OF.get(value[0]) == family), default=0.0
    )


def of_results(results: Path, excused: Collection[ShownValue] = frozenset()) -> list[Signature]:
    """Signatures of a results folder's campaigns, from the values in its evidence without those that people
    labelled honest (`excused`).

    Digests of text are left out; `learn` has those. For a family of several values it is assumed that no
    other account shows two of them, which gives the least possible weight.
    """
    accounts = _accounts(results)
    sizes = {
        row["campaign_id"]: row["accounts"] for row in read_table(results, contract.CAMPAIGNS).to_pylist()
    }
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in read_table(results, contract.EVIDENCE).to_pylist():
        if (
            row["kind"] in FAMILY_OF
            and row["kind"] not in DIGESTS
            and row["others"] is not None
            and (row["kind"], row["value"]) not in excused
        ):
            rows[row["campaign_id"]].append(row)
    out = []
    for campaign, size in sizes.items():
        rest = max(accounts - size, 1)
        kept = [row for row in rows[campaign] if row["accounts"] >= FEWEST_MEMBERS]
        weights = {
            (row["kind"], row["value"]): weight
            for row in kept
            if (weight := _log_ratio(row["accounts"], size, row["others"], rest)) >= LEAST_VALUE
        }
        families = {}
        for family in FAMILIES:
            mine = [
                row
                for row in kept
                if (row["kind"], row["value"]) in weights and FAMILY_OF[row["kind"]] == family
            ]
            steps = {}
            for level in {int(weights[row["kind"], row["value"]] // STEP) for row in mine}:
                above = [row for row in mine if weights[row["kind"], row["value"]] >= level * STEP]
                widest = max(
                    sum(r["accounts"] for r in above if r["kind"] == kind)
                    for kind in {r["kind"] for r in above}
                )
                steps[level] = _log_ratio(min(size, widest), size, sum(r["others"] for r in above), rest)
            most = max(
                (sum(r["accounts"] for r in mine if r["kind"] == kind) for kind in {r["kind"] for r in mine}),
                default=0,
            )
            without = _log_ratio(max(0, size - most), size, rest, rest)
            families[family] = FamilyWeights(steps=steps, none=_none(family, without) if mine else 0.0)
        out.append(Signature(campaign_id=campaign, values=weights, families=families))
    return out


DIGESTS = ("request_shape", "prompt_template", "system_prompt")  # kinds of values that are digests


def _accounts(results: Path) -> int:
    """Number of accounts of the log that was scanned; 0 where the overview does not have it."""
    overview = read_json(results, "overview.json")
    return int(overview.get("accounts") or 0)


@dataclass(slots=True)
class _Followed:
    exchanges: int = 0
    values: set[ShownValue] = field(default_factory=set)
    found: Contact | None = None


class FirstContact:
    """Match the first exchanges of new accounts with known campaigns; the caller decides which accounts are
    new.

    At most `most_followed` newcomers are stored; beyond that, the one with the oldest last request is
    dropped.
    """

    def __init__(
        self,
        signatures: Iterable[Signature],
        *,
        least_weight: float = LEAST_WEIGHT,
        exchanges: int = MOST_EXCHANGES,
        most_followed: int = MOST_FOLLOWED,
    ) -> None:
        self.signatures = tuple(signatures)
        self.least_weight, self.exchanges, self.most_followed = least_weight, exchanges, most_followed
        self._index: dict[ShownValue, list[Signature]] = defaultdict(list)
        for signature in self.signatures:
            for value in signature.values:
                self._index[value].append(signature)
        self._followed: OrderedDict[str, _Followed] = OrderedDict()

    def see(self, request: Mapping[str, Any], sketch: Mapping[str, Any] | None = None) -> Contact | None:
        """Record a request and return the match of its account; None without one.

        `request` has `account_id` and columns of the request and its account, by the contract's names. Only
        the first `exchanges` requests of an account count; after them, or after a match, the result stays
        the same.
        """
        account = str(request.get("account_id") or "")
        one = self._followed.setdefault(account, _Followed())
        self._followed.move_to_end(account)
        if len(self._followed) > self.most_followed:
            self._followed.popitem(last=False)
        if one.found is None and one.exchanges < self.exchanges:
            one.exchanges += 1
            one.values.update(value for value in values_of(request, sketch) if value in self._index)
            one.found = self.match(one.values, one.exchanges)
            if one.found is not None or one.exchanges == self.exchanges:
                one.values.clear()
        return one.found

    def is_open(self, account: str) -> bool:
        """Whether the account's next request counts."""
        one = self._followed.get(account)
        return one is None or (one.found is None and one.exchanges < self.exchanges)

    def match(self, values: Iterable[ShownValue], exchanges: int = 1) -> Contact | None:
        """The campaign with the greatest weight for these values; None where it is below `least_weight`."""
        held = [value for value in values if value in self._index]
        best: Contact | None = None
        for signature in {id(one): one for value in held for one in self._index[value]}.values():
            total, matched = 0.0, []
            for family, weights in signature.families.items():
                level = _best(held, signature.values, family)
                if level > 0 and weights.steps:
                    step = max((s for s in weights.steps if s <= level // STEP), default=min(weights.steps))
                    total += weights.steps[step]
                    matched.append(family)
                else:
                    total += weights.none
            if total >= self.least_weight and (best is None or total > best.log10_weight):
                best = Contact(
                    campaign_id=signature.campaign_id,
                    log10_weight=total,
                    exchanges=exchanges,
                    families=tuple(matched),
                )
        return best


def sightings(
    exchanges: pa.Table, accounts: pa.Table | None = None, observations: pa.Table | None = None
) -> Iterator[tuple[str, ShownValue]]:
    """Yield account and value for everything in tables of the contract; `observations` belong to
    `exchanges`, in the same order.
    """
    stated = {row["account_id"]: row for row in accounts.to_pylist()} if accounts is not None else {}
    for number, (account, values) in enumerate(_rows(exchanges, observations)):
        del number
        for value in values:
            yield account, value
    for account, row in stated.items():
        for value in values_of(row):
            yield account, value


def _rows(exchanges: pa.Table, observations: pa.Table | None) -> Iterator[tuple[str, list[ShownValue]]]:
    """Account and shown values of each exchange."""
    names = [
        n
        for n in ("account_id", "client_ip", "asn", "user_agent", "tls_fingerprint")
        if n in exchanges.column_names
    ]
    digests = [
        n
        for n in ("phrases", "system_phrases", "shape_key")
        if observations is not None and n in observations.column_names
    ]
    rows = exchanges.select(names).to_pylist()
    drawn: list[Mapping[str, Any] | None] = (
        observations.select(digests).to_pylist() if observations is not None else [None] * len(rows)
    )
    for row, sketch in zip(rows, drawn, strict=True):
        yield row["account_id"], list(values_of(row, sketch))
