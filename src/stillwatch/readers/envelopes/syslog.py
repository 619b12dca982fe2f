"""Lines of syslog."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# RFC 5424: priority, version, time, host, program, process, message id, structured data, which Heroku leaves
# out.
NEW = re.compile(
    r"(?:\d{1,7} )?<\d{1,3}>\d{1,2} (\S{1,64}) \S+ \S+ \S+ \S+ (?:(?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: "
    r"|$))?(?:\ufeff)?"
)
# RFC 3164, or a time of RFC 3339 as rsyslog writes it: priority, time, host, program.
OLD = re.compile(
    r"(?:<\d{1,3}>)?(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\S{8,40})) (?:[\w.:-]{1,255} "
    r")?[\w./()-]{1,128}(?:\[[\w.:-]{1,64}\])?: ?"
)


@envelope(title="syslog line", source="RFC 5424; RFC 3164; rsyslog, syslog-ng, journalctl", keys=("line",))
def syslog(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The message after the head of a line, with the head's time where it has a year."""
    line = record["line"]
    if not isinstance(line, str):
        return None
    found = NEW.match(line)
    if found:
        return [Text(text=line[found.end() :], time=found[1])]
    found = OLD.match(line)
    return [Text(text=line[found.end() :], time=found[2])] if found else None
