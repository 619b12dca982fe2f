"""Reads all records around a guard (decisions, labels, approvals) in the order of time, with the faults of
the files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.contract.results import RECORD
from stillwatch.foreign import visible
from stillwatch.guard.audit import FOLDER
from stillwatch.memory import record
from stillwatch.memory.record import START, RecordEntry

SHOWN = (
    "policy",
    "version",
    "share",
    "target",
    "verdict",
    "account_id",
    "action",
    "would",
    "mode",
    "reason",
    "number",
)
"""Fields of a record that are printed."""


def every(state: Path, results: Path | None) -> tuple[list[RecordEntry], list[str]]:
    """All entries of the records of the state and of the results, and of the decisions, sorted by time; and
    the faults found in these files.
    """
    entries: list[RecordEntry] = []
    faults: list[str] = []
    head = START
    places = [state / RECORD, *([results / RECORD] if results else [])]
    days = sorted((state / FOLDER).glob("*.jsonl"))
    for path in [*places, *days]:
        held = record.read(path)
        entries += held.entries
        faults += held.faults
        if path in days:
            faults += _broken(path, held.entries, head, is_first=path == days[0])
            head = held.head
    return sorted(entries, key=lambda one: one.at), faults


def _broken(path: Path, entries: Sequence[RecordEntry], head: str, *, is_first: bool) -> list[str]:
    """A fault where a day's file does not continue the hash chain of the previous day's; otherwise empty."""
    if is_first or (entries and entries[0].kind == "continues" and entries[0].body.get("code") == head):
        return []
    return [f"{path.name}: it does not go on from the last line of the day before"]


def described(entries: Sequence[RecordEntry]) -> list[tuple[dict[str, Any], str]]:
    """Each entry as a JSON object and as a line of text for people."""
    out = []
    for one in entries:
        some = " ".join(
            f"{name}={visible(one.body[name], 60)}" for name in SHOWN if one.body.get(name) not in (None, "")
        )
        held = {
            "at": one.at,
            "kind": one.kind,
            "author": one.author,
            "body": dict(one.body),
            "code": one.code,
        }
        out.append((held, f"{one.at}  {visible(one.kind):10}  {visible(one.author, 20)}  {some}"))
    return out
