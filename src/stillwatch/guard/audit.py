"""Writes decisions to disk: each decision that is not a plain allow, in one hash-chained file a day, and the
number of plain allows.

A thread writes the lines, so that no decision waits for the disk. While lines cannot be written, the guard
carries out no action, since an action must leave a record. A crash loses at most the decisions of the last
`PAUSE_S`.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from datetime import UTC, datetime
from pathlib import Path

from stillwatch.guard.decision import Decision
from stillwatch.memory import record
from stillwatch.memory.record import RecordEntry

FOLDER = "decisions"  # folder of the state with the log of decisions
AUTHOR = "guard"  # author of the log's lines
PAUSE_S = 0.2  # seconds between two writes
RETRY_S = 1.0  # seconds until the next attempt after a failed write
PLAIN_S = 60.0  # seconds between two records of the number of plain allows
MOST_WAITING = 100_000  # most decisions that may wait for the disk; further ones are lost and counted


class Audit:
    """The log of decisions in a state's folder.

    `is_up` is False after a failed write or a full queue, until a write succeeds. `written` and `lost` count
    lines.
    """

    def __init__(self, state: Path) -> None:
        self.folder = state / FOLDER
        self.is_up = True
        self.written = 0
        self.lost = 0
        self._waiting: deque[RecordEntry] = deque()
        self._plain: Counter[str] = Counter()
        self._ends = threading.Event()
        self._flushing = threading.Lock()
        self.folder.mkdir(parents=True, exist_ok=True)
        self._thread = threading.Thread(target=self._run, daemon=True, name="guard-audit")
        self._thread.start()

    def enter(self, entry: RecordEntry) -> None:
        """Queue a line for writing. Where the queue is full, the line is dropped and counted in `lost`, and
        `is_up` becomes False.
        """
        if len(self._waiting) >= MOST_WAITING:
            self.is_up = False
            self.lost += 1
            return
        self._waiting.append(entry)

    def note(self, decision: Decision, account_id: str) -> None:
        """Queue a decision for writing, as `enter` does."""
        body = decision.as_json() | {
            "account_id": account_id,
            "rule": decision.rule,
            "campaign": decision.campaign,
        }
        self.enter(RecordEntry(at=record.now(), kind="decision", author=AUTHOR, body=body))

    def note_plain(self, policy: str) -> None:
        """Count a plain allow of this policy; only the count is written."""
        self._plain[policy] += 1

    def close(self) -> None:
        """Stop the thread and write everything that is queued."""
        self._ends.set()
        self._thread.join(5.0)
        self._add_plain()
        self.flush()

    def flush(self) -> bool:
        """Write all queued lines; returns False where the write failed, and the lines stay queued."""
        with self._flushing:
            some = list(self._waiting)
            if not some:
                return self.is_up
            try:
                path = self._file()
                record.append(path, some)
            except OSError:
                self.is_up = False
                return False
            for _one in some:
                self._waiting.popleft()
            self.written += len(some)
            self.is_up = True
            return True

    def _file(self) -> Path:
        """Path of today's file. A new file starts with a line that holds the last hash of the file
        before it.
        """
        path = self.folder / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
        if not path.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            earlier = sorted(one for one in self.folder.glob("*.jsonl") if one.name < path.name)
            if earlier:
                head = record.last_code(earlier[-1])
                body = {"file": earlier[-1].name, "code": head}
                record.append(
                    path, [RecordEntry(at=record.now(), kind="continues", author=AUTHOR, body=body)]
                )
        return path

    def _add_plain(self) -> None:
        """Queue the counts of plain allows, by policy."""
        plain, self._plain = self._plain, Counter()
        for policy, number in plain.items():
            body = {"policy": policy, "number": number}
            self._waiting.append(RecordEntry(at=record.now(), kind="allowed", author=AUTHOR, body=body))

    def _run(self) -> None:
        """Write queued lines until `close` is called."""
        passed = 0.0
        while not self._ends.wait(PAUSE_S if self.is_up else RETRY_S):
            passed += PAUSE_S
            if passed >= PLAIN_S:
                passed = 0.0
                self._add_plain()
            self.flush()
