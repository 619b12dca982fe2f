"""Syslog lines."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# RFC 5424: priority, version, time, host, program, process, message identifier, and structured data (absent
# in Heroku's logs).
NEW = re.compile(
    r"(?:\d{1,7} )?<\d{1,3}>\d{1,2} (\S{1,64}) \S+ \S+ \S+ \S+ (?:(?:-|(?:\[(?:[^\]\\]|\\.)*\])+)(?: "
    r"|$))?(?:\ufeff)?"
)
# RFC 3164, also with a time of RFC 3339 (rsyslog): priority, time, host, program.
OLD = re.compile(
    r"(?:<\d{1,3}>)?(?:([A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\S{8,40})) (?:[\w.:-]{1,255} "
    r")?[\w./()-]{1,128}(?:\[[\w.:-]{1,64}\])?: ?"
)


@envelope(title="syslog line", source="RFC 5424; RFC 3164; rsyslog, syslog-ng, journalctl", keys=("line",))
def syslog(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The message after a line's header; the header's time is used where it has a year."""
    line = record["line"]
    if not isinstance(line, str):
        return None
    found = NEW.match(line)
    if found:
        return [Text(text=line[found.end() :], time=found[1])]
    found = OLD.match(line)
    return [Text(text=line[found.end() :], time=found[2])] if found else None
