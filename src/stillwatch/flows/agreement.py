"""Compares the tables of a package with those of a scan of the sketches in it.

Rules:

* Numbers agree where they differ by rounding (a relative difference of 10^-9), all other values where they
  are equal. Numbers of owners, and pseudonyms of digests, are compared by the accounts that have them.
* The order of names decides between accounts that are linked alike, between values that an account shows
  equally often, and which senders of one text the test `work_queue` compares. Pseudonyms have another order.
  Numbers that differ within the tolerance below are listed as near.
* Everything else is a fault of the table that states it.

The tolerance is that of two scans of one log with other names (`scripts/stability.py`): rates within a factor
of 3, evidence within that factor or 5 % (of a test that speaks against control, 10^5), probabilities within
0.05, times within two hours. Counts within 2 % (at least 1), of accounts by their main value within 15 % (at
least 6); the exchanges of members that one side alone has come on top, to 1 % of the campaign's. Of the rows
of one group, one in a hundred may be missing, be there besides, or have other words.
"""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from stillwatch.package import alone
from stillwatch.package.alone import MANIFEST, TABLES
from stillwatch.package.check import Fault
from stillwatch.signals.registry import all_indicators

PackageRow = Mapping[str, Any]
"""A row of a table in a package."""
PackageTables = Mapping[str, Sequence[PackageRow]]
FACTOR = 3.0  # by which a rate may differ
LOG10_FACTOR = math.log10(FACTOR)  # the same for evidence, in log10
# By which evidence may differ, where that is more than the factor: chosen, twice what was measured on the
# demo under other names.
SHARE_OF_EVIDENCE = 0.05
# By which the evidence of a test may differ where it speaks against control on both sides: measured, four
# standard deviations of `work_queue` under 40 random orders of names (0.7 to 1.1 in the demo), rounded up.
AGAINST = 5.0
SHARE_OF_COUNT = 0.02  # share by which a count may differ, which is at least 1: chosen
# By which counts of accounts by their main value may differ, since ties decide what is one: chosen, about
# twice what was measured on a lead of a third of the demo's size (73 and 68, 25 and 22).
OF_MAIN_VALUES = frozenset({"marked", "most", "different"})
SHARE_OF_MAIN, LEAST_OF_MAIN = 0.15, 6  # a share, and at least so many accounts
PROBABILITY = 0.05  # by which a probability may differ: chosen
HOURS = timedelta(hours=2)  # by which a time may differ: chosen, as in `scripts/stability.py`
SHARE_OF_ROWS = 0.01  # of the rows of one group that may differ
# Columns of rates, of evidence and of times.
RATES = frozenset({"q_value", "fpr_empirical", "fpr_synthetic"})
EVIDENCE = frozenset(
    "log10_e log10_alert log10_confirm log10_likelihood log10_likelihood_ratio weight".split()
)
TIMES = frozenset("first_seen last_seen detected_at created_at hour".split())

KEYS: Mapping[str, tuple[str, ...]] = {
    "campaigns": ("campaign_id",),
    "members": ("campaign_id", "account_id"),
    "timeline": ("campaign_id", "hour"),
    "hypotheses": ("campaign_id", "hypothesis"),
    "claims": ("campaign_id", "claim"),
    "capabilities": ("campaign_id", "capability"),
    "leads": ("lead_id",),
    "lead_members": ("lead_id", "account_id"),
    "explanations": ("group_id", "explanation"),
    "profiles": ("group_id", "account_id"),
    "common": ("group_id", "trait"),
    "glance": ("group_id", "trait", "speaks"),
    "evidence": ("campaign_id", "kind"),
}
"""Columns that identify a row, by table; the first one names its group."""
# Numbers of the whole log that are compared.
OF_OVERVIEW = frozenset(
    "accounts candidates compared duplicates exchanges fdr first_seen last_seen leads seed".split()
)
# Columns of `texts` by which rows of one rank are matched.
ORDER_OF_TEXTS = ("campaign_id", "texts", "accounts", "exchanges", "first_seen")
# Columns of `evidence` that are compared for a value that members share.
NUMBERS_OF_EVIDENCE = ("accounts", "exchanges", "log10_likelihood_ratio", "others", "basis")


@dataclass(slots=True)
class TableAgreement:
    """The number of values compared, and those that differ within the tolerance and beyond it."""

    compared: int = 0
    near: list[Fault] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def note(self, table: str, what: str, *, is_near: bool) -> None:
        """Add a difference."""
        (self.near if is_near else self.faults).append(Fault(f"{TABLES}{table}.jsonl", what))


def compare(stated: PackageTables, found: PackageTables) -> TableAgreement:
    """Compare the tables of a package with those of a scan of its sketches."""
    outcome = TableAgreement()
    shared = {unit.card.name for unit in all_indicators()}
    slack = _slack(stated["members"], found["members"])
    for name in KEYS:
        mine, theirs = ([_comparable(name, row) for row in tables[name]] for tables in (stated, found))
        if name == "evidence":
            mine, theirs = ([row for row in rows if row["kind"] not in shared] for rows in (mine, theirs))
        if name == "profiles":
            _marks(mine, theirs, outcome)
            mine, theirs = _by_owner(mine), _by_owner(theirs)
        _rows(name, mine, theirs, slack, outcome)
    _values(stated, found, shared, slack, outcome)
    _texts(stated["texts"], found["texts"], slack, outcome)
    return outcome


def _slack(stated: Iterable[PackageRow], found: Iterable[PackageRow]) -> dict[str, float]:
    """By campaign, the exchanges of members that one side alone has, at most `SHARE_OF_ROWS` of all."""
    mine, theirs = (
        {(row["campaign_id"], row["account_id"]): int(row["exchanges"]) for row in rows}
        for rows in (stated, found)
    )
    slack: dict[str, float] = defaultdict(float)
    total: Counter[str] = Counter()
    for (campaign, account), exchanges in theirs.items():
        total[campaign] += exchanges
        slack[campaign] += 0 if (campaign, account) in mine else exchanges
    for (campaign, account), exchanges in mine.items():
        slack[campaign] += 0 if (campaign, account) in theirs else exchanges
    return {name: min(number, SHARE_OF_ROWS * total[name]) for name, number in slack.items()}


def compare_overview(stated: PackageRow, found: PackageRow, outcome: TableAgreement) -> None:
    """Compare what the manifest states of the whole log."""
    for name in OF_OVERVIEW & stated.keys():
        outcome.compared += 1
        a, b = stated[name], found[name]
        if alone.differs(a, b):
            what = f"overview {name} is stated as {a}, and the sketches give {b}"
            near = is_near(name, a, b)
            (outcome.near if near else outcome.faults).append(Fault(MANIFEST, what))


def _comparable(table: str, row: PackageRow) -> dict[str, Any]:
    """A row without what does not follow from sketches."""
    hidden = {"network_class", "value"} if table == "evidence" else {"network_class"}
    return {name: value for name, value in row.items() if name not in hidden}


def _by_owner(rows: Iterable[PackageRow]) -> list[dict[str, Any]]:
    """Rows of `profiles` without marks, with the first account of an owner in place of the owner's number."""
    kept = list(rows)
    first: dict[int, str] = {}
    for row in kept:
        if row["owner"] is not None:
            first[row["owner"]] = min(first.get(row["owner"], row["account_id"]), row["account_id"])
    shown = ({name: value for name, value in row.items() if name != "marks"} for row in kept)
    return [row | {"owner": first.get(row["owner"])} for row in shown]


def _marks(stated: Iterable[PackageRow], found: Iterable[PackageRow], outcome: TableAgreement) -> None:
    """Compare by group and explanation how many accounts carry its mark. Which ones do may differ: of two
    values that equally many of a group show, the first by name is its mark.
    """
    mine, theirs = (
        {(row["group_id"], row["account_id"]): frozenset(row["marks"]) for row in rows}
        for rows in (stated, found)
    )
    counts = [
        Counter((group, mark) for (group, _account), marks in side.items() for mark in marks)
        for side in (mine, theirs)
    ]
    outcome.compared += len(counts[0])
    for place in sorted(counts[0].keys() | counts[1].keys()):
        a, b = (side[place] for side in counts)
        if a != b:
            what = f"{place[0]} {place[1]} marks {a} accounts, and {b} by the sketches"
            outcome.note("profiles", what, is_near=is_near("marked", a, b))
    others = Counter(place[0] for place in mine.keys() & theirs.keys() if mine[place] != theirs[place])
    for group, accounts in sorted(others.items()):
        outcome.note("profiles", f"{group}: other marks by account: {accounts}", is_near=True)


def _rows(
    table: str, stated: list[Any], found: list[Any], slack: Mapping[str, float], outcome: TableAgreement
) -> None:
    """Compare the rows of a table by its key."""
    key = KEYS[table]
    mine, theirs = _keyed(stated, key), _keyed(found, key)
    size = Counter(place[0] for place in mine.keys() | theirs.keys())
    others: dict[str, list[str]] = defaultdict(list)  # differences of what is no number, by group
    for place in sorted(mine.keys() | theirs.keys(), key=str):
        name, group = " ".join(map(str, place[:-1])), place[0]
        if place not in theirs or place not in mine:
            more = (
                "the sketches give no such row" if place not in theirs else "the sketches give this row too"
            )
            others[group].append(f"{name}: {more}")
            continue
        row, other = mine[place], theirs[place]
        outcome.compared += len(row) - len(key)
        for column in row:
            a, b = row[column], other.get(column)
            if not alone.differs(a, b):
                continue
            what = f"{name} {column} is stated as {a}, and the sketches give {b}"
            if column in TIMES or (_is_number(a) and _is_number(b)):
                free = slack.get(group, 0.0) if table != "members" else 0.0
                outcome.note(table, what, is_near=is_near(column, a, b, free))
            else:
                others[group].append(what)
    for group, several in others.items():
        for what in several:
            outcome.note(table, what, is_near=len(several) <= SHARE_OF_ROWS * size[group])


def _keyed(rows: Iterable[PackageRow], key: tuple[str, ...]) -> dict[tuple[Any, ...], PackageRow]:
    """Rows by their key, with a number for those that have the same."""
    found: dict[tuple[Any, ...], PackageRow] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        place = tuple(row[name] for name in key)
        found[(*place, times[place])] = row
        times[place] += 1
    return found


def _is_number(value: Any) -> bool:  # noqa: ANN401  any cell
    """Whether a cell is a number; truth values are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_near(column: str, stated: Any, found: Any, slack: float = 0.0) -> bool:  # noqa: ANN401  any cells
    """Whether two values of a column agree within the tolerance; counts may differ by `slack` as well."""
    if stated == found:
        return True
    if stated is None or found is None:
        return False
    if column in TIMES:
        return abs(datetime.fromisoformat(stated) - datetime.fromisoformat(found)) <= HOURS
    if not (_is_number(stated) and _is_number(found)):
        return False
    apart = abs(stated - found)
    if column in RATES:
        low, high = sorted((stated, found))
        return bool(low > 0 and high <= FACTOR * low)
    if column in EVIDENCE:
        is_against = column == "log10_likelihood_ratio" and max(stated, found) < 0
        least = AGAINST if is_against else LOG10_FACTOR
        return bool(apart <= max(least, SHARE_OF_EVIDENCE * abs(found)))
    if column == "score":
        return bool(apart <= PROBABILITY)
    least, share = (LEAST_OF_MAIN, SHARE_OF_MAIN) if column in OF_MAIN_VALUES else (1, SHARE_OF_COUNT)
    return bool(apart <= max(least, slack, share * abs(found)))


@dataclass(frozen=True, slots=True)
class SharedValues:
    """A value that members share: its name (a pseudonym, or a number in place of a digest), the numbers of
    its evidence, and the accounts linked by it with the weight.
    """

    value: str
    numbers: Mapping[str, Any]
    accounts: frozenset[str]
    weight: float

    @property
    def rank(self) -> tuple[float, int]:
        """What decides whether it is shown."""
        return self.weight, len(self.accounts)

    def differences(self, other: SharedValues, slack: float) -> Iterator[tuple[str, str, bool]]:
        """Yield the table, the difference as a phrase, and whether it is within the tolerance."""
        apart = len(self.accounts ^ other.accounts)
        if apart:
            few = apart <= max(1, SHARE_OF_COUNT * len(other.accounts))
            yield "links", f"{apart} accounts are linked otherwise", few
        stated, found = ({**one.numbers, "weight": one.weight} for one in (self, other))
        for name in stated.keys() | found.keys():
            a, b = stated.get(name), found.get(name)
            if alone.differs(a, b):
                table = "links" if name == "weight" else "evidence"
                yield table, f"{name} is stated as {a}, and the sketches give {b}", is_near(name, a, b, slack)


def _values(
    stated: PackageTables,
    found: PackageTables,
    shared: set[str],
    slack: Mapping[str, float],
    outcome: TableAgreement,
) -> None:
    """Compare values that members share: their evidence, and the accounts that are linked by them."""
    mine, theirs = (_of_values(tables, shared) for tables in (stated, found))
    for place in sorted(mine.keys() | theirs.keys()):
        name, left, others = " ".join(place), list(mine.get(place, ())), list(theirs.get(place, ()))
        few = slack.get(place[0], 0.0)
        for one, same in _pairs(left, others, few):
            left.remove(one)
            others.remove(same)
            outcome.compared += len(one.numbers) + len(one.accounts)
            for table, what, near in one.differences(same, few):
                outcome.note(table, f"{name}, a value of {len(one.accounts)} members: {what}", is_near=near)
        _ties(name, left, others, outcome)


def _pairs(
    stated: list[SharedValues], found: list[SharedValues], slack: float
) -> list[tuple[SharedValues, SharedValues]]:
    """Pairs of a value in both lists: of one name; else equal in all else, since numbers in place of digests
    are pseudonyms in a package; else with the same accounts.
    """
    pairs: list[tuple[SharedValues, SharedValues]] = []
    for is_same in (
        lambda one, other: one.value == other.value,
        lambda one, other: not any(one.differences(other, slack)),
        lambda one, other: one.accounts == other.accounts,
    ):
        for one in stated:
            if not any(one is done for done, _same in pairs):
                free = (two for two in found if not any(two is done for _one, done in pairs))
                same = next((other for other in free if is_same(one, other)), None)
                pairs += [(one, same)] if same is not None else []
    return pairs


def _ties(name: str, stated: list[SharedValues], found: list[SharedValues], outcome: TableAgreement) -> None:
    """Compare values that are shown by one side only. Of values that are shared equally, those are shown that
    come first in the order of their names.
    """
    ranks = zip(*(sorted(one.rank for one in several) for several in (stated, found)), strict=False)
    are_equal = len(stated) == len(found) and all(
        is_near("weight", a, b) and is_near("accounts", m, n) for (a, m), (b, n) in ranks
    )
    why = "others of the same rank follow from the sketches" if are_equal else "it does not follow from them"
    for one in stated:
        what = f"{name}, a value of {len(one.accounts)} members with weight {one.weight:.6g}: {why}"
        outcome.note("evidence", what, is_near=are_equal)
    if len(found) > len(stated):
        what = f"{name}: {len(found) - len(stated)} more values follow from the sketches"
        outcome.note("evidence", what, is_near=False)


def _of_values(tables: PackageTables, shared: set[str]) -> dict[tuple[str, str], list[SharedValues]]:
    """The shared values of each campaign and kind."""
    linked: dict[tuple[str, str, str], list[PackageRow]] = defaultdict(list)
    for row in tables["links"]:
        linked[row["campaign_id"], row["kind"], row["value"]].append(row)
    rows: dict[tuple[str, str, str], PackageRow] = {
        (row["campaign_id"], row["kind"], row["value"]): row
        for row in tables["evidence"]
        if row["kind"] in shared
    }
    found: dict[tuple[str, str], list[SharedValues]] = defaultdict(list)
    for place in sorted(linked.keys() | rows.keys()):
        campaign, kind, value = place
        row, links = rows.get(place, {}), linked.get(place, [])
        found[campaign, kind].append(
            SharedValues(
                value=value,
                numbers={name: row.get(name) for name in NUMBERS_OF_EVIDENCE},
                accounts=frozenset(one["account_id"] for one in links),
                weight=max((one["weight"] for one in links), default=0.0),
            )
        )
    return found


def _texts(
    stated: Iterable[PackageRow],
    found: Iterable[PackageRow],
    slack: Mapping[str, float],
    outcome: TableAgreement,
) -> None:
    """Compare the most frequent texts. Of those that are equally frequent and began at one moment, ids of
    exchanges decide which comes first.
    """
    mine, theirs = (
        Counter(
            json.dumps(
                {name: value for name, value in row.items() if name not in ("rank", "account_id")},
                sort_keys=True,
            )
            for row in rows
        )
        for rows in (stated, found)
    )
    outcome.compared += sum(len(json.loads(row)) * times for row, times in mine.items())
    missing, more = (
        sorted((json.loads(row) for row in rows.elements()), key=lambda row: [row[n] for n in ORDER_OF_TEXTS])
        for rows in (mine - theirs, theirs - mine)
    )
    are_ties = len(missing) == len(more) and all(
        is_near(name, a[name], b[name], slack.get(a["campaign_id"], 0.0))
        for a, b in zip(missing, more, strict=False)
        for name in ORDER_OF_TEXTS
    )
    for row in missing:
        what = f"{row['campaign_id']}: a text of {row['accounts']} members in {row['exchanges']} exchanges"
        why = "others of the same rank follow" if are_ties else "it does not follow"
        outcome.note("texts", f"{what}: {why} from the sketches", is_near=are_ties)
    if len(more) > len(missing):
        what = f"{len(more) - len(missing)} more texts follow from the sketches"
        outcome.note("texts", what, is_near=False)
