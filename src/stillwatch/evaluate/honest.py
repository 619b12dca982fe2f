"""Honest worlds: an ordinary crowd with the groups of innocent explanations in it, and what a scan
reports of them.
"""

from __future__ import annotations

import resource
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.table import TableSchema
from stillwatch.contract.truth import TRUTH
from stillwatch.evaluate.matrix import MIN_GROUP, MOST_IN_GROUPS, Cell
from stillwatch.flows.scan import Options, scan
from stillwatch.results.folder import read_table
from stillwatch.signals.registry import all_explanations
from stillwatch.simulate.crowds import Crowd, Setting, ordinary, setting, tables
from stillwatch.simulate.population import DAY, MODELS, SECOND
from stillwatch.simulate.prompts import Texts, read_prompts
from stillwatch.stats.arrays import Ints

# Schema of the table that names the group of each honest account.
GROUPS = pa.schema([pa.field("account_id", pa.string()), pa.field("group", pa.string())])
MAX_GROUP = 2_500  # accounts of one group; chosen, keeps one draw below about 2 GB of memory
MAX_SHARE_OF_GROUP = 0.25  # share of a world's accounts that one group may have; chosen
SLICE = 5_000  # ordinary accounts drawn at a time; chosen, about 600,000 exchanges of a week
SHORTEST_DAYS, LONGEST_DAYS = 4, 16  # days of a world whose length is drawn; chosen
MOST_TEXTS = (
    40_000  # real openings used in one world; chosen, bounds the time for counting topics text by text
)


@dataclass(frozen=True, slots=True, kw_only=True)
class HonestWorld:
    """Counts of a world that was written: accounts by group (`sizes`), and accounts, exchanges and days of
    the whole world.
    """

    sizes: dict[str, int]
    accounts: int
    exchanges: int
    days: int


def write_world(
    names: Sequence[str], seed: int, out: Path, *, accounts: int, days: int = 0, prompts: Path | None = None
) -> HonestWorld:
    """Write an honest world of `accounts` accounts into the new folder `out`; the same arguments give the
    same bytes.

    The files are `exchanges/`, `accounts`, `releases` and `truth` of the contract (no account is in a
    campaign) and `groups`, the explanation of each account, null for the ordinary crowd. All groups
    together have at most three fifths of all accounts. At most one group or one slice of the ordinary crowd
    is in memory.

    Args:
        names: explanations; each has one group, from 15 accounts to a quarter of all, drawn log-uniformly.
        seed: seed of all draws.
        out: folder to be written.
        accounts: number of accounts of the world.
        days: number of days; drawn from 4 to 16 where 0.
        prompts: file of real prompts whose honest texts open conversations; None for generated texts.

    Raises:
        InputError: for a prompts file that cannot be read.
    """
    rng = np.random.default_rng([seed, *"+".join(names).encode()])
    days = days or int(rng.integers(SHORTEST_DAYS, LONGEST_DAYS + 1))
    where = setting(rng, days, _texts(rng, prompts))
    sizes = _sizes(rng, len(names), accounts)
    stated: list[pa.Table] = []
    groups: list[pa.Table] = []
    exchanges = 0
    first_use = np.full(len(MODELS), where.end, np.int64)
    (out / "exchanges").mkdir(parents=True)
    with pq.ParquetWriter(out / "truth.parquet", TRUTH.arrow, compression="zstd") as truths:
        for part, (name, crowd) in enumerate(_crowds(rng, names, sizes, accounts, where)):
            rows, people, group = tables([crowd], rng)
            _note_models(crowd, first_use)
            _write_days(rows, out / "exchanges", part, where)
            campaign = pa.nulls(rows.num_rows, pa.string())
            ids = [rows.column("exchange_id"), rows.column("account_id"), campaign]
            truths.write_table(pa.table(ids, schema=TRUTH.arrow))
            stated.append(people)
            label = pa.array([name] * len(crowd), pa.string())
            groups.append(pa.table([group.column("account_id"), label], schema=GROUPS))
            exchanges += rows.num_rows
    mixed = pa.array(rng.permutation(sum(table.num_rows for table in groups)))
    _write(ACCOUNTS.conform(pa.concat_tables(stated).take(mixed)), out / "accounts.parquet")
    _write(pa.concat_tables(groups).take(mixed), out / "groups.parquet")
    _write(_releases(where, first_use), out / "releases.parquet")
    return HonestWorld(
        sizes=dict(zip(names, sizes, strict=True)), accounts=len(mixed), exchanges=exchanges, days=days
    )


def _texts(rng: np.random.Generator, prompts: Path | None) -> Texts | None:
    """At most `MOST_TEXTS` texts from a file; None without a file."""
    if prompts is None:
        return None
    honest = read_prompts(prompts).honest
    return honest if len(honest) <= MOST_TEXTS else rng.choice(honest, MOST_TEXTS, replace=False)


def _sizes(rng: np.random.Generator, groups: int, accounts: int) -> list[int]:
    """Random sizes of honest groups, which together leave room for ordinary accounts."""
    most = max(MIN_GROUP, min(MAX_SHARE_OF_GROUP * accounts, MAX_GROUP))
    drawn = np.exp(rng.uniform(np.log(MIN_GROUP), np.log(most), groups))
    room = MOST_IN_GROUPS * accounts - MIN_GROUP * groups  # of accounts above the least of each group
    above = (drawn - MIN_GROUP) * min(1.0, room / max((drawn - MIN_GROUP).sum(), 1.0))
    return [MIN_GROUP + int(extra) for extra in above]


def _crowds(
    rng: np.random.Generator, names: Sequence[str], sizes: Sequence[int], accounts: int, where: Setting
) -> Iterator[tuple[str | None, Crowd]]:
    """Yield each group with its explanation, then the ordinary crowd in slices, with None."""
    known = {one.card.name: one for one in all_explanations()}
    for name, size in zip(names, sizes, strict=True):
        yield name, known[name].draw(rng, size, where)
    left = accounts - sum(sizes)
    while left > 0:
        size = min(left, SLICE)
        yield None, ordinary(rng, size, where)
        left -= size


def _note_models(crowd: Crowd, first_use: Ints) -> None:
    """Set `first_use` of each model, in place, to the crowd's first exchange with it where that is
    earlier.
    """
    for number, model in enumerate(MODELS):
        at = crowd.exchanges["at"][crowd.exchanges["model"] == model]
        first_use[number] = min(first_use[number], at.min(initial=first_use[number]))


def _write_days(rows: pa.Table, folder: Path, part: int, where: Setting) -> None:
    """Write exchanges, sorted by time, as one more file per day; each account's key is named after the
    account.
    """
    key = pc.replace_substring(rows.column("account_id"), "acct_", "key_", max_replacements=1)
    rows = rows.set_column(rows.schema.get_field_index("api_key_id"), "api_key_id", key)
    at = rows.column("timestamp").cast(pa.int64()).to_numpy()
    begins = where.start + np.arange(where.days + 1) * DAY
    edges = np.searchsorted(at, begins).tolist()
    for day, low, high in zip(begins.tolist(), edges, edges[1:], strict=False):
        if high > low:
            date = datetime.fromtimestamp(day / SECOND, UTC).date().isoformat()
            (folder / f"date={date}").mkdir(exist_ok=True)
            _write(rows.slice(low, high - low), folder / f"date={date}" / f"part-{part}.parquet")


def _write(table: pa.Table, path: Path) -> None:
    """Write a table as Parquet."""
    pq.write_table(table, path, compression="zstd")


def _releases(where: Setting, first_use: Ints) -> pa.Table:
    """Release time of each model used.

    The newest model is released at its first use; the others are released months before the world begins.
    """
    rows = []
    for number, model in enumerate(MODELS):
        if first_use[number] < where.end:
            new = number == len(MODELS) - 1
            rows.append((model, int(first_use[number]) if new else where.start - (210 - 60 * number) * DAY))
    moments = pa.array([moment for _model, moment in rows], pa.int64())
    return pa.table({"model": pa.array([m for m, _ in rows], pa.string()), "released_at": moments}).cast(
        RELEASES.arrow
    )


def outcome_of(cell: Cell, work: Path) -> dict[str, Any]:
    """Write the cell's honest world into `work`, scan it, and return the reported campaigns and leads by
    group.

    Members of each campaign or lead are counted by group; `group` is the one with most members, None for
    the ordinary crowd.
    """
    made = write_world(
        cell.crowds,
        cell.seed,
        work / "world",
        accounts=cell.accounts,
        days=cell.days,
        prompts=Path(cell.prompts) if cell.prompts else None,
    )
    began = time.monotonic()
    scan([str(work / "world")], work / "results", options_of(cell))
    elapsed = time.monotonic() - began
    groups = pq.read_table(work / "world" / "groups.parquet")
    group_of = dict(zip(groups.column(0).to_pylist(), groups.column(1).to_pylist(), strict=True))
    return {
        "crowds": list(cell.crowds),
        "left_out": cell.leave_out,
        "sizes": made.sizes,
        "reported": _reported(work / "results", contract.CAMPAIGNS, contract.MEMBERS, group_of),
        "leads": _reported(work / "results", contract.LEADS, contract.LEAD_MEMBERS, group_of),
        "accounts": made.accounts,
        "exchanges": made.exchanges,
        "days": made.days,
        "elapsed_s": round(elapsed, 2),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def options_of(cell: Cell) -> Options:
    """Options of the cell's scan; the world's explanations are removed from the scan where `leave_out` is
    true.
    """
    left_out = cell.crowds if cell.leave_out else ()
    return replace(Options(names={}), fdr=cell.fdr, without=frozenset((*cell.without, *left_out)))


# Columns of a reported group that the result names.
KEPT = ("kind", "accounts", "exchanges", "q_value", "explanation", "log10_e")


def _reported(
    results: Path, schema: TableSchema, members: TableSchema, group_of: dict[str, str | None]
) -> list[dict[str, Any]]:
    """Rows of a table of campaigns or leads, each with its number of members and its largest group; empty
    where the file is missing.
    """
    if not (results / f"{schema.name}.parquet").exists():
        return []
    key = schema.key[0]
    counts: dict[str, Counter[str | None]] = {}
    for row in read_table(results, members).to_pylist():
        counts.setdefault(row[key], Counter())[group_of[row["account_id"]]] += 1
    rows = []
    for row in read_table(results, schema).to_pylist():
        each = counts.get(row[key], Counter())
        group = max(each, key=lambda name: (each[name], name is not None, name or ""), default=None)
        rows.append(
            {"name": row[key], "group": group, "members": each[group], "all_members": each.total()}
            | {name: row[name] for name in KEPT if name in row}
        )
    return rows
