"""The content of a results folder that the page can show, and what is missing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.table import TableRow
from stillwatch.errors import Problem, StateError

# Columns of each table that a results folder must have.
REQUIRED = {
    "campaigns": (
        "campaign_id kind first_seen last_seen detected_at accounts exchanges exchanges_low exchanges_high "
        "q_value capabilities"
    ),
    "members": "campaign_id account_id score exchanges",
    "evidence": "campaign_id kind value accounts exchanges log10_likelihood_ratio statement",
}
# Columns of each table that a results folder may have.
OPTIONAL = {
    "timeline": "campaign_id hour exchanges log10_e log10_alert log10_confirm",
    "links": "campaign_id account_id kind value weight",
    "hypotheses": "campaign_id hypothesis log10_likelihood statement",
    "claims": "campaign_id claim basis statement",
    "capabilities": "campaign_id capability exchanges",
    "prompts": "campaign_id prompt",
    "profiles": "group_id account_id owner created_at first_seen last_seen exchanges marks",
    "common": "group_id trait known different most low_days high_days",
    "texts": "campaign_id rank texts accounts exchanges words_low words_high capability first_seen last_seen",
    "exchanges": "campaign_id",
    "leads": "lead_id accounts exchanges rank explanation log10_e settled_by",
    "lead_members": "lead_id account_id",
    "explanations": "group_id explanation marked log10_e statement",
    "glance": "group_id trait speaks statement",
    "names": "campaign_id name known_since lineage",
    "labels": "group_id account_id value verdict statement",
}
ABSENCE_UNMENTIONED = ("prompts", "names", "labels")  # tables whose absence the page does not mention
MAY_LACK = {  # columns that are read as null where an older version did not write them
    "campaigns": ("fpr_empirical", "fpr_synthetic", "explanation"),
    "evidence": ("basis", "others", "network_class"),
    "exchanges": ("account_id", "timestamp"),
    "leads": ("statement",),
    "prompts": ("rank", "language"),
}
NAMED_BY = {
    "lead_members": "lead_id",
    "explanations": "group_id",
    "glance": "group_id",
    "labels": "group_id",
    "profiles": "group_id",
    "common": "group_id",
}  # others: `campaign_id`


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One signal of coordination, and whether this log allowed its use."""

    name: str
    kind: str
    used: bool
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """How often evaluation reports an honest group whose explanation was left out.

    `share` and `high`, the upper end of its interval, are in [0, 1]; `worlds` is the number of simulated
    worlds.
    """

    share: float
    high: float
    worlds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Counts and parameters of a scan; a field is None where the scan did not write it."""

    version: str | None = None
    exchanges: int | None = None
    accounts: int | None = None
    first_seen: datetime | None = None
    last_seen: datetime | None = None
    duplicates: int | None = None
    quarantined: int | None = None
    quarantine_reasons: tuple[tuple[str, int], ...] = ()
    candidates: int | None = None
    fdr: float | None = None
    seed: int | None = None
    elapsed_s: float | None = None
    inputs: tuple[tuple[str, int | None], ...] = ()
    signals: tuple[Signal, ...] = ()
    missing_columns: tuple[str, ...] = ()
    shareable: tuple[str, ...] | None = None  # signals whose values differ between accounts
    leads: int | None = None
    leave_one_out: LeftOut | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultTables:
    """A results folder in memory; `tables` lacks optional tables that were not written."""

    folder: Path
    overview: Overview | None
    campaigns: tuple[TableRow, ...]
    tables: Mapping[str, pa.Table]

    def of(self, name: str, group_id: str) -> pa.Table | None:
        """The rows of a table on one campaign or lead; None where the folder has no such table."""
        table = self.tables.get(name)
        named_by = NAMED_BY.get(name, "campaign_id")
        return None if table is None else table.filter(pc.equal(table[named_by], group_id))

    def rows(self, name: str, group_id: str) -> list[TableRow] | None:
        """Like `of`, as a list of dicts."""
        table = self.of(name, group_id)
        return None if table is None else table.to_pylist()


def read(folder: Path, prompts: pa.Table | None = None) -> ResultTables:
    """Read a results folder, with `prompts` in place of its own.

    Raises `StateError` when a required file is absent, or any file is damaged or lacks a column.
    """
    tables = {name: _table(folder, name, columns) for name, columns in REQUIRED.items()}
    for name, columns in OPTIONAL.items():
        if (folder / f"{name}.parquet").exists():
            tables[name] = _table(folder, name, columns)
    if prompts is not None:
        tables["prompts"] = prompts
    campaigns = tables.pop("campaigns").sort_by([("exchanges", "descending"), ("campaign_id", "ascending")])
    return ResultTables(
        folder=folder,
        overview=_overview(folder / "overview.json"),
        campaigns=tuple(campaigns.to_pylist()),
        tables=tables,
    )


def _table(folder: Path, name: str, columns: str) -> pa.Table:
    """A table with its expected columns. Raises `StateError` where it cannot be read."""
    path = folder / f"{name}.parquet"
    expected = columns.split()
    try:
        held = set(pq.read_schema(path).names)
        table = pq.read_table(
            path, columns=[name for name in (*expected, *MAY_LACK.get(name, ())) if name in held]
        )
    except (OSError, pa.ArrowException) as error:
        raise _damaged(path, f"{type(error).__name__}: {str(error)[:120]}", "a Parquet file") from error
    absent = [column for column in expected if column not in table.column_names]
    if absent:
        raise _damaged(path, f"no column {', '.join(absent)}", ", ".join(expected))
    later = MAY_LACK.get(name, ())
    kept = table.select([*expected, *(column for column in later if column in table.column_names)])
    for column in later:
        if column not in kept.column_names:
            kept = kept.append_column(column, pa.nulls(len(kept)))
    return kept


def _overview(path: Path) -> Overview | None:
    """The overview; None where it was not written. Raises `StateError` where it cannot be read."""
    if not path.exists():
        return None
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
        return Overview(
            **{
                name: given.get(name)
                for name in (
                    "version",
                    "exchanges",
                    "accounts",
                    "duplicates",
                    "quarantined",
                    "candidates",
                    "fdr",
                    "leads",
                )
            },
            seed=given.get("seed"),
            elapsed_s=given.get("elapsed_s"),
            first_seen=_moment(given.get("first_seen")),
            last_seen=_moment(given.get("last_seen")),
            quarantine_reasons=tuple(
                sorted((given.get("quarantine_reasons") or {}).items(), key=lambda r: -r[1])
            ),
            inputs=tuple((str(i["path"]), i.get("rows")) for i in given.get("inputs") or ()),
            signals=tuple(
                Signal(
                    name=str(s["name"]),
                    kind=str(s["kind"]),
                    used=bool(s["used"]),
                    why=str(s.get("why") or ""),
                )
                for s in given.get("signals") or ()
            ),
            missing_columns=tuple(map(str, given.get("missing_columns") or ())),
            shareable=None if given.get("shareable") is None else tuple(map(str, given["shareable"])),
            leave_one_out=_left_out(given.get("leave_one_out")),
        )
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _damaged(
            path, f"{type(error).__name__}: {str(error)[:120]}", "the overview of a scan"
        ) from error


def _left_out(given: Mapping[str, Any] | None) -> LeftOut | None:
    """The evaluation with one explanation left out; None where it was not written."""
    if not given:
        return None
    return LeftOut(share=float(given["share"]), high=float(given["high"]), worlds=int(given["worlds"]))


def _moment(text: str | None) -> datetime | None:
    """The time of a text; UTC where it has no zone, None for none."""
    if not text:
        return None
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _damaged(path: Path, found: str, expected: str) -> StateError:
    """The error of a file of the results that cannot be read."""
    return StateError(
        Problem(
            fact=f"`{path.name}` of the results cannot be shown",
            where=str(path),
            found=found,
            expected=expected,
            fix="stillwatch scan LOGS --out RESULTS",
        )
    )
