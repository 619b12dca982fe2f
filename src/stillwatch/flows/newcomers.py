"""The guard's matcher: assigns new accounts to known campaigns by their first exchanges."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from stillwatch.contract.results import CAMPAIGNS
from stillwatch.errors import StillwatchError
from stillwatch.guard.newcomers import Match
from stillwatch.results.folder import MANIFEST, read_table
from stillwatch.successors.contact import FirstContact, of_results

LOOK_S = 1.0  # seconds between looks at whether a scan has replaced the results


class KnownCampaigns:
    """Compares the first exchanges of new accounts with the campaigns of a results folder.

    The folder is read again when a scan replaces it; where it cannot be read, the campaigns read last are
    kept. An account created before a campaign's first exchange is not matched with it.
    """

    def __init__(self, results: Path) -> None:
        self._results = results
        self._lock = threading.Lock()
        self._seen: tuple[int, int] | None = None
        self._looked = float("-inf")
        self._contact = FirstContact(())
        self._began: dict[str, datetime] = {}

    def match(self, request: Mapping[str, Any]) -> Match | None:
        """The campaign that the account of `request` matches; None where it matches none. `request` has
        columns of the contract.
        """
        with self._lock:
            self._look()
            found = self._contact.see(request)
            if found is None:
                return None
            created = request.get("created_at")
            began = self._began.get(found.campaign_id)
            if isinstance(created, datetime) and began is not None and created < began:
                return None
            return Match(campaign_id=found.campaign_id, weight=found.log10_weight)

    def _look(self) -> None:
        """Read the results again where a scan has replaced them, at most once in `LOOK_S` seconds."""
        now = time.monotonic()
        if now - self._looked < LOOK_S:
            return
        self._looked = now
        try:
            stat = (self._results / MANIFEST).stat()
            if (stat.st_mtime_ns, stat.st_ino) == self._seen:
                return
            signatures = of_results(self._results)
            campaigns = read_table(self._results, CAMPAIGNS).to_pylist()
        except (OSError, StillwatchError):
            return
        self._contact = FirstContact(signatures)
        self._began = {row["campaign_id"]: row["first_seen"] for row in campaigns}
        self._seen = (stat.st_mtime_ns, stat.st_ino)
