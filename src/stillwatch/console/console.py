"""The console of one state folder: database, people, labels, audit log, and the folders that it reads."""

from __future__ import annotations

import secrets
import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select, update

from stillwatch.console.database import Database, chunks, put_all, rows
from stillwatch.console.people import PeopleStore, ReadClock
from stillwatch.console.roles import Caller
from stillwatch.console.scans import Found, folders_of_state, import_folder
from stillwatch.console.schema import ACCOUNTS, ACTIONS, BULKS, CASES, HOOKS, MEMBERS, OUTBOX, SCANS
from stillwatch.engine.files import lock
from stillwatch.errors import Problem, StateError, StillwatchError
from stillwatch.guard.audit import FOLDER, Audit
from stillwatch.memory import record
from stillwatch.memory.identities import SAME_TRACK_OVERLAP
from stillwatch.memory.labels import Label, LabelsInForce, has_mark, in_force, place_of
from stillwatch.memory.record import RecordEntry
from stillwatch.share.access import Refused

PAUSE_S = 20.0  # seconds between two looks for new scans and decisions: chosen
MAX_ACTIONS = 200_000  # most decisions that are read of one day's file: chosen
BULK = "bulk"  # prefix of the name by which labels of one bulk action are marked in the record
LOCK = ".console.lock"  # name of the file that is locked while a console is open


@dataclass(slots=True)
class LabelState:
    """Labels in force, the state of the files they were read from, and the cases that labels on groups meet.

    `cases` are by number of the case; `matched` keeps the cases of each label on a group.
    """

    stamp: tuple[Any, ...] = ()
    labels: LabelsInForce = field(default_factory=LabelsInForce)
    cases: dict[int, Label] = field(default_factory=dict)
    matched: dict[tuple[str, datetime, int], list[int]] = field(default_factory=dict)


class Console:
    """What operations work on. `clock` returns seconds since 1970; tests replace it.

    Raises `StateError` where another console uses the state, or the database cannot be opened.
    """

    def __init__(
        self,
        state: Path,
        folders: Sequence[Path] = (),
        url: str | None = None,
        clock: ReadClock | None = None,
    ) -> None:
        self.state = state.resolve()
        self.state.mkdir(parents=True, exist_ok=True)
        self.folders = [one.resolve() for one in folders]
        try:
            self._held = lock(self.state / LOCK)
        except BlockingIOError:
            raise StateError(
                Problem(fact="another console uses this state", where=str(self.state), fix="end it first")
            ) from None
        self.database = Database(self.state, url)
        self.people = PeopleStore(self.database, clock) if clock else PeopleStore(self.database)
        self.audit = Audit(self.state)
        self.is_demo = False
        self.faults: list[str] = []
        self.version = secrets.token_hex(4)  # changes with every start, so that browsers fetch new scripts
        self.labelling = threading.Lock()
        self._standing = LabelState()
        self._looking = threading.Lock()
        self._read: dict[Path, int] = {}
        self._ends = threading.Event()
        self._thread: threading.Thread | None = None
        self._recover()

    def now(self) -> float:
        """Seconds since 1970."""
        return self.people.clock()

    def start(self) -> None:
        """Look for new scans and decisions, and send events, in a thread until `close`."""
        self._thread = threading.Thread(target=self._run, daemon=True, name="console")
        self._thread.start()

    def close(self) -> None:
        """Stop the thread, write the audit log, and close the database."""
        self._ends.set()
        if self._thread is not None:
            self._thread.join(10.0)
        self.audit.close()
        self.database.close()
        self._held.close()

    # ------------------------------------------------------------------------------------------ what changed

    def refresh(self) -> list[Found]:
        """Import results folders that changed, and decisions of the guard. A folder that cannot be read costs
        no other; its fault is in `faults`.
        """
        with self._looking:
            found, faults = [], []
            for folder in [*folders_of_state(self.state), *self.folders]:
                try:
                    found.append(import_folder(self.database, folder))
                except StillwatchError as error:
                    faults.append(error.problems[0].fact)
            self.faults = faults
            self._actions()
            for one in found:
                if one.is_new:
                    self.emit("scan.imported", {"groups": one.groups, "new": one.new})
            return found

    def _actions(self) -> None:
        """Copy decisions that the guard wrote since the last look."""
        for path in sorted((self.state / FOLDER).glob("*.jsonl"))[-31:]:
            size = path.stat().st_size
            if self._read.get(path) == size:
                continue
            lines = [one for one in record.read(path).entries if one.kind == "decision"][-MAX_ACTIONS:]
            self._read[path] = size
            with self.database.writing() as db:
                known: set[str] = set()
                for some in chunks([one.code for one in lines]):
                    known |= set(db.scalars(select(ACTIONS.c.code).where(ACTIONS.c.code.in_(some))))
                put_all(db, ACTIONS, (_action(one) for one in lines if one.code not in known))

    def _run(self) -> None:
        """Import new scans and send events to webhooks, until the console is closed."""
        from stillwatch.console.hooks import deliver

        while True:
            with suppress(StillwatchError, OSError):
                self.refresh()
            with suppress(OSError):
                deliver(self.database, self._ends)
            if self._ends.wait(PAUSE_S):
                return

    def emit(self, kind: str, facts: Mapping[str, Any]) -> None:
        """Queue an event for every webhook."""
        event = {"id": secrets.token_hex(8), "type": f"console.{kind}", "at": record.now(), **facts}
        with self.database.writing() as db:
            hooks = list(db.scalars(select(HOOKS.c.id)))
            put_all(db, OUTBOX, ({"hook_id": one, "event": event} for one in hooks))

    # ------------------------------------------------------------------------------------------ the audit log

    def note(self, who: Caller, kind: str, body: Mapping[str, Any], *, now: bool = False) -> None:
        """Add a line to the audit log; with `now`, on the disk before this returns. Raises `Refused` (503)
        where the log cannot be written, since nothing is done without it.
        """
        facts = {"via": who.via, "role": who.role, **body}
        self.audit.enter(RecordEntry(at=record.now(), kind=kind, author=who.name, body=facts))
        if now:
            self.audit.flush()
        if not self.audit.is_up:
            raise Refused(503, "the audit log cannot be written", "nothing is shown or done without it")

    # ------------------------------------------------------------------------------------------------ labels

    def standing(self) -> LabelState:
        """The labels in force, read anew where a record changed or a label may have expired."""
        folders = self._folders_of_labels()
        now = datetime.fromisoformat(record.now())
        files = [place_of(one) for one in folders]
        stamp = tuple(_stamp(one) for one in files), int(now.timestamp() // 60)
        held = self._standing
        if held.stamp == stamp:
            return held
        labels = in_force(folders)
        fresh = LabelState(stamp=stamp, labels=labels, matched=held.matched)
        with self.database.reading() as db:
            newest = int(db.scalar(select(func.max(SCANS.c.id))) or 0)
            for label in reversed(labels.groups):  # the latest last, so that it counts
                key = (label.target, label.at, newest)
                if key not in fresh.matched:
                    fresh.matched[key] = _cases_of(db, label)
                fresh.cases |= dict.fromkeys(fresh.matched[key], label)
        self._standing = fresh
        return fresh

    def _folders_of_labels(self) -> list[Path]:
        """The folders whose labels are in force: the state first, then the results."""
        return [self.state, *(one for one in self.folders if one != self.state)]

    def _recover(self) -> None:
        """Settle bulk actions that a crash interrupted: the line of the record says whether they happened."""
        actor = Caller(person_id=0, name="console", role=None, via="recovery")
        with self.database.writing() as db:
            begun = rows(db, select(BULKS).where(BULKS.c.status == "begun"))
            for bulk in begun:
                is_done = has_mark(self.state, f"{BULK}:{bulk['id']}")
                status = "done" if is_done else "not done"
                db.execute(update(BULKS).where(BULKS.c.id == bulk["id"]).values(status=status))
                if is_done and bulk["undoes"]:
                    db.execute(update(BULKS).where(BULKS.c.id == bulk["undoes"]).values(status="undone"))
                facts = {"bulk": bulk["id"], "size": bulk["size"], "by": bulk["author"]}
                self.note(actor, f"bulk {status}", facts, now=True)


def _stamp(path: Path) -> tuple[int, int, int]:
    """Inode, size in bytes and time of change (ns) of a file; zeros where it does not exist."""
    try:
        seen = path.stat()
    except OSError:
        return (0, 0, 0)
    return (seen.st_ino, seen.st_size, seen.st_mtime_ns)


def _cases_of(db: Connection, label: Label) -> list[int]:
    """Cases that have at least half of the smaller group's accounts in common with a label's."""
    shared: Counter[int] = Counter()
    for some in chunks(sorted(label.accounts)):
        query = (
            select(MEMBERS.c.case_id, func.count())
            .join(ACCOUNTS, ACCOUNTS.c.id == MEMBERS.c.account_id)
            .where(ACCOUNTS.c.name.in_(some))
            .group_by(MEMBERS.c.case_id)
        )
        for case, number in db.execute(query):
            shared[case] += number
    sizes: dict[int, int] = {}
    for some_cases in chunks(list(shared)):
        found_rows = rows(db, select(CASES.c.id, CASES.c.accounts).where(CASES.c.id.in_(some_cases)))
        sizes |= {row["id"]: row["accounts"] for row in found_rows}
    least = SAME_TRACK_OVERLAP
    return [case for case, n in shared.items() if n >= least * min(len(label.accounts), sizes[case])]


def _action(entry: RecordEntry) -> dict[str, Any]:
    """The row of a decision of the guard, from an entry of its record."""
    body = entry.body
    return {
        "code": entry.code,
        "at": datetime.fromisoformat(entry.at).timestamp(),
        "account": str(body.get("account_id") or ""),
        "campaign": str(body.get("campaign") or ""),
        "action": str(body.get("action") or "")[:40],
        "would": str(body.get("would") or "")[:40],
        "policy": str(body.get("policy") or ""),
        "rule": str(body.get("rule") or ""),
    }
