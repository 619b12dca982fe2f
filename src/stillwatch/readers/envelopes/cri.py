"""Lines of Kubernetes' container runtimes."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\S{8,40}) (stdout|stderr) ([FP])(?::\S*)? ?", re.ASCII)


@envelope(
    title="CRI log line",
    source="kubernetes design: CRI logging; containerd, cri-o",
    keys=("line",),
)
def cri(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """A time, the stream, F for a whole line or P for a piece of one, and the text."""
    line = record["line"]
    found = LINE.match(line) if isinstance(line, str) else None
    if found is None:
        return None
    return [Text(text=line[found.end() :], time=found[1], of=found[2], ends=found[3] == "F")]
