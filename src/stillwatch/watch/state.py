"""The state of a watch on disk. A crash at any time neither loses nor duplicates rows or events.

The file `ledger.json` is replaced atomically. It holds the position in the source, the names of sketches that
are not judged yet, the known campaigns and the events to deliver. Files that it does not reference are
remains of a crash and are deleted when a watch starts.
"""

from __future__ import annotations

import json
import secrets
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any

from stillwatch.engine.files import atomic, lock
from stillwatch.errors import Problem, StateError
from stillwatch.memory.identities import Track
from stillwatch.sketch.digest import VERSION

# Files and folders of the state.
LEDGER, KEY, SKETCHES, APART, QUARANTINE, EVENTS, LOCK = (
    "ledger.json", "key", "sketches", "apart", "quarantine", "events.jsonl", ".lock",
)  # fmt: skip
UNFINISHED = (".batch-", ".trial-", f".{LEDGER}.", f".{KEY}.")  # prefixes of temporary names
_locked: dict[Path, IO[str]] = {}  # lock files of the states that this process uses, until it ends


@dataclass(frozen=True, slots=True, kw_only=True)
class Apart:
    """A file of rows that are kept but not judged: its name, number of rows, reason, and the earliest time of
    its rows, after which they are added to the log (`first`, ISO 8601; empty: never).
    """

    name: str
    rows: int
    why: str
    first: str = ""


@dataclass(slots=True, kw_only=True)
class WatchLedger:
    """The contents of `ledger.json`. Times are ISO 8601; empty where there is none yet.

    `clock` is the log's present time and `votes` the times that it is computed from (`watch.clock`); `latest`
    is the time of the latest row that is not ahead. `judged` is the number of judgements; `judged_at` is the
    log's time and `judged_on` the machine's time of the last one. `parts` are sketches not judged yet.
    `outbox` holds events not yet written to `events.jsonl`, `owed` those that the webhook has not accepted.
    """

    source: str
    version: int = VERSION
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    position: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    apart: list[Apart] = field(default_factory=list)
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    clock: str = ""
    votes: list[tuple[str, str]] = field(default_factory=list)
    latest: str = ""
    judged: int = 0
    judged_at: str = ""
    judged_on: str = ""
    tracks: dict[str, Track] = field(default_factory=dict)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    owed: list[dict[str, Any]] = field(default_factory=list)
    events_bytes: int = 0
    events: int = 0
    muted: int = 0


class WatchState:
    """The folder of a watch's state. Changes of `ledger` take effect with `commit`.

    One process at a time can use it; the lock is released when that process ends. The constructor raises
    `StateError` where another process uses it, the ledger cannot be read, or it is of another source or
    sketch version.
    """

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.sketches, self.apart, self.quarantine = folder / SKETCHES, folder / APART, folder / QUARANTINE
        self.sketches.mkdir(parents=True, exist_ok=True)
        _hold(folder)
        path = folder / LEDGER
        self.ledger = _read(path) if path.exists() else WatchLedger(source=source)
        self._check(path, source)
        if not (folder / KEY).exists():
            with atomic(folder / KEY, private=True) as temporary:
                temporary.write_text(secrets.token_urlsafe(32) + "\n")
        self._sweep()
        events = folder / EVENTS
        events.touch()
        with events.open("r+b") as file:
            file.truncate(self.ledger.events_bytes)
        self.commit()

    def _check(self, path: Path, source: str) -> None:
        """Raise `StateError` where the ledger is of another source or sketch version."""
        if self.ledger.source != source:
            raise StateError(
                Problem(
                    fact="the state belongs to another source",
                    where=str(path),
                    found=self.ledger.source,
                    expected=source,
                    fix="give another --state",
                )
            )
        if self.ledger.version != VERSION:
            raise StateError(
                Problem(
                    fact="the state's sketches are of another version",
                    where=str(path),
                    found=f"version {self.ledger.version}, this program makes version {VERSION}",
                    fix="give a new --state and watch the logs again from the beginning",
                )
            )

    def _sweep(self) -> None:
        """Delete files that the ledger does not reference."""
        for left in self.folder.iterdir():
            if left.name.startswith(UNFINISHED):
                shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink()
        known = {*self.ledger.parts, *(one.name for one in self.ledger.apart)}
        for folder in (self.sketches, self.apart):
            for part in folder.iterdir() if folder.exists() else ():
                if part.name not in known:
                    part.unlink()
        for lost in self.quarantine.glob("*") if self.quarantine.exists() else ():
            number = lost.stem.removeprefix("batch-")
            if not number.isdigit() or int(number) > self.ledger.batches:
                lost.unlink()

    @property
    def parts(self) -> list[Path]:
        """Paths of the sketches that are not judged yet."""
        return [self.sketches / name for name in self.ledger.parts]

    def commit(self) -> None:
        """Write the ledger to disk, atomically."""
        content = asdict(self.ledger)
        for track in content["tracks"].values():
            track["accounts"] = sorted(track["accounts"])
        with atomic(self.folder / LEDGER) as path:
            path.write_text(json.dumps(content, sort_keys=True) + "\n")

    def tell(self, event: dict[str, Any]) -> None:
        """Append an event to `events.jsonl`; bytes after the last committed event are overwritten."""
        line = (json.dumps(event, sort_keys=True, default=str) + "\n").encode()
        with (self.folder / EVENTS).open("r+b") as file:
            file.truncate(self.ledger.events_bytes)
            file.seek(self.ledger.events_bytes)
            file.write(line)
        self.ledger.events_bytes += len(line)
        self.ledger.events += 1


def _hold(folder: Path) -> None:
    """Lock a state for this process. Raises `StateError` where another process has locked it."""
    place = folder.resolve()
    if place in _locked:
        return
    try:
        _locked[place] = lock(folder / LOCK)
    except BlockingIOError as error:
        raise StateError(
            Problem(
                fact="another watch is using the state",
                where=str(folder),
                fix="stop it, or give another --state",
            )
        ) from error


def _read(path: Path) -> WatchLedger:
    """The ledger from its file. Raises `StateError` where it cannot be read."""
    try:
        content = json.loads(path.read_text())
        tracks = {name: Track.of(one) for name, one in content["tracks"].items()}
        apart = [Apart(**one) for one in content.get("apart", [])]
        return WatchLedger(**(content | {"tracks": tracks, "apart": apart}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise StateError(
            Problem(
                fact="the ledger cannot be read",
                where=str(path),
                found=str(error)[:100],
                fix="give a new --state",
            )
        ) from error
