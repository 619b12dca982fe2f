"""Small logs made by hand, and what a reader makes of a path."""

from collections import Counter
from pathlib import Path

import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.results import QUARANTINE
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.read import check, read

FULL = {
    "exchange_id": "x1",
    "timestamp": "2026-05-01T14:02:00.250000Z",
    "account_id": "a1",
    "organization_id": "o1",
    "api_key_id": "k1",
    "conversation_id": "c1",
    "model": "m-1",
    "operation": "chat",
    "client_ip": "2001:db8::1",
    "asn": 64500,
    "country": "DE",
    "user_agent": "curl/8.5",
    "tls_fingerprint": "t13d1516h2_8daaf6152771_02713d6af862",
    "system_prompt": "Be brief.",
    "prompt": 'Say "naïve, 字" \\ and\nstop',
    "response": None,
    "tool_names": ["search", "run"],
    "temperature": 0.7,
    "top_p": 1.0,
    "max_tokens": 100,
    "stream": True,
    "input_tokens": 12,
    "output_tokens": 3,
    "finish_reason": "stop",
    "latency_ms": 812.5,
    "status": 200,
}


def row(number: int, **changes):
    """A row of the four required columns and a prompt."""
    return {
        "exchange_id": f"x{number}",
        "timestamp": "2026-05-01T14:02:00Z",
        "account_id": f"a{number % 7}",
        "model": "m",
        "prompt": f"secret {number}",
    } | changes


def rows_of(*paths: Path | str, names=None, limits=LIMITS) -> tuple[pa.Table, list[dict]]:
    """Contract rows and quarantine rows behind the paths, after the check that a scan makes."""
    return told_of(*paths, names=names, limits=limits)[:2]


def told_of(*paths: Path | str, names=None, limits=LIMITS) -> tuple[pa.Table, list[dict], Counter]:
    """As `rows_of`, with the cells that are null because they could not be read, counted by column and
    reason.
    """
    sources = discover([str(p) for p in paths], names=names, limits=limits)
    sources = check(sources, names or {}, limits)
    batches = list(read(sources, names or {}, limits))
    good = pa.concat_tables([EXCHANGES.empty(), *(b.rows for b in batches)])
    bad = pa.concat_tables([QUARANTINE.empty(), *(b.quarantine for b in batches)])
    nulled = Counter()
    for batch in batches:
        nulled.update(batch.nulled)
    return good, bad.to_pylist(), nulled
