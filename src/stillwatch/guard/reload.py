"""Replaces a core's snapshot when the files change, and keeps the present one where the new files cannot be
used.

The files are checked every `POLL_S`. When a change is the same in two checks, a new snapshot is built and
replaces the present one if it has no errors. Otherwise the present one stays, and the error is logged and
counted.

The files of the last good snapshot are copied into the state, so that a guard can start while its policy or
its results cannot be used.
"""

from __future__ import annotations

import gc
import logging
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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

POLL_S = 0.25  # seconds between two checks of the files
SWITCH_S = 0.0001  # thread switch interval in seconds; short, so that decisions wait for no other thread
GOOD = "last-good"  # folder in the state with the files of the last good snapshot
POLICY = "policy.toml"  # file of the state with the policy
log = logging.getLogger("stillwatch.guard")


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardPaths:
    """Paths that a guard reads: results folder, state, policy (None: the standard policy) and account table
    (None: none).
    """

    results: Path
    state: Path
    policy: Path | None = None
    accounts: Path | None = None

    def signature(self) -> str:
        """Text that changes whenever one of the files is replaced or grows."""
        return signature(self.results, self.state, self.policy, self.accounts)

    def read_policy(self) -> Policy:
        """The policy at `policy`, or the standard policy. Raises `InputError` for an invalid policy."""
        return standard() if self.policy is None else read_policy(self.policy)


def first(places: GuardPaths) -> Snapshot:
    """The first snapshot: from the present files, or from the last good ones where the present ones cannot be
    used.

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


def keep(places: GuardPaths, snapshot: Snapshot) -> None:
    """Copy the files of a snapshot into the state, all or none. A failed copy is logged, not raised."""
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


@contextmanager
def without_collections() -> Iterator[None]:
    """Context manager: collect no reference cycles while the block runs, and exempt all objects that exist
    at its end from later collections.

    A full collection over the names of a million members stops every thread for about 0.1 s. Objects without
    cycles, which a snapshot consists of, are freed all the same once a newer snapshot replaces them.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if was_enabled:
            gc.enable()


class Reloader:
    """Thread that replaces a core's snapshot when the files change.

    `faults` is the error of the last change that was refused, empty after a success. `reloads` and `refusals`
    count both.
    """

    def __init__(self, core: Core, places: GuardPaths) -> None:
        self.core, self.places = core, places
        self.faults = ""
        self.reloads = self.refusals = 0
        self._taken = places.signature()
        self._seen = self._taken
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="guard-reload")

    def start(self) -> None:
        """Start the thread."""
        sys.setswitchinterval(SWITCH_S)
        self._thread.start()

    def close(self) -> None:
        """Stop the thread."""
        self._ends.set()
        if self._thread.is_alive():
            self._thread.join(5.0)

    def look(self) -> bool:
        """Check the files once; returns whether the snapshot was replaced."""
        self.core.is_killed = os.path.exists(self.places.state / KILLED)  # noqa: PTH110  raises nothing
        now = self.places.signature()
        settled, self._seen = now == self._seen, now
        if now == self._taken or not settled:
            return False
        self._taken = now
        try:
            with without_collections():
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
        """Log why the new files are not used. Labels, approvals and undos still take effect where they can be
        read.
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
        """Check the files every `POLL_S` until `close` is called."""
        while not self._ends.wait(POLL_S):
            try:
                self.look()
            except Exception as error:  # noqa: BLE001  the thread must not end
                self.faults = type(error).__name__
                log.warning("the files could not be looked at: %s", self.faults)
