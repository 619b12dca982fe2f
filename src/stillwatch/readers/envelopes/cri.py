"""Log lines of Kubernetes container runtimes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Start of a line: time, stream, and whether it is whole (F) or in part (P).
LINE = re.compile(r"(\d{4}-\d\d-\d\dT\S{8,40}) (stdout|stderr) ([FP])(?::\S*)? ?", re.ASCII)


@envelope(
    title="CRI log line",
    source="kubernetes design: CRI logging; containerd, cri-o",
    keys=("line",),
)
def cri(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The text of a line after its time, stream, and F (whole line) or P (piece of a line)."""
    line = record["line"]
    found = LINE.match(line) if isinstance(line, str) else None
    if found is None:
        return None
    return [Text(text=line[found.end() :], time=found[1], of=found[2], ends=found[3] == "F")]
