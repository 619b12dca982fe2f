"""Everything that was decided, said and approved around a guard, in one order, with what is wrong with
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
from stillwatch.memory.record import START, Entry

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


def every(state: Path, results: Path | None) -> tuple[list[Entry], list[str]]:
    """Lines of the records of a state and of results, and of the state's decisions, by time; and the
    faults of all of these files.
    """
    entries: list[Entry] = []
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


def _broken(path: Path, entries: Sequence[Entry], head: str, *, is_first: bool) -> list[str]:
    """A day that does not go on from the last line of the day before."""
    if is_first or (entries and entries[0].kind == "continues" and entries[0].body.get("code") == head):
        return []
    return [f"{path.name}: it does not go on from the last line of the day before"]


def told(entries: Sequence[Entry]) -> list[tuple[dict[str, Any], str]]:
    """Each line as JSON and as a person reads it."""
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
