"""Reading of logs and groups for the flows `probe` and `effect`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema, column
from stillwatch.errors import InputError, Problem, unknown
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.read import check, read, read_small
from stillwatch.results.folder import check_results, read_table

# Schema of a file that lists the accounts of a group.
GROUP = TableSchema(
    name="group", columns=(column("account_id", pa.string(), "as in `exchanges`", required=True),)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How logs are read: `names` (contract column to the log's own name), the format, and size limits."""

    names: Mapping[str, str]
    log_format: str = "auto"
    limits: Limits = LIMITS


def rows_of(logs: Sequence[str], reading: Reading, notes: list[str]) -> Iterator[pa.Table]:
    """Exchanges of logs in batches, with columns of the contract. Messages on what is not read are appended
    to `notes`.

    Raises `InputError` where no log can be read or a required column is absent.
    """
    sources = check(
        discover(logs, names=reading.names, log_format=reading.log_format, limits=reading.limits),
        reading.names,
        reading.limits,
    )
    notes += [problems[0].fact for problems in sources.unread.values()]
    lost = 0
    for batch in read(sources, reading.names, reading.limits):
        lost += sum(batch.quarantine["rows"].to_pylist())
        yield batch.rows
    if lost:
        notes.append(f"{lost:,} rows of the logs could not be read; `stillwatch inspect` names them")


def accounts_of(path: Path, group: str) -> list[str]:
    """Accounts, sorted, of the campaign or lead `group` in a results folder, or of a table with `account_id`.

    Raises `UsageError` where the folder has no such group, and `InputError` for a file without accounts.
    """
    if path.is_dir():
        check_results(path)
        found: dict[str, list[str]] = {}
        for schema in (contract.MEMBERS, contract.LEAD_MEMBERS):
            if (path / f"{schema.name}.parquet").exists():
                for row in read_table(path, schema).to_pylist():
                    found.setdefault(row[schema.key[0]], []).append(row["account_id"])
        if group not in found:
            raise unknown("campaign or lead", group, sorted(found))
        return sorted(set(found[group]))
    table, _lost = read_small(path, GROUP)
    accounts = sorted(set(table["account_id"].to_pylist()))
    if not accounts:
        raise InputError(Problem(fact="the file names no account", where=str(path), expected="`account_id`"))
    return accounts
