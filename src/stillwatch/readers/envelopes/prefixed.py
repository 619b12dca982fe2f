"""Lines with a prefix of a logger or a shipper before the record."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

PREFIX = re.compile(r"[^{\r\n]{1,512}(?=\{)")
TIME = re.compile(r"\s*(\d{4}-\d\d-\d\dT\S{8,40})\s")


@envelope(
    title="a prefix before the record: CloudWatch's export task, kubectl and docker compose logs, Fluentd's "
    "files, loggers of programs",
    source="AWS CreateExportTask; fluentd out_file; Python logging, Monolog",
    keys=("line",),
    loose=True,
)
def prefixed(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The text from the first brace to the end of the line. It must be an object as a whole, so that a
    sender's text in the middle of a line is not mistaken for a record.
    """
    line = record["line"]
    found = PREFIX.match(line) if isinstance(line, str) else None
    if found is None:
        return None
    at = TIME.match(found[0])
    rest = line[found.end() :].rstrip()
    while rest.endswith(" []"):  # Monolog's empty context
        rest = rest[:-3].rstrip()
    return [Text(text=rest, time=at[1] if at else None)]
