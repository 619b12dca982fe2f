"""The guard's matcher: assigns new accounts to known campaigns by their first exchanges."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.contract.results import CAMPAIGNS
from stillwatch.errors import StillwatchError
from stillwatch.flows.excused import Excused
from stillwatch.flows.templates import TEXTS, key_of_store, signatures, sketched
from stillwatch.guard.newcomers import NewcomerMatch
from stillwatch.memory.labels import VALUES, in_force, place_of
from stillwatch.memory.targets import folders_of
from stillwatch.results.folder import MANIFEST, read_table
from stillwatch.successors.contact import FirstContact, of_results

LOOK_S = 1.0  # seconds between looks at whether results or labels have changed


class KnownCampaigns:
    """Compares the first exchanges of new accounts with the campaigns of a results folder.

    The folder is read at the start and again, in a thread of its own, when a scan replaces it or a label is
    added to it or to the guard's state `state`; where it cannot be read, the campaigns read last are kept. A
    value that is labelled honest is compared with no newcomer. An account created before a campaign's first
    exchange is not matched with it.

    With the scan's store, templates of requests are compared too, where requests have `prompt` or
    `system_prompt`; the text is not kept. Raises `StateError` where the store cannot be read or has another
    key.
    """

    def __init__(self, results: Path, state: Path | None = None, store: Path | None = None) -> None:
        self._results, self._state, self._store = results, state, store
        self._key = None if store is None else key_of_store(store)
        self.may_wait = store is not None  # a sketch takes milliseconds
        self._lock = threading.Lock()
        self._seen: list[tuple[int, int, int]] = []
        self._until: datetime | None = None  # when the first label on a value ends
        self._looked = time.monotonic()
        self._looks: threading.Thread | None = None
        self._known: tuple[FirstContact, Mapping[str, datetime]] = FirstContact(()), {}
        if self._key is not None:
            sketched({"account_id": "", "prompt": "what compiles now need not be compiled later"}, self._key)
            self._read()
        self.look()

    def match(self, request: Mapping[str, Any]) -> NewcomerMatch | None:
        """The campaign that the account of `request` matches; None where it matches none. `request` has
        columns of the contract.
        """
        sketch = None
        if self._key is not None and any(request.get(name) for name in TEXTS):
            account = str(request.get("account_id") or "")
            sketch = sketched(request, self._key) if self._known[0].is_open(account) else None
        with self._lock:
            if time.monotonic() - self._looked >= LOOK_S and (
                self._looks is None or not self._looks.is_alive()
            ):
                self._looked = time.monotonic()
                self._looks = threading.Thread(target=self.look, daemon=True, name="guard-newcomers")
                self._looks.start()
            contact, began = self._known
            found = contact.see(request, sketch)
        if found is None:
            return None
        created, first = request.get("created_at"), began.get(found.campaign_id)
        if isinstance(created, datetime) and first is not None and created < first:
            return None
        return NewcomerMatch(campaign_id=found.campaign_id, weight=found.log10_weight)

    def look(self) -> None:
        """Read results and labels again where they have changed and can be read."""
        with suppress(OSError, StillwatchError):
            self._read()

    def _read(self) -> None:
        """Learn the campaigns of the results again where a file has changed."""
        folders = folders_of(self._results, self._state)
        seen = [_version(path) for path in (self._results / MANIFEST, *map(place_of, folders))]
        if seen == self._seen and (self._until is None or datetime.now(UTC) < self._until):
            return
        labels = in_force(folders)
        excused = Excused.of(labels).values
        learned = (
            of_results(self._results, excused)
            if self._store is None
            else signatures(self._results, self._store, excused)
        )
        campaigns = read_table(self._results, CAMPAIGNS).to_pylist()
        self._known = FirstContact(learned), {row["campaign_id"]: row["first_seen"] for row in campaigns}
        ends = [one.expires for one in labels.labels if one.kind in VALUES and one.expires is not None]
        self._seen, self._until = seen, min(ends, default=None)


def _version(path: Path) -> tuple[int, int, int]:
    """Time, inode and size of a file, which change when it is replaced or grows; zeros where it is absent."""
    if not path.exists():
        return 0, 0, 0
    stat = path.stat()
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
