"""Lines of Fluent Bit's outputs `stdout` and `file`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice

from stillwatch.readers.envelope import Inner, envelope, unfollowed
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record
from stillwatch.readers.tolerant import loads

TAGGED = re.compile(r"(?<=\S): (?=\[)")  # end of the tag before a record
PEEK = 1024  # characters in which the tag ends: chosen
TRIED = 4  # most places that are tried as the end of the tag: chosen


@envelope(
    title="a tag, and in brackets a time and the record",
    source="Fluent Bit: out_stdout, out_file",
    keys=("line",),
    loose=True,
)
def fluent_bit(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The record of `TAG: [TIME, RECORD]` or `[NUMBER] TAG: [[TIME, METADATA], RECORD]`."""
    line = record["line"]
    if not isinstance(line, str):
        return None
    rest = unfollowed(line)
    for found in islice(TAGGED.finditer(rest, 0, PEEK), TRIED):
        with suppress(ValueError):
            value = loads(rest[found.end() :])
            if isinstance(value, list) and len(value) == 2 and isinstance(value[1], dict):
                return [value[1]]
    return None
