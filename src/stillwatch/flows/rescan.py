"""Judges the sketches in a package again, and compares the results with the package's tables.

Rules of the comparison:

* Numbers agree where they differ by rounding (a relative difference of 10^-9), all other values where they
  are equal. Numbers of owners, and pseudonyms of digests, are compared by the accounts that have them.
* Names break ties: between accounts that are linked alike, and between values that an account shows equally
  often. Under pseudonyms they break other ways. Numbers that differ within the tolerance below are listed
  as near.
* Everything else is a fault of the table that states it.

The tolerance is that of two scans of one log with other names (`scripts/stability.py`): rates within a factor
of 3, evidence within that factor or 1 %, counts within 2 % (at least 1), probabilities within 0.05, times
within two hours; and of the rows of one group, 1 % may differ.
"""

from __future__ import annotations

import json
import math
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.errors import Problem, UsageError
from stillwatch.flows.keyed_log import HEAD
from stillwatch.flows.scan import Options, Progress, scan, silent
from stillwatch.memory.labels import add_all, of_json
from stillwatch.package import alone
from stillwatch.package.alone import MANIFEST, SKETCHES, TABLES
from stillwatch.package.check import Fault, Verdict, read
from stillwatch.package.levels import KEPT, rows_of
from stillwatch.results.folder import TABLES as RESULTS
from stillwatch.results.folder import read_table
from stillwatch.signals.registry import all_indicators

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]
FACTOR = 3.0  # by which a rate may differ
LOG10_FACTOR = math.log10(FACTOR)
SHARE_OF_EVIDENCE = 0.01  # by which evidence may differ, where that is more than the factor
SHARE_OF_COUNT = 0.02
PROBABILITY = 0.05
HOURS = timedelta(hours=2)
SHARE_OF_ROWS = 0.01  # of the rows of one group that may differ
RATES = frozenset({"q_value", "fpr_empirical", "fpr_synthetic"})
EVIDENCE = frozenset(
    "log10_e log10_alert log10_confirm log10_likelihood log10_likelihood_ratio weight".split()
)
TIMES = frozenset("first_seen last_seen detected_at created_at hour".split())
AUTHOR = "package"  # author of the labels that a package states

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
ORDER_OF_TEXTS = ("campaign_id", "texts", "accounts", "exchanges", "first_seen")
NUMBERS_OF_EVIDENCE = ("accounts", "exchanges", "log10_likelihood_ratio", "others", "basis")


@dataclass(slots=True)
class Comparison:
    """The number of values compared, and those that differ within the tolerance and beyond it."""

    compared: int = 0
    near: list[Fault] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def note(self, table: str, what: str, *, is_near: bool) -> None:
        """Add a difference."""
        (self.near if is_near else self.faults).append(Fault(f"{TABLES}{table}.jsonl", what))


def rescan(path: Path, verdict: Verdict, progress: Progress = silent) -> None:
    """Judge the sketches in the package at `path` again, and add to its verdict what differs from its tables.

    Raises `UsageError` where the package holds no sketches.
    """
    files = read(path, [])
    if HEAD not in files:
        raise UsageError(
            Problem(
                fact="the package holds no sketches of the log",
                where=str(path),
                why="`--rescan` judges sketches again",
                fix="stillwatch package RESULTS --level keyed --log LOGS --out PATH",
            )
        )
    manifest = json.loads(files[MANIFEST])
    stated = {
        name[len(TABLES) : -len(".jsonl")]: [json.loads(line)["row"] for line in content.splitlines()]
        for name, content in files.items()
        if name.startswith(TABLES)
    }
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as place:
        _scanned(files, manifest, Path(place), progress)
        found = {
            schema.name: [_shown(row) for row in rows_of(read_table(Path(place) / "results", schema))]
            for schema in RESULTS
            if schema.name in stated
        }
    outcome = compare(stated, found)
    verdict.of_sketches = outcome.compared
    verdict.near = outcome.near
    verdict.faults += outcome.faults
    verdict.not_derived = alone.FROM_NO_SKETCH
    if manifest["scan"]["version"] != __version__:
        verdict.notes.append(
            f"version {manifest['scan']['version']} made the results, and version {__version__} judged the "
            "sketches: install the former where numbers differ"
        )


def _scanned(files: Mapping[str, bytes], manifest: Row, place: Path, progress: Progress) -> None:
    """Scan the sketches of a package with its parameters into the folder `results` of `place`."""
    log = place / "sketches"
    log.mkdir()
    for name, content in files.items():
        if name.startswith(SKETCHES) and name != HEAD:
            (log / Path(name).name).write_bytes(content)
    (place / "labels").mkdir()
    honest = [
        of_json(
            one
            | {
                "verdict": "honest",
                "reason": "stated by the package",
                "author": AUTHOR,
                "at": datetime.now(UTC).isoformat(),
            },
            HEAD,
        )
        for one in json.loads(files[HEAD])["honest"]
    ]
    if honest:
        add_all(place / "labels", honest, AUTHOR)
    given = manifest["scan"]["parameters"]
    options = Options(
        names={},
        accounts=log / "accounts.parquet",
        releases=log / "releases.parquet",
        fdr=given["fdr"],
        seed=manifest["scan"]["seed"],
        without=frozenset(given["without"]),
        shards=given["shards"],
        labels=(place / "labels",),
        named=False,
    )
    scan([str(log)], place / "results", options, progress)


def _shown(row: Row) -> dict[str, Any]:
    """The columns of a row that a keyed package shows; values are pseudonyms already."""
    return {name: value for name, value in row.items() if name in KEPT or name in ("account_id", "value")}


def compare(stated: Tables, found: Tables) -> Comparison:
    """Compare the tables of a package with those of a scan of its sketches."""
    outcome = Comparison()
    shared = {unit.card.name for unit in all_indicators()}
    for name in KEYS:
        mine, theirs = ([_comparable(name, row) for row in tables[name]] for tables in (stated, found))
        if name == "evidence":
            mine, theirs = ([row for row in rows if row["kind"] not in shared] for rows in (mine, theirs))
        if name == "profiles":
            mine, theirs = _by_owner(mine), _by_owner(theirs)
        _rows(name, mine, theirs, outcome)
    _values(stated, found, shared, outcome)
    _texts(stated["texts"], found["texts"], outcome)
    return outcome


def _comparable(table: str, row: Row) -> dict[str, Any]:
    """A row without what does not follow from sketches."""
    hidden = {"network_class", "value"} if table == "evidence" else {"network_class"}
    return {name: value for name, value in row.items() if name not in hidden}


def _by_owner(rows: Iterable[Row]) -> list[dict[str, Any]]:
    """Rows of `profiles` with the first account of an owner in place of the owner's number."""
    kept = list(rows)
    first: dict[int, str] = {}
    for row in kept:
        if row["owner"] is not None:
            first[row["owner"]] = min(first.get(row["owner"], row["account_id"]), row["account_id"])
    return [{**row, "owner": first.get(row["owner"])} for row in kept]


def _rows(table: str, stated: list[Any], found: list[Any], outcome: Comparison) -> None:
    """Compare the rows of a table by its key."""
    key = KEYS[table]
    mine, theirs = _keyed(stated, key), _keyed(found, key)
    size = Counter(place[0] for place in mine.keys() | theirs.keys())
    differing: dict[str, list[tuple[str, bool]]] = defaultdict(list)
    for place in sorted(mine.keys() | theirs.keys(), key=str):
        name = f"{' '.join(str(part) for part in place if part != 0)}"
        if place not in theirs or place not in mine:
            why = "the sketches give no such row" if place not in theirs else "the sketches give this row too"
            differing[place[0]].append((f"{name}: {why}", False))
            continue
        row, other = mine[place], theirs[place]
        outcome.compared += len(row) - len(key)
        for column in row:
            if alone.differs(row[column], other.get(column)):
                what = (
                    f"{name} {column} is stated as {row[column]}, and the sketches give {other.get(column)}"
                )
                differing[place[0]].append((what, is_near(column, row[column], other.get(column))))
    for group, several in differing.items():
        rows_that_differ = sum(not near for _what, near in several)
        is_few = rows_that_differ <= SHARE_OF_ROWS * size[group]
        for what, near in several:
            outcome.note(table, what, is_near=near or is_few)


def _keyed(rows: Iterable[Row], key: tuple[str, ...]) -> dict[tuple[Any, ...], Row]:
    """Rows by their key, with a number for those that have the same."""
    found: dict[tuple[Any, ...], Row] = {}
    times: Counter[tuple[Any, ...]] = Counter()
    for row in rows:
        place = tuple(row[name] for name in key)
        found[(*place, times[place])] = row
        times[place] += 1
    return found


def is_near(column: str, stated: Any, found: Any) -> bool:  # noqa: ANN401  cells of any type
    """Whether two values of a column are equal, or agree within the tolerance."""
    if stated == found:
        return True
    if stated is None or found is None:
        return False
    if column in TIMES:
        return abs(datetime.fromisoformat(stated) - datetime.fromisoformat(found)) <= HOURS
    if not all(isinstance(one, int | float) and not isinstance(one, bool) for one in (stated, found)):
        return False
    apart = abs(stated - found)
    if column in RATES:
        low, high = sorted((stated, found))
        return bool(low > 0 and high <= FACTOR * low)
    if column in EVIDENCE:
        return bool(apart <= max(LOG10_FACTOR, SHARE_OF_EVIDENCE * abs(found)))
    if column == "score":
        return bool(apart <= PROBABILITY)
    return bool(apart <= max(1, SHARE_OF_COUNT * abs(found)))


@dataclass(frozen=True, slots=True)
class Shared:
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

    def differences(self, other: Shared) -> Iterator[tuple[str, str, bool]]:
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
                yield table, f"{name} is stated as {a}, and the sketches give {b}", is_near(name, a, b)


def _values(stated: Tables, found: Tables, shared: set[str], outcome: Comparison) -> None:
    """Compare values that members share: their evidence, and the accounts that are linked by them."""
    mine, theirs = (_of_values(tables, shared) for tables in (stated, found))
    for place in sorted(mine.keys() | theirs.keys()):
        name, others = " ".join(place), list(theirs.get(place, ()))
        missing = []
        for one in mine.get(place, ()):
            same = next((other for other in others if one.value == other.value), None)
            # Numbers in place of digests are pseudonyms in a package; such a value is known by its accounts.
            same = same or next((other for other in others if one.accounts == other.accounts), None)
            if same is None:
                missing.append(one)
                continue
            others.remove(same)
            outcome.compared += len(one.numbers) + len(one.accounts)
            for table, what, near in one.differences(same):
                outcome.note(table, f"{name}, a value of {len(one.accounts)} members: {what}", is_near=near)
        _ties(name, missing, others, outcome)


def _ties(name: str, stated: list[Shared], found: list[Shared], outcome: Comparison) -> None:
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


def _of_values(tables: Tables, shared: set[str]) -> dict[tuple[str, str], list[Shared]]:
    """The shared values of each campaign and kind."""
    linked: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in tables["links"]:
        linked[row["campaign_id"], row["kind"], row["value"]].append(row)
    rows: dict[tuple[str, str, str], Row] = {
        (row["campaign_id"], row["kind"], row["value"]): row
        for row in tables["evidence"]
        if row["kind"] in shared
    }
    found: dict[tuple[str, str], list[Shared]] = defaultdict(list)
    for place in sorted(linked.keys() | rows.keys()):
        campaign, kind, value = place
        row, links = rows.get(place, {}), linked.get(place, [])
        found[campaign, kind].append(
            Shared(
                value=value,
                numbers={name: row.get(name) for name in NUMBERS_OF_EVIDENCE},
                accounts=frozenset(one["account_id"] for one in links),
                weight=max((one["weight"] for one in links), default=0.0),
            )
        )
    return found


def _texts(stated: Iterable[Row], found: Iterable[Row], outcome: Comparison) -> None:
    """Compare the most frequent texts. Of those that are equally frequent and began at one moment, ids of
    exchanges decide which comes first.
    """
    mine, theirs = (
        Counter(
            json.dumps({name: value for name, value in row.items() if name not in ("rank", "account_id")})
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
        is_near(name, a[name], b[name])
        for a, b in zip(missing, more, strict=False)
        for name in ORDER_OF_TEXTS
    )
    for row in missing:
        what = f"{row['campaign_id']}: a text of {row['accounts']} members in {row['exchanges']} exchanges"
        outcome.note("texts", f"{what} does not follow from the sketches", is_near=are_ties)
    if len(more) > len(missing):
        what = f"{len(more) - len(missing)} more texts follow from the sketches"
        outcome.note("texts", what, is_near=False)
