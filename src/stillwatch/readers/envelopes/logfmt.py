"""Lines of `key=value` pairs, as many Go programs write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record
from stillwatch.readers.tolerant import unquoted

BEGIN = re.compile(r'[^"={}]{0,512}?(?=(?<![^\s:])[\w.@-]{1,64}=)')  # text before the first pair of a line
# A name and its value, quoted or not.
PAIR = re.compile(r'([\w.@-]{1,64})=("(?:[^"\\]|\\.)*+"|[^\s"]*+)(?: |$)')
EMPTY = " []"  # Monolog's empty context


@envelope(title="logfmt line", source="kr/logfmt; slog, logrus", keys=("line",), loose=True)
def logfmt(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """The pairs as an object, whose values may hold the record. A prefix of another shipper may
    precede them.
    """
    line = record["line"]
    begin = BEGIN.match(line) if isinstance(line, str) else None
    if begin is None:
        return None
    text = line.rstrip()
    while text.endswith(EMPTY):
        text = text[: -len(EMPTY)].rstrip()
    pairs: dict[str, str] = {}
    end = begin.end()
    while found := PAIR.match(text, end):
        pairs[found[1]] = unquoted(found[2]) if found[2].startswith('"') else found[2]
        end = found.end()
    return [pairs] if len(pairs) > 1 and end == len(text) else None
