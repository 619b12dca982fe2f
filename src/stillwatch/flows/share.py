"""What is done with a peer's server in one go: receive, retract, confirm; and feedback."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stillwatch.package.signing import signer
from stillwatch.share.client import Server
from stillwatch.share.pull import Taxii, inbox_of, misp_events, readable
from stillwatch.share.receipts import receipt
from stillwatch.share.received import feedback, receive
from stillwatch.share.state import State, now

WRITER = "receiver"
AT_ONCE = 500
"""Objects of one request; below what our own server takes."""


def pull(
    state: State,
    server: Server,
    source: str,
    grade: str,
    collections: Sequence[str] = (),
    *,
    misp_days: int | None = None,
    basic: bool = False,
    key: Path | None = None,
) -> dict[str, Any]:
    """Receive all that a server holds for us, retract what it withdrew, and write a receipt for that into its
    inbox; returns counts.

    Raises what `Server.send` and `received.receive` do.
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
    told = receive(state, source, grade, objects)
    place = inbox_of(every)
    if told["withdrawn"] and place is not None:
        theirs.write(
            root, place, [receipt(WRITER, told["withdrawn"], _stamp(), None if key is None else signer(key))]
        )
        told["receipts"] = len(told["withdrawn"])
    return {"receipts": 0, **told}


def give_feedback(state: State, server: Server, source: str, *, basic: bool = False) -> dict[str, int]:
    """Write sightings and reports of false positives about what a source sent into its inbox; returns how
    many.
    """
    theirs = Taxii(server, basic=basic)
    root = theirs.root()
    place = inbox_of(theirs.collections(root))
    objects = feedback(state, source, _stamp())
    told = {
        "sightings": sum(one["type"] == "sighting" for one in objects),
        "false_positives": sum(one["type"] == "opinion" for one in objects),
    }
    if place is None:
        return {"sightings": 0, "false_positives": 0}
    for at in range(0, len(objects), AT_ONCE):
        theirs.write(root, place, objects[at : at + AT_ONCE])
    state.journal.add("feedback", {"source": source, **told})
    return told


def _stamp() -> str:
    """The present moment to the millisecond, as STIX writes it."""
    return now()[:-4] + "Z"
