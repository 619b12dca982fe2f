"""Problems of logs that were read only in part, or whose exchanges all have one account."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.errors import Problem
from stillwatch.readers.account_fields import account_fields
from stillwatch.readers.discover import Sources
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.places import LogPath
from stillwatch.readers.recognise import keys_of, seen

REASONS = 3  # most reasons shown for a file: chosen
FILES = 100  # most files searched for a field that could name the account: chosen


@dataclass(frozen=True, slots=True)
class FileRead:
    """Counts of one file: records found, rows read, rows quarantined (also by reason), and `passed_over`,
    records that are no exchanges.
    """

    file: LogPath
    records: int
    rows: int
    quarantined: int
    passed_over: int
    reasons: Mapping[str, int]


def shortfalls(sources: Sources, read: Sequence[FileRead], limits: Limits = LIMITS) -> list[Problem]:
    """One problem for each file with more quarantined rows than read ones or with records but no row, and
    for each file that was named by itself and could not be read.
    """
    short = [
        one
        for one in read
        if one.quarantined > one.rows or (one.records and not one.rows + one.quarantined + one.passed_over)
    ]
    unread = [
        problem for file, problems in sources.unread.items() if file in sources.named for problem in problems
    ]
    return [*unread, *(_short(one, sources, limits) for one in short)]


def nothing_read(sources: Sources, read: Sequence[FileRead], limits: Limits = LIMITS) -> list[Problem]:
    """One problem for each file, for logs of which no row was read."""
    unread = [problem for problems in sources.unread.values() for problem in problems]
    return [*unread, *(_short(one, sources, limits) for one in read)]


def _short(one: FileRead, sources: Sources, limits: Limits) -> Problem:
    """The problem of a file that was read only in part."""
    form = sources.formats[one.file].format
    fields = {name: form.fields.get(name, name) if form else name for name in EXCHANGES.required}
    reasons = sorted(one.reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:REASONS]
    parts = [f"{reason} ({number:,})" for reason, number in reasons]
    if one.passed_over:
        parts.append(f"{one.passed_over:,} records passed over as no exchanges")
    keys = keys_of(one.file, limits)
    of = max(one.records, one.rows + one.quarantined + one.passed_over)
    if not of:
        return Problem(
            fact=f"`{one.file.name}` holds no record",
            where=str(one.file),
            found="; ".join([*parts, seen(one.file, keys)]),
            expected="at least one exchange",
        )
    accounts = (
        _best(account_fields(one.file, form, limits))
        if any("account_id" in reason for reason in one.reasons)
        else []
    )
    mapped = f"account_id={accounts[0]}" if accounts else "COLUMN=THEIR_NAME"
    return Problem(
        fact=f"`{one.file.name}`: {one.rows:,} of {of:,} records were read",
        where=str(one.file),
        found="; ".join([*parts, seen(one.file, keys)]),
        expected=f"{form.title if form else 'columns of the contract'}: "
        + ", ".join(
            f"`{column}` from {source}" if source != column else f"`{column}`"
            for column, source in fields.items()
        ),
        fix=f"stillwatch inspect {shlex.quote(str(one.file))}, then --map {mapped} or --format NAME",
    )


def one_account(sources: Sources, accounts: int, rows: int, limits: Limits = LIMITS) -> list[Problem]:
    """A warning, in a list, where two or more exchanges all have one account, with fields that could name the
    account; otherwise an empty list.
    """
    if accounts != 1 or rows < 2:
        return []
    found: dict[str, int] = {}
    for file in sources.exchanges[:FILES]:
        for name, number in account_fields(file, sources.formats[file].format, limits).items():
            found[name] = max(found.get(name, 0), number)
    best = _best(found)
    return [
        Problem(
            fact=f"all {rows:,} exchanges are of one account, so that no campaign can be found",
            found=", ".join(f"`{name}` with {found[name]} values" for name in best[:5])
            or "no other field that could name an account",
            expected="a field that tells accounts apart",
            fix=f"stillwatch scan ... --map account_id={best[0] if best else 'THEIR_NAME'}",
        )
    ]


def _best(fields: Mapping[str, int]) -> list[str]:
    """Names of fields, those with most values first."""
    return sorted(fields, key=lambda name: (-fields[name], name))
