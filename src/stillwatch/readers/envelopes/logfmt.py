"""Lines of pairs, as many programs in Go write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record
from stillwatch.readers.tolerant import unquoted

PAIR = re.compile(r'([\w.@-]{1,64})=("(?:[^"\\]|\\.)*+"|[^\s"]*+)(?: |$)')


@envelope(title="logfmt line", source="kr/logfmt; slog, logrus", keys=("line",), loose=True)
def logfmt(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The pairs as an object, of which one may hold the record."""
    line = record["line"]
    pairs: dict[str, str] = {}
    end = 0
    while isinstance(line, str) and (found := PAIR.match(line, end)):
        pairs[found[1]] = unquoted(found[2]) if found[2].startswith('"') else found[2]
        end = found.end()
    return [pairs] if len(pairs) > 1 and end == len(line) else None
