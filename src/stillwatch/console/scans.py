"""Copies results folders into the console's database, and follows campaigns and leads over several scans."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlalchemy import Connection, delete, func, insert, select, update

from stillwatch.console.database import Database, chunks, one, put, put_all, put_columns, rows
from stillwatch.console.schema import (
    ACCOUNTS,
    APPEARANCES,
    CASES,
    DETAILS,
    INDICATORS,
    LINKS,
    MEMBERS,
    SCANS,
    SHARED,
)
from stillwatch.contract.table import TableRow
from stillwatch.engine.files import sha256
from stillwatch.memory import record
from stillwatch.memory.identities import SAME_TRACK_OVERLAP, match
from stillwatch.memory.targets import RESULTS_OF_A_STATE
from stillwatch.report.cards import CARDS, card
from stillwatch.report.compare import compare
from stillwatch.report.reading import NAMED_BY, ResultTables, read
from stillwatch.report.texts import Sent
from stillwatch.report.trial import glance, trial
from stillwatch.report.values import Shared
from stillwatch.results.folder import MANIFEST, check_results


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What an import did: the folder, and the numbers of groups and of groups that were not known before.
    `is_new` is False where the folder was imported already.
    """

    folder: Path
    is_new: bool
    groups: int = 0
    new: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannedGroup:
    """A campaign or lead of a scan: its row, its accounts as columns of `MEMBERS`, its links, and
    what pages show.
    """

    row: TableRow
    name: str
    is_lead: bool
    members: Mapping[str, Sequence[Any]]
    links: pa.Table | None
    parts: Mapping[str, Any]

    @property
    def ids(self) -> Sequence[int]:
        """Numbers of the accounts."""
        return self.members["account_id"]


def folders_of_state(state: Path) -> list[Path]:
    """The results folders inside a state: those of a watch, or the state itself where it is one."""
    inside = (state, state / RESULTS_OF_A_STATE)
    return [one for one in inside if (one / "campaigns.parquet").is_file()]


def import_folder(database: Database, folder: Path) -> Found:
    """Copy a results folder in one transaction. A folder whose files were imported already changes nothing.

    Raises `StateError` where the folder is none, or a file of it is damaged.
    """
    check_results(folder)
    folder = folder.resolve()
    mark = folder / MANIFEST
    digest = sha256(mark if mark.is_file() else folder / "campaigns.parquet")
    known = select(SCANS.c.id).where(SCANS.c.folder == str(folder), SCANS.c.digest == digest)
    with database.reading() as db:
        if one(db, known):
            return Found(folder=folder, is_new=False)
    results = read(folder)
    with database.writing() as db:
        if one(db, known):
            return Found(folder=folder, is_new=False)
        scan_id = _scan(db, results, digest)
        ids = _accounts(db, results)
        groups = list(_groups(results, ids))
        overlaps = [_overlaps(db, group.ids) for group in groups]
        named, _split = match(overlaps)
        cases = {_case(db, scan_id, group, named.get(place)): group for place, group in enumerate(groups)}
        _values(db, cases, ids)
    return Found(folder=folder, is_new=True, groups=len(groups), new=len(groups) - len(named))


def _scan(db: Connection, results: ResultTables, digest: str) -> int:
    """Write the row of a scan; returns its number."""
    seen = results.overview
    comparison = compare(results)
    body = {
        "overview": None if seen is None else plain(asdict(seen)),
        "comparison": None if comparison is None else plain(asdict(comparison)),
    }
    row = {
        "folder": str(results.folder),
        "digest": digest,
        "imported_at": record.now(),
        "first_seen": seconds(seen.first_seen) if seen else None,
        "last_seen": seconds(seen.last_seen) if seen else None,
        "accounts": seen.accounts if seen else None,
        "exchanges": seen.exchanges if seen else None,
        "body": body,
    }
    return put(db, SCANS, **row)


def _accounts(db: Connection, results: ResultTables) -> dict[str, int]:
    """Numbers of all accounts of the groups, by name; unknown accounts are added, and known ones updated."""
    facts: dict[str, dict[str, Any]] = {}
    for name in ("members", "lead_members"):
        table = results.tables.get(name)
        if table is None:
            continue
        counts = table["exchanges"].to_pylist() if "exchanges" in table.column_names else [0] * len(table)
        for account, exchanges in zip(table["account_id"].to_pylist(), counts, strict=True):
            row_of_account = facts.setdefault(account, _nothing(account))
            row_of_account["exchanges"] = max(row_of_account["exchanges"], exchanges)
    profiles = results.tables.get("profiles")
    for row in () if profiles is None else profiles.drop_columns(["marks"]).to_pylist():
        if row["account_id"] in facts:
            row_of_account = facts[row["account_id"]]
            row_of_account["exchanges"] = max(row_of_account["exchanges"], row["exchanges"])
            row_of_account |= {name: seconds(row[name]) for name in ("created_at", "first_seen", "last_seen")}
    names = list(facts)
    known = _numbers(db, names)
    new = [row_of_account for name, row_of_account in facts.items() if name not in known]
    put_columns(
        db, ACCOUNTS, {column: [row_of_account[column] for row_of_account in new] for column in _nothing("")}
    )
    for name, number in known.items():
        db.execute(update(ACCOUNTS).where(ACCOUNTS.c.id == number).values(facts[name]))
    return known | _numbers(db, [name for name in names if name not in known])


def _nothing(account: str) -> dict[str, Any]:
    """The row of an account of which nothing is known yet."""
    return {
        "name": account, "exchanges": 0, "created_at": None, "first_seen": None, "last_seen": None,
    }  # fmt: skip


def _numbers(db: Connection, names: Sequence[str]) -> dict[str, int]:
    """Numbers of the accounts that the database has, by name."""
    found: dict[str, int] = {}
    if db.scalar(select(func.count()).select_from(ACCOUNTS)) == 0:
        return found
    for some in chunks(names):
        query = select(ACCOUNTS.c.name, ACCOUNTS.c.id).where(ACCOUNTS.c.name.in_(some))
        found |= dict(db.execute(query).all())
    return found


def _apart(whole: ResultTables) -> Callable[[str], ResultTables]:
    """The results of one group, by its name: each table is sorted once, so that a group's part is a slice."""
    parts: dict[str, tuple[pa.Table, dict[str, tuple[int, int]]]] = {}
    for name, table in whole.tables.items():
        column = NAMED_BY.get(name, "campaign_id")
        if column not in table.column_names:
            continue
        ordered = table.take(pc.sort_indices(table[column]))
        counts = pc.value_counts(ordered[column].combine_chunks())
        ends = np.cumsum(counts.field("counts").to_numpy(zero_copy_only=False)).tolist()
        names = counts.field("values").to_pylist()
        parts[name] = (ordered, dict(zip(names, zip([0, *ends], ends, strict=False), strict=True)))

    def of(group: str) -> ResultTables:
        """The tables of the results, each cut to the rows of one group."""
        tables = {}
        for name, (table, places) in parts.items():
            start, end = places.get(group, (0, 0))
            tables[name] = table.slice(start, end - start)
        return replace(whole, tables=tables)

    return of


def _groups(whole: ResultTables, ids: Mapping[str, int]) -> Iterator[ScannedGroup]:
    """The campaigns and leads of a scan."""
    apart = _apart(whole)
    for number, row in enumerate(whole.campaigns, 1):
        name = row["campaign_id"]
        results = apart(name)
        members = results.of("members", name)
        assert members is not None
        card_of_group = card(results, row, f"campaign-{number}", is_full=number <= CARDS)
        held = ("glance", "trial", "capabilities", "claims", "hypotheses", "rivals", "timeline", "meaning")
        parts = {part: getattr(card_of_group, part) for part in held}
        parts["evidence"] = [*card_of_group.evidence, *card_of_group.evidence_more]
        parts["texts"] = {
            "texts": _without_words(card_of_group.desk.texts),
            "shapes": _without_words(card_of_group.desk.shapes),
        }  # fmt: skip
        parts["spark"] = card_of_group.spark
        parts["shared"] = card_of_group.desk.shared
        yield _group(results, row, name, members, ids, parts)
    table = whole.tables.get("leads")
    for row in () if table is None else table.sort_by("rank").to_pylist():
        name = row["lead_id"]
        results = apart(name)
        members = results.of("lead_members", name)
        if members is not None:
            parts = {"glance": glance(results, name), "trial": trial(results, name, row["accounts"])}
            yield _group(results, row, name, members, ids, parts, lead=True)


def _without_words(some: Sequence[Sent] | None) -> list[Sent] | None:
    """Texts by shape, without what customers wrote."""
    return None if some is None else [replace(one_, words=None) for one_ in some]


def _group(
    results: ResultTables,
    row: TableRow,
    name: str,
    members: pa.Table,
    ids: Mapping[str, int],
    parts: Mapping[str, Any],
    *,
    lead: bool = False,
) -> ScannedGroup:
    """One campaign or lead of a scan."""
    names = members["account_id"].to_pylist()
    counts = members["exchanges"].to_pylist() if "exchanges" in members.column_names else [0] * len(names)
    scores = members["score"].to_pylist() if "score" in members.column_names else [None] * len(names)
    profiles = results.of("profiles", name)
    columns = ["account_id", "owner", "marks", "exchanges"]
    profile_of = (
        {} if profiles is None else {r["account_id"]: r for r in profiles.select(columns).to_pylist()}
    )
    known = [profile_of.get(account, {}) for account in names]
    held = {
        "account_id": [ids[account] for account in names],
        "score": scores,
        "exchanges": [row.get("exchanges", 0) for row in known] if lead else counts,
        "owner": [row.get("owner") for row in known],
        "marks": [" ".join(row.get("marks") or ()) for row in known],
    }
    links = None if lead else results.of("links", name)
    return ScannedGroup(row=row, name=name, is_lead=lead, members=held, links=links, parts=parts)


def _overlaps(db: Connection, ids: Sequence[int]) -> dict[str, int]:
    """Accounts that a group has in common with each known case, by the case's name, where these are enough
    for it to be the same (`memory.identities`).
    """
    if db.scalar(select(func.count()).select_from(APPEARANCES)) == 0:
        return {}
    shared: Counter[int] = Counter()
    for some in chunks(ids):
        query = (
            select(MEMBERS.c.case_id, func.count())
            .where(MEMBERS.c.account_id.in_(some))
            .group_by(MEMBERS.c.case_id)
        )
        for case, number in db.execute(query):
            shared[case] += number
    found = {}
    for some in chunks(list(shared)):
        for row in rows(db, select(CASES.c.id, CASES.c.name, CASES.c.accounts).where(CASES.c.id.in_(some))):
            if shared[row["id"]] >= SAME_TRACK_OVERLAP * min(len(ids), row["accounts"]):
                found[row["name"]] = shared[row["id"]]
    return found


def _case(db: Connection, scan_id: int, group: ScannedGroup, known: str | None) -> int:
    """Write a group's case, with members, parts and its place in the history; returns the case's number."""
    row = group.row
    trial = group.parts.get("trial")
    nearest = next(iter(trial.nearest), None) if trial else None
    facts = {
        "group_id": group.name,
        "is_lead": group.is_lead,
        "kind": "lead" if group.is_lead else row["kind"],
        "scan_id": scan_id,
        "accounts": len(group.ids),
        "exchanges": row["exchanges"],
        "first_seen": seconds(row.get("first_seen")),
        "last_seen": seconds(row.get("last_seen")),
        "explanation": row.get("explanation"),
        "log10_e": row["log10_e"] if group.is_lead else nearest.log10_e if nearest else None,
        "body": plain({key: value for key, value in row.items() if key not in ("accounts", "exchanges")})
        | {"spark": group.parts.get("spark")},
    }
    before: set[int] = set()
    if known is None:
        number = put(db, CASES, name="", **facts)
        db.execute(update(CASES).where(CASES.c.id == number).values(name=f"K{number}"))
    else:
        number = int(db.scalar(select(CASES.c.id).where(CASES.c.name == known)) or 0)
        before = set(db.scalars(select(MEMBERS.c.account_id).where(MEMBERS.c.case_id == number)))
        db.execute(update(CASES).where(CASES.c.id == number).values(facts))
        for table in (MEMBERS, LINKS, SHARED, DETAILS):
            db.execute(delete(table).where(table.c.case_id == number))
    now = set(group.ids)
    db.execute(
        insert(APPEARANCES).values(
            case_id=number,
            scan_id=scan_id,
            group_id=group.name,
            is_lead=group.is_lead,
            kind=facts["kind"],
            accounts=len(now),
            exchanges=facts["exchanges"],
            joined=len(now - before),
            gone=len(before - now),
            log10_e=facts["log10_e"],
        )
    )
    put_columns(db, MEMBERS, {"case_id": [number] * len(group.ids), **group.members})
    put_all(
        db,
        DETAILS,
        (
            {"case_id": number, "part": part, "body": plain(value)}
            for part, value in group.parts.items()
            if value is not None and part not in ("spark", "shared")
        ),
    )
    return number


def _values(db: Connection, groups: Mapping[int, ScannedGroup], ids: Mapping[str, int]) -> None:
    """Write the values that members share, and who shares them. `groups` are keyed by the case's number."""
    shared = {case: group.parts.get("shared") or () for case, group in groups.items()}
    number_of = _indicators(db, [one for some in shared.values() for one in some])
    put_all(
        db,
        SHARED,
        (
            {
                "case_id": case,
                "indicator_id": number_of[one.kind, one.value],
                "accounts": one.accounts,
                "log10": _finite(one.log10),
            }
            for case, some in shared.items()
            for one in some
        ),
    )
    for case, group in groups.items():
        _link(db, group, case, ids, number_of)
    for some in chunks(list(number_of.values())):
        query = (
            select(SHARED.c.indicator_id, func.sum(SHARED.c.accounts), func.count())
            .where(SHARED.c.indicator_id.in_(some))
            .group_by(SHARED.c.indicator_id)
        )
        for value, accounts, cases in db.execute(query).all():
            db.execute(
                update(INDICATORS).where(INDICATORS.c.id == value).values(accounts=accounts, cases=cases)
            )


def _link(
    db: Connection,
    group: ScannedGroup,
    case: int,
    ids: Mapping[str, int],
    number_of: Mapping[tuple[str, str], int],
) -> None:
    """Write which accounts of a group show which shared values, each once with its greatest weight."""
    if group.links is None or not len(group.links):
        return
    each = group.links.group_by(["account_id", "kind", "value"]).aggregate([("weight", "max")])
    accounts, kinds, values, weights = (
        each[name].to_pylist() for name in ("account_id", "kind", "value", "weight_max")
    )
    known = [place for place, account in enumerate(accounts) if account in ids]
    put_columns(
        db,
        LINKS,
        {
            "indicator_id": [number_of[kinds[i], values[i]] for i in known],
            "account_id": [ids[accounts[i]] for i in known],
            "case_id": [case] * len(known),
            "weight": [_finite(weights[i]) for i in known],
        },
    )


def _indicators(db: Connection, wanted: Sequence[Shared]) -> dict[tuple[str, str], int]:
    """Numbers of shared values by kind and value; unknown ones are added."""
    pairs = {(one.kind, one.value): one for one in wanted}
    found = _known_values(db, list(pairs))
    new = [one for pair, one in pairs.items() if pair not in found]
    put_all(
        db,
        INDICATORS,
        (
            {
                "kind": one.kind,
                "value": one.value,
                "label": "" if one.is_opaque else one.label,
                "about": one.about,
                "accounts": 0,
                "cases": 0,
                "others": one.others,
                "network_class": one.network_class,
            }
            for one in new
        ),
    )
    return found | _known_values(db, [(one.kind, one.value) for one in new])


def _known_values(db: Connection, wanted: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """Numbers of the values that the database has, by kind and value."""
    found: dict[tuple[str, str], int] = {}
    held = set(wanted)
    for some in chunks([value for _kind, value in wanted]):
        query = select(INDICATORS.c.kind, INDICATORS.c.value, INDICATORS.c.id).where(
            INDICATORS.c.value.in_(some)
        )
        found |= {(kind, value): n for kind, value, n in db.execute(query) if (kind, value) in held}
    return found


def prompts_of(database: Database, case_id: int) -> list[dict[str, Any]] | None:
    """The words of a case's frequent texts, read from its results folder now; None where the folder has
    none. They are stored nowhere.
    """
    import pyarrow.parquet as pq

    with database.reading() as db:
        found = one(
            db,
            select(SCANS.c.folder, CASES.c.group_id)
            .join(SCANS, SCANS.c.id == CASES.c.scan_id)
            .where(CASES.c.id == case_id),
        )
    path = Path(found["folder"]) / "prompts.parquet" if found else None
    if found is None or path is None or not path.is_file():
        return None
    try:
        table = pq.read_table(path)
        kept = table.filter(pc.equal(table["campaign_id"], found["group_id"]))
    except (OSError, KeyError, pa.ArrowException):
        return None
    return [
        {"rank": row.get("rank"), "text": row.get("prompt") or "", "language": row.get("language")}
        for row in kept.slice(0, 200).to_pylist()
    ]


def seconds(at: datetime | None) -> float | None:
    """A moment as seconds since 1970; None for None."""
    return at.timestamp() if at is not None else None


def _finite(value: float) -> float:
    """A number that a database can store: NaN becomes 0, an infinity 10^6 with its sign."""
    return value if math.isfinite(value) else math.copysign(1e6, value) if value == value else 0.0


def plain(value: Any) -> Any:  # noqa: ANN401  any JSON
    """A value as JSON has it: dataclasses as objects, moments as seconds since 1970, infinite numbers cut."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: plain(getattr(value, name)) for name in value.__dataclass_fields__}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner) for inner in value]
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, float):
        return _finite(value)
    if isinstance(value, np.generic):
        return plain(value.item())
    return value if value is None or isinstance(value, (str, int, bool)) else str(value)
