"""Keeps a core's snapshot as new as the files, and never gives it one that cannot be used.

Every `POLL_S` the files are looked at. When they have changed and are the same for two looks, a snapshot is
made beside the present one, and replaces it at once if nothing is wrong with it. Otherwise the present one
stays, and the reason is logged and counted.

What was used last is kept in the state: a guard that starts while its policy or its results cannot be used
goes on with it.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import threading
from dataclasses import dataclass, replace
from pathlib import Path

from stillwatch.contract import results as contract
from stillwatch.errors import StillwatchError
from stillwatch.guard.core import Core
from stillwatch.guard.snapshot import READ, Snapshot, make, signature
from stillwatch.memory.labels import in_force
from stillwatch.memory.targets import folders_of
from stillwatch.policy.read import read_policy, standard
from stillwatch.policy.rollout import KILLED, standing
from stillwatch.policy.rules import Policy
from stillwatch.results.folder import MANIFEST

POLL_S = 0.25
SWITCH_S = 0.0005  # after which a thread gives way, so that decisions do not wait while a snapshot is made
GOOD = "last-good"
POLICY = "policy.toml"
log = logging.getLogger("stillwatch.guard")


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where a guard reads: a results folder, its state, a policy (None: the standard one), an account
    table.
    """

    results: Path
    state: Path
    policy: Path | None = None
    accounts: Path | None = None

    def signature(self) -> str:
        """What tells one version of the files from another."""
        return signature(self.results, self.state, self.policy, self.accounts)

    def read_policy(self) -> Policy:
        """The policy that is meant."""
        return standard() if self.policy is None else read_policy(self.policy)


def first(places: Places) -> Snapshot:
    """The snapshot to begin with: that of the files, or else that of the files used last.

    Raises `StillwatchError` where neither can be used.
    """
    try:
        snapshot = make(places.results, places.read_policy(), places.state, places.accounts)
    except StillwatchError as error:
        kept = places.state / GOOD
        if not (kept / POLICY).exists():
            raise
        log.warning("%s\nthe results and the policy that were used last are used", error.render())
        labelled_in = folders_of(places.results, places.state)
        return make(kept, read_policy(kept / POLICY), places.state, places.accounts, labelled_in)
    keep(places, snapshot)
    return snapshot


def keep(places: Places, snapshot: Snapshot) -> None:
    """Copy what a snapshot was made of into the state, as a whole; where the disk does not allow it, say
    so.
    """
    good = places.state / GOOD
    fresh = places.state / f".{GOOD}.new"
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        for name in (*(f"{schema.name}.parquet" for schema in READ), MANIFEST, contract.RECORD):
            if (places.results / name).exists():
                shutil.copy2(places.results / name, fresh / name)
        (fresh / POLICY).write_text(snapshot.policy.text)
        shutil.rmtree(good, ignore_errors=True)
        fresh.rename(good)
    except OSError as error:
        log.warning(
            "what is used now cannot be kept in `%s`: %s", good, error.strerror or type(error).__name__
        )


class Reloader:
    """A thread that replaces a core's snapshot. `faults` says why the last change of the files was not
    taken; empty where it was.
    """

    def __init__(self, core: Core, places: Places) -> None:
        self.core, self.places = core, places
        self.faults = ""
        self.reloads = self.refusals = 0
        self._taken = places.signature()
        self._seen = self._taken
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="guard-reload")

    def start(self) -> None:
        """Begin to look."""
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def look(self) -> bool:
        """Look once; returns whether the snapshot was replaced."""
        self.core.is_killed = os.path.exists(self.places.state / KILLED)  # noqa: PTH110  raises nothing
        now = self.places.signature()
        settled, self._seen = now == self._seen, now
        if now == self._taken or not settled:
            return False
        self._taken = now
        try:
            snapshot = make(
                self.places.results, self.places.read_policy(), self.places.state, self.places.accounts
            )
        except Exception as error:  # noqa: BLE001  whatever is wrong with the files, the present snapshot stays
            self._refused(error)
            return False
        if self.places.signature() != now:  # they changed while they were read: look again
            self._taken = ""
            return False
        self.core.snapshot = snapshot
        self.faults = ""
        self.reloads += 1
        keep(self.places, snapshot)
        log.info("reloaded: policy %s, %d members", snapshot.policy.title, len(snapshot.index))
        return True

    def _refused(self, error: Exception) -> None:
        """Say why the files are not used. Labels, approvals and an undo count all the same, if they can
        be read.
        """
        self.refusals += 1
        self.faults = error.render() if isinstance(error, StillwatchError) else type(error).__name__
        log.warning("%s\nthe guard goes on with what it has", self.faults)
        present = self.core.snapshot
        try:
            labels = in_force(folders_of(self.places.results, self.places.state))
            campaigns = tuple(replace(one, label=labels.of_group(one.accounts)) for one in present.campaigns)
            held = standing(self.places.state, present.policy, labels)
        except (StillwatchError, OSError):
            return
        self.core.snapshot = replace(present, labels=labels, campaigns=campaigns, standing=held, rules={})

    def _run(self) -> None:
        while not self._ends.wait(POLL_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  the thread must not end
                self.faults = type(error).__name__
                log.warning("the files could not be looked at: %s", self.faults)
