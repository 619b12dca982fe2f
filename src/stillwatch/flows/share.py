"""Exchange with a peer's server: receive objects, retract withdrawn ones, send receipts and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.memory.record import now
from stillwatch.package.signing import signer
from stillwatch.share.client import PeerServer
from stillwatch.share.pull import Taxii, inbox_of, misp_events, readable
from stillwatch.share.receipts import receipt
from stillwatch.share.received import feedback, receive
from stillwatch.share.state import SharingState

WRITER = "receiver"  # name under which a receiver of shared values writes receipts
AT_ONCE = 500
"""Most objects in one request; below the limit of our own server."""


def pull(
    state: SharingState,
    server: PeerServer,
    source: str,
    grade: str,
    collections: Sequence[str] = (),
    *,
    misp_days: int | None = None,
    basic: bool = False,
    key: Path | None = None,
) -> dict[str, Any]:
    """Receive all objects of a server, retract those that it withdrew, and write a receipt for these to its
    inbox; returns counts.

    `collections` limits the collections by id or alias (empty: all). With `misp_days`, events of the last
    days are read from a MISP server, and there are no receipts. Raises the errors of `PeerServer.send` and
    `received.receive`.
    """
    if misp_days is not None:
        return {**receive(state, source, grade, misp_events(server, misp_days)), "receipts": 0}
    theirs = Taxii(server, basic=basic)
    root = theirs.root()
    every = theirs.collections(root)
    wanted = [
        one["id"]
        for one in every
        if readable(one) and (not collections or one["id"] in collections or one.get("alias") in collections)
    ]
    objects = [one for name in wanted for one in theirs.objects(root, name)]
    received = receive(state, source, grade, objects)
    place = inbox_of(every)
    if received["withdrawn"] and place is not None:
        theirs.write(
            root,
            place,
            [receipt(WRITER, received["withdrawn"], _stamp(), None if key is None else signer(key))],
        )
        received["receipts"] = len(received["withdrawn"])
    return {"receipts": 0, **received}


def give_feedback(
    state: SharingState, server: PeerServer, source: str, *, basic: bool = False
) -> dict[str, int]:
    """Write sightings and false positives of a source's objects to its inbox; returns both counts, 0 where
    the server has no inbox.
    """
    theirs = Taxii(server, basic=basic)
    root = theirs.root()
    place = inbox_of(theirs.collections(root))
    objects = feedback(state, source, _stamp())
    counts = {
        "sightings": sum(one["type"] == "sighting" for one in objects),
        "false_positives": sum(one["type"] == "opinion" for one in objects),
    }
    if place is None:
        return {"sightings": 0, "false_positives": 0}
    for at in range(0, len(objects), AT_ONCE):
        theirs.write(root, place, objects[at : at + AT_ONCE])
    state.journal.add("feedback", {"source": source, **counts})
    return counts


def _stamp() -> str:
    """The present time in STIX format, to the millisecond."""
    return now()[:-4] + "Z"
