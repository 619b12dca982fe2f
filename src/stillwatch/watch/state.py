"""What does a watch remember, so that a crash at any moment neither loses nor doubles anything?

One file, `ledger.json`, replaced as a whole, says which parts of the state count: up to where every source was read, which
sketches were made of it, which campaigns are known and which events nobody was told of yet. Whatever else lies in the folder when
a watch starts was left by a crash before the ledger knew of it, and is removed.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from stillwatch.engine.files import atomic
from stillwatch.errors import Problem, StateError
from stillwatch.sketch.digest import VERSION
from stillwatch.watch.tracks import Track

LEDGER, KEY, SKETCHES, EVENTS = "ledger.json", "key", "sketches", "events.jsonl"


@dataclass(slots=True, kw_only=True)
class Ledger:
    """Everything that counts of a watch's state."""

    source: str
    version: int = VERSION
    position: dict[str, Any] = field(default_factory=dict)
    parts: list[str] = field(default_factory=list)
    batches: int = 0
    rows: int = 0
    quarantined: int = 0
    latest: str = ""
    judged: int = 0
    judged_at: str = ""
    tracks: dict[str, Track] = field(default_factory=dict)
    outbox: list[dict[str, Any]] = field(default_factory=list)
    events_bytes: int = 0
    events: int = 0


class State:
    """A watch's folder; `commit` makes what the ledger says true."""

    def __init__(self, folder: Path, source: str) -> None:
        self.folder = folder
        self.sketches = folder / SKETCHES
        self.sketches.mkdir(parents=True, exist_ok=True)
        path = folder / LEDGER
        self.ledger = _read(path) if path.exists() else Ledger(source=source)
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
        if not (folder / KEY).exists():
            with atomic(folder / KEY, private=True) as temporary:
                temporary.write_text(secrets.token_urlsafe(32) + "\n")
        known = set(self.ledger.parts)
        for part in self.sketches.iterdir():
            if part.name not in known:
                part.unlink()
        events = folder / EVENTS
        events.touch()
        with events.open("r+b") as file:
            file.truncate(self.ledger.events_bytes)

    @property
    def parts(self) -> list[Path]:
        """The sketches that count."""
        return [self.sketches / name for name in self.ledger.parts]

    def commit(self) -> None:
        """Write the ledger."""
        told = asdict(self.ledger)
        for track in told["tracks"].values():
            track["accounts"] = sorted(track["accounts"])
        with atomic(self.folder / LEDGER) as path:
            path.write_text(json.dumps(told, sort_keys=True) + "\n")

    def tell(self, event: dict[str, Any]) -> None:
        """Append an event to the file of events, in place of whatever stands after the last that counts."""
        line = (json.dumps(event, sort_keys=True, default=str) + "\n").encode()
        with (self.folder / EVENTS).open("r+b") as file:
            file.truncate(self.ledger.events_bytes)
            file.seek(self.ledger.events_bytes)
            file.write(line)
        self.ledger.events_bytes += len(line)
        self.ledger.events += 1


def _read(path: Path) -> Ledger:
    try:
        told = json.loads(path.read_text())
        tracks = {
            name: Track(**(one | {"accounts": set(one["accounts"])})) for name, one in told["tracks"].items()
        }
        return Ledger(**(told | {"tracks": tracks}))
    except (json.JSONDecodeError, TypeError, KeyError) as error:
        raise StateError(
            Problem(
                fact="the ledger cannot be read",
                where=str(path),
                found=str(error)[:100],
                fix="give a new --state",
            )
        ) from error
