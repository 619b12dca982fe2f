"""Finds the fields of a log that may name the account."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.places import LogPath
from stillwatch.readers.recognise import PLAIN, first_records
from stillwatch.readers.registry import Format, Record, mapping

NAMES = re.compile(
    r"user|account|acct|customer|client_?id|tenant|organi[sz]ation|org_|team|subscri|consumer|project|principal|identity|owner|key_?(id|alias|name|hash)|"
    r"\bsub\b|email|member|workspace",
    re.IGNORECASE,
)
"""Field names that may be those of an account."""
NOT_AN_ACCOUNT = re.compile(r"agent|prompt|content|message|token|address|_ip\b|url", re.IGNORECASE)
"""Field names that match `NAMES` but are not those of an account."""
MAX_NESTING = 4  # nesting levels of a record that are searched: chosen
MAX_ACCOUNT_LENGTH = 200  # most characters of an account's name: chosen


def account_fields(path: LogPath, form: Format | None = None, limits: Limits = LIMITS) -> dict[str, int]:
    """Fields in a file's first records that may name the account, with their number of distinct values (at
    least 2).

    Nested fields are given as dotted paths, as `--map` takes them. For a format whose records have parts
    (entries, spans with attributes), paths start at a part.
    """
    values: dict[str, set[str]] = defaultdict(set)
    for record in first_records(path, limits):
        for part in form.parts(record) if form else (record,):
            for name, value in _leaves(mapping(part), "", MAX_NESTING):
                values[name].add(value)
    return {name: len(several) for name, several in values.items() if len(several) > 1}


def _leaves(record: Record, above: str, deep: int) -> Iterator[tuple[str, str]]:
    """Fields of a record that may name an account, as paths with their values."""
    for name, value in record.items():
        if not isinstance(name, str) or not PLAIN.fullmatch(name):
            continue
        path = f"{above}{name}"
        if isinstance(value, str | int) and not isinstance(value, bool):
            if (
                NAMES.search(name)
                and not NOT_AN_ACCOUNT.search(name)
                and 0 < len(str(value)) <= MAX_ACCOUNT_LENGTH
            ):
                yield path, str(value)
        elif deep > 1:
            yield from _leaves(mapping(value), f"{path}.", deep - 1)
