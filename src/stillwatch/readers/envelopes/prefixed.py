"""Lines with a prefix of a logger or a shipper before the record."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope, unfollowed
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

LABEL = r'\w+="(?:[^"\\]|\\.){0,256}"'  # a label of Loki, with its value
LABELLED = re.compile(
    rf"[^{{\r\n]{{0,512}}?(\d{{4}}-\d\d-\d\dT\S{{8,40}}) \{{{LABEL}(?:, ?{LABEL}){{0,32}}\}} "
)  # of Loki
PREFIX = re.compile(r"[^{\r\n]{1,512}(?=\{)")  # text before the first brace of a line
TIME = re.compile(r"\s*(\d{4}-\d\d-\d\dT\S{8,40})\s")  # a time that begins a prefix


@envelope(
    title="a prefix before the record: CloudWatch's export task, kubectl and docker compose logs, Fluentd's "
    "files, logcli, loggers of programs",
    source="AWS CreateExportTask; fluentd out_file; Loki logcli; Python logging, Monolog",
    keys=("line",),
    loose=True,
)
def prefixed(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The text from the first brace to the end of the line. It must be an object as a whole, so that a
    sender's text in the middle of a line is not mistaken for a record.
    """
    line = record["line"]
    if not isinstance(line, str):
        return None
    labelled = LABELLED.match(line)
    if labelled is not None:
        return [Text(text=unfollowed(line[labelled.end() :]), time=labelled[1])]
    found = PREFIX.match(line)
    if found is None:
        return None
    at = TIME.match(found[0])
    return [Text(text=unfollowed(line[found.end() :]), time=at[1] if at else None)]
