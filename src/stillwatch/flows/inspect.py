"""The flow `inspect`: format, rows, losses and usable signals of logs, without a scan; and `read`."""

from __future__ import annotations

import warnings
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.observations import OBSERVED
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.table import TableSchema
from stillwatch.errors import InputError
from stillwatch.flows.shortfall import FileRead, nothing_read, one_account, shortfalls
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.places import LogPath
from stillwatch.readers.read import Batch, check, read_small
from stillwatch.readers.read import read as read_batches
from stillwatch.signals.registry import Card, all_group_tests, all_indicators

MAX_LISTED_ACCOUNTS = 5  # largest accounts of a file that are listed: chosen


@dataclass(slots=True)
class _Counts:
    """Counts of one file."""

    records: int = 0
    rows: int = 0
    passed_over: int = 0
    envelopes: Counter[str] = field(default_factory=Counter)
    nulled: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    first: datetime | None = None
    last: datetime | None = None
    filled: Counter[str] = field(default_factory=Counter)

    def add(self, batch: Batch) -> None:
        """Add the counts of a batch."""
        self.records += batch.records
        self.passed_over += batch.passed_over
        self.envelopes.update(batch.envelopes)
        for (column, _why), cells in batch.nulled.items():
            self.nulled[column] += cells
        lost = batch.quarantine
        for column, reason, rows in zip(
            *(lost.column(name).to_pylist() for name in ("column", "reason", "rows")), strict=True
        ):
            self.reasons[f"{column}: {reason}" if column else reason] += rows
        rows = batch.rows
        if not rows.num_rows:
            return
        self.rows += rows.num_rows
        for one in pc.value_counts(rows.column("account_id").combine_chunks()).to_pylist():
            self.accounts[one["values"]] += one["counts"]
        bounds = pc.min_max(rows.column("timestamp")).as_py()
        self.first = min(filter(None, (self.first, bounds["min"])))
        self.last = max(filter(None, (self.last, bounds["max"])))
        for name in rows.column_names:
            self.filled[name] += rows.num_rows - rows.column(name).null_count

    @property
    def quarantined(self) -> int:
        """Number of rows that cannot be read."""
        return sum(self.reasons.values())


def inspect(
    paths: Sequence[str],
    names: Mapping[str, str] | None = None,
    log_format: str = "auto",
    limits: Limits = LIMITS,
) -> dict[str, Any]:
    """What a scan of `paths` would read, as a dictionary; nothing is written.

    `files` has one entry for each file (times as ISO 8601 in UTC; `nulled` by column). `signals` are the
    names of signals that the log has columns for. `would_need` maps each missing column to the signals that
    need it. `short` are the problems for which a scan would end with exit code 1. `names` maps columns of
    the contract to the log's own names. Raises `InputError` where no file can be read, or `names` does not
    fit the logs.
    """
    names = names or {}
    sources = check(discover(paths, names=names, log_format=log_format, limits=limits), names, limits)
    counts = {file: _Counts() for file in sources.exchanges}
    for batch in read_batches(sources, names, limits):
        counts[batch.file].add(batch)
    filled = {name for one in counts.values() for name, number in one.filled.items() if number}
    known = {"observations": filled} | {
        schema.name: _filled(file, schema, limits)
        for file, schema in ((sources.accounts, ACCOUNTS), (sources.releases, RELEASES))
    }
    can, needs = _signals(known)
    read = [
        FileRead(file, one.records, one.rows, one.quarantined, one.passed_over, one.reasons)
        for file, one in counts.items()
    ]
    accounts = set().union(*(one.accounts for one in counts.values()))
    rows = sum(one.rows for one in counts.values())
    short = shortfalls(sources, read, limits) if rows else nothing_read(sources, read, limits)
    return {
        "files": sorted(
            [
                _entry(file, sources.formats[file].name, sources.formats[file].why, one)
                for file, one in counts.items()
            ]
            + [_entry(file, None, problems[0].fact, _Counts()) for file, problems in sources.unread.items()],
            key=lambda entry: str(entry["path"]),
        ),
        "signals": can,
        "would_need": needs,
        "warnings": [asdict(problem) for problem in one_account(sources, len(accounts), rows, limits)],
        "short": [asdict(problem) for problem in short],
    }


def read(
    path: str | Path | Sequence[str | Path],
    *,
    names: Mapping[str, str] | None = None,
    log_format: str = "auto",
) -> pa.Table:
    """The exchanges that a scan would read from one path or several, as one Arrow table with the columns of
    the contract's `exchanges`; times are UTC, absent values null.

    `names` maps columns of the contract to the log's own names. Rows that cannot be read are counted in a
    `UserWarning`. Raises `InputError` where no row can be read.

    Example:
        >>> import stillwatch
        >>> table = stillwatch.read("logs/")
        >>> table.num_rows, table.column_names[:3]
        (240, ['exchange_id', 'timestamp', 'account_id'])
    """
    given = [path] if isinstance(path, str | Path) else list(path)
    names = names or {}
    sources = check(discover([str(one) for one in given], names=names, log_format=log_format), names)
    tables, counts = [EXCHANGES.empty()], {file: _Counts() for file in sources.exchanges}
    for batch in read_batches(sources, names):
        counts[batch.file].add(batch)
        tables.append(batch.rows)
    table = pa.concat_tables(tables)
    notes = [
        FileRead(file, one.records, one.rows, one.quarantined, one.passed_over, one.reasons)
        for file, one in counts.items()
    ]
    if not table.num_rows:
        raise InputError(*nothing_read(sources, notes))
    lost = sum(one.quarantined for one in counts.values())
    if lost or sources.unread:
        unread = f", {len(sources.unread)} files were not read" if sources.unread else ""
        warnings.warn(
            f"{lost} rows could not be read{unread}: see stillwatch inspect", UserWarning, stacklevel=2
        )
    return table


def _entry(file: LogPath, name: str | None, why: str, counts: _Counts) -> dict[str, Any]:
    """What is known of one file."""
    return {
        "path": str(file),
        "format": name,
        "why": why,
        "envelopes": sorted(counts.envelopes),
        "records": counts.records,
        "rows": counts.rows,
        "quarantined": counts.quarantined,
        "quarantine_reasons": dict(counts.reasons.most_common()),
        "passed_over": counts.passed_over,
        "accounts": len(counts.accounts),
        "largest_accounts": dict(counts.accounts.most_common(MAX_LISTED_ACCOUNTS)),
        "first": _iso(counts.first),
        "last": _iso(counts.last),
        "filled": {name: counts.filled[name] for name in EXCHANGES.names if counts.filled[name]},
        "nulled": dict(counts.nulled),
    }


def _iso(moment: datetime | None) -> str | None:
    """A time in UTC as ISO 8601 with `Z`; None stays None."""
    return None if moment is None else moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _filled(file: LogPath | None, schema: TableSchema, limits: Limits) -> set[str]:
    """Columns with a value in a companion table (accounts or releases); empty where it cannot be read."""
    if file is None:
        return set()
    try:
        table, _lost = read_small(file, schema, limits)
    except InputError:
        return set()
    return {name for name in table.column_names if table.column(name).null_count < table.num_rows}


def _signals(known: Mapping[str, set[str]]) -> tuple[list[str], dict[str, list[str]]]:
    """Names of the signals whose columns all have values, and those of the others by missing column."""
    can: list[str] = []
    needs: dict[str, list[str]] = defaultdict(list)
    for card in _cards():
        missing = [
            f"{card.table}.{made_of[0]}" if len(made_of) == 1 else " or ".join(made_of)
            for column in card.columns
            if not known[card.table].intersection(made_of := _made_of(card.table, column))
        ]
        if not missing:
            can.append(card.name)
        for column in dict.fromkeys(name.removeprefix("observations.") for name in missing):
            needs[column].append(card.name)
    return can, dict(needs)


def _made_of(table: str, column: str) -> tuple[str, ...]:
    """Columns of the log from which a column that a signal reads is made."""
    return OBSERVED[column].made_of if table == "observations" else (column,)


def _cards() -> Iterator[Card]:
    """The cards of all indicators and group tests."""
    yield from (unit.card for unit in all_indicators())
    yield from (test.card for test in all_group_tests())
