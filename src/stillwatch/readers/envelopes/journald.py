"""Entries of the systemd journal."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.registry import Record

# Fields of an entry beside its message.
BESIDE = (
    "__REALTIME_TIMESTAMP",
    "_SYSTEMD_UNIT",
    "__CURSOR",
    "_PID",
    "PRIORITY",
    "SYSLOG_IDENTIFIER",
    "_HOSTNAME",
)


@envelope(
    title="systemd journal", source="systemd: Journal Export Formats; journalctl -o json", keys=("MESSAGE",)
)
def journald(record: Record, _limits: Limits) -> Iterable[Inner] | None:
    """`MESSAGE`, a line or a piece of one (`_LINE_BREAK`), given as text or as a list of byte values."""
    message = record["MESSAGE"]
    if not any(name in record for name in BESIDE):
        return None
    if isinstance(message, list) and all(isinstance(one, int) and 0 <= one < 256 for one in message):
        message = bytes(message).decode("utf-8", "replace")
    if not isinstance(message, str):
        return None
    of = str(record.get("_STREAM_ID") or record.get("_PID") or record.get("_SYSTEMD_UNIT"))
    return [
        Text(
            text=message,
            time=record.get("__REALTIME_TIMESTAMP"),
            of=of,
            ends=record.get("_LINE_BREAK") != "line-max",
        )
    ]
