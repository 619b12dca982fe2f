"""Of which files was too little read, or everything under one account, and what can be done about it?"""

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

REASONS = 3  # reasons of a file that are shown: chosen
FILES = 100  # files of a log of one account in which fields are looked for: chosen


@dataclass(frozen=True, slots=True)
class FileRead:
    """How much was read of a file: records found, rows, rows quarantined by reason, and records that are
    no exchanges.
    """

    file: LogPath
    records: int
    rows: int
    quarantined: int
    passed_over: int
    reasons: Mapping[str, int]


def shortfalls(sources: Sources, read: Sequence[FileRead], limits: Limits = LIMITS) -> list[Problem]:
    """A problem for each file of which fewer than half of the records were read, and for each that was
    named by itself and is of no known format.
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
    """A problem for each file of a log of which not one row was read."""
    unread = [problem for problems in sources.unread.values() for problem in problems]
    return [*unread, *(_short(one, sources, limits) for one in read)]


def _short(one: FileRead, sources: Sources, limits: Limits) -> Problem:
    form = sources.formats[one.file].format
    fields = {name: form.fields.get(name, name) if form else name for name in EXCHANGES.required}
    reasons = sorted(one.reasons.items(), key=lambda pair: (-pair[1], pair[0]))[:REASONS]
    told = [f"{reason} ({number:,})" for reason, number in reasons]
    if one.passed_over:
        told.append(f"{one.passed_over:,} records passed over as no exchanges")
    keys = keys_of(one.file, limits)
    of = max(one.records, one.rows + one.quarantined + one.passed_over)
    if not of:
        return Problem(
            fact=f"`{one.file.name}` holds no record",
            where=str(one.file),
            found="; ".join([*told, seen(one.file, keys)]),
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
        found="; ".join([*told, seen(one.file, keys)]),
        expected=f"{form.title if form else 'columns of the contract'}: "
        + ", ".join(
            f"`{column}` from {source}" if source != column else f"`{column}`"
            for column, source in fields.items()
        ),
        fix=f"stillwatch inspect {shlex.quote(str(one.file))}, then --map {mapped} or --format NAME",
    )


def one_account(sources: Sources, accounts: int, rows: int, limits: Limits = LIMITS) -> list[Problem]:
    """A warning where several exchanges are all of one account, with the fields that could name the
    account.
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
