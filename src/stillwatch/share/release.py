"""Releases into collections, and withdrawals with proof of receipt."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from stillwatch.errors import Problem, StateError, UsageError
from stillwatch.export.exporters.stix import Object
from stillwatch.export.values import NAMESPACE
from stillwatch.memory.record import now
from stillwatch.package.canonical import canonical
from stillwatch.results.folder import MANIFEST
from stillwatch.share.policy import NEVER, PROPERTIES, Leaving, SharingPolicy, check_release, leaving
from stillwatch.share.state import SharingState

INBOX = "inbox"
"""The collection into which peers write feedback and receipts; only its owner reads it."""
SPEC = "2.1"  # version of STIX


def collection_id(name: str) -> str:
    """The identifier of a collection, derived from its name."""
    return str(uuid.uuid5(NAMESPACE, f"collection|{name}"))


def add_collection(state: SharingState, name: str, title: str, tlp: str, *, inbox: bool = False) -> str:
    """Create a collection where it does not exist; returns its identifier. Raises `UsageError` where it
    exists with another marking.
    """
    found = state.rows("SELECT id, tlp FROM collections WHERE name = ?", (name,))
    if found and found[0]["tlp"] != tlp:
        raise UsageError(
            Problem(
                fact=f"the collection `{name}` has another marking",
                found=tlp,
                expected=found[0]["tlp"],
                why="what was released stays as it was marked",
                fix="give the collection another name",
            )
        )
    if not found:
        state.write(
            "INSERT INTO collections VALUES (?, ?, ?, ?, ?)",
            (collection_id(name), name, title, tlp, int(inbox)),
        )
    return collection_id(name)


def version_of(one: Object, added: str) -> str:
    """The version of an object, as TAXII 2.1 (section 3.4.1) defines it: `modified`, else `created`, else
    the time when it was added.
    """
    return str(one.get("modified") or one.get("created") or added)


def put(state: SharingState, collection: str, objects: Iterable[tuple[str, Object]], source: str) -> int:
    """Add objects, each with its campaign's key, to a collection given by its identifier; returns the number
    of new ones.

    An object is skipped if the collection has the same version, or, without versions, the same content.
    """
    added = 0
    with state.whole():
        for campaign, one in objects:
            at, body = now(), canonical(one)
            if "modified" not in one and "created" not in one:
                last = state.rows(
                    "SELECT body FROM objects WHERE collection = ? AND id = ? ORDER BY number DESC LIMIT 1",
                    (collection, one["id"]),
                )
                if last and last[0]["body"] == body:
                    continue
            added += state.write(
                "INSERT OR IGNORE INTO objects (collection, id, type, version, spec_version, added, body, "
                "source) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    collection,
                    one["id"],
                    one["type"],
                    version_of(one, at),
                    str(one.get("spec_version", "2.0")),
                    at,
                    body,
                    campaign or source,
                ),
            )
    return added


def release(
    state: SharingState,
    results: Path,
    policy: SharingPolicy,
    collection: str,
    purpose: str,
    basis: str,
    approver: str,
) -> dict[str, Any]:
    """Put the permitted content of the results into a collection and log the release; returns the log entry.

    Raises `UsageError` for a collection, purpose or legal basis that the policy does not name.
    """
    check_release(policy, purpose, basis, approver)
    what = leaving(results, policy, collection, retracted(state))
    shelf = policy.collections[collection]
    place = add_collection(state, collection, f"Campaigns, TLP:{shelf.tlp.upper()}", shelf.tlp)
    add_collection(state, INBOX, "Feedback and receipts", "red", inbox=True)
    with state.whole():
        state.write("DELETE FROM access WHERE collection = ?", (place,))
        for peer in shelf.peers:
            state.write("INSERT INTO access VALUES (?, ?)", (peer, place))
    new = put(state, place, what.objects, "release")
    facts = {
        "collection": collection,
        "tlp": shelf.tlp,
        "peers": list(shelf.peers),
        "purpose": purpose,
        "legal_basis": basis,
        "approver": approver,
        "producer": policy.producer,
        "campaigns": list(what.campaigns),
        "objects": what.types,
        "new": new,
        "properties": _properties(what),
        "withheld": len(what.withheld),
        "results": _digest_of(results),
        "released_sha256": hashlib.sha256(
            b"\n".join(canonical(one) for _key, one in what.objects)
        ).hexdigest(),
    }
    state.journal.add("release", facts)
    return facts


def _properties(what: Leaving) -> dict[str, list[str]]:
    """Names of all properties that are shared, by type of object."""
    found: dict[str, set[str]] = {}
    for _key, one in what.objects:
        found.setdefault(one["type"], set()).update(one)
    return {kind: sorted(names) for kind, names in sorted(found.items())}


def _digest_of(results: Path) -> str:
    """SHA-256 of the results' manifest; empty where there is none."""
    path = results / MANIFEST
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def retracted(state: SharingState) -> frozenset[str]:
    """Keys of the withdrawn campaigns."""
    return frozenset(str(line["campaign"]) for line in state.journal.read("retraction"))


def retract(state: SharingState, campaign: str, reason: str, approver: str) -> dict[str, Any]:
    """Withdraw a campaign, given by its key, from all collections; returns the log entry.

    Each of its objects receives a last version that is `revoked`; for accounts, the probability is set to 0.
    Raises `UsageError` for a campaign that was never released.
    """
    rows = state.rows(
        "SELECT o.* FROM objects o WHERE source = ? AND number = (SELECT max(number) FROM objects WHERE "
        "collection = o.collection AND id = o.id)",
        (campaign,),
    )
    if not rows:
        known = sorted({key for line in state.journal.read("release") for key in line["campaigns"]})
        raise UsageError(
            Problem(
                fact="no such campaign was released",
                found=campaign[:80],
                expected=", ".join(known[:10]),
                fix="stillwatch share log --state DIR",
            )
        )
    at = now()[:-4] + "Z"  # STIX writes milliseconds
    places: set[str] = set()
    number = 0
    for row in rows:
        one = orjson.loads(row["body"])
        if one.get("revoked"):
            continue
        number += put(state, row["collection"], [(campaign, _withdrawn(one, at))], "retraction")
        places.add(row["collection"])
    names = [
        row["name"]
        for row in state.rows("SELECT id, name FROM collections ORDER BY name")
        if row["id"] in places
    ]
    peers = sorted(
        {
            row["peer"]
            for place in places
            for row in state.rows("SELECT peer FROM access WHERE collection = ?", (place,))
        }
    )
    facts = {
        "campaign": campaign,
        "reason": reason,
        "approver": approver,
        "objects": number,
        "collections": names,
        "peers": peers,
    }
    state.journal.add("retraction", facts)
    return facts


def _withdrawn(one: Object, at: str) -> Object:
    """The last version of an object: revoked, with confidence 0; an object without versions has probability 0
    instead.
    """
    if "modified" in one:
        return {**one, "revoked": True, "modified": at, "confidence": 0}
    extensions = {
        name: {**held, "probability": 0.0} if "probability" in held else held
        for name, held in one.get("extensions", {}).items()
    }
    return {**one, "extensions": extensions}


def receipts(state: SharingState) -> list[dict[str, Any]]:
    """For each retraction and each peer that could read the campaign: when the peer fetched the withdrawal
    and when it confirmed it (None: not yet).

    `fetched` is from the server's records, `confirmed` from a note that the peer wrote into the inbox.
    `is_signed` is whether the peer's public key signed that note, None where there is no signature or no key.
    """
    found = []
    notes = _notes(state)
    for line in state.journal.read("retraction"):
        versions = state.rows(
            "SELECT collection, id, version FROM objects WHERE source = ? AND json_extract(CAST(body AS "
            "TEXT), '$.revoked')",
            (line["campaign"],),
        )
        for peer in line["peers"]:
            served = [
                row["at"]
                for one in versions
                for row in state.rows(
                    "SELECT at FROM served WHERE peer = ? AND collection = ? AND id = ? AND version = ?",
                    (peer, one["collection"], one["id"], one["version"]),
                )
            ]
            wanted = {f"{one['id']} {one['version']}" for one in versions}
            answer = next(
                (note for note in notes if note["peer"] == peer and wanted & set(note["objects"])), None
            )
            found.append(
                {
                    "campaign": line["campaign"],
                    "retracted": line["at"],
                    "peer": peer,
                    "objects": len(versions),
                    "fetched": min(served, default=None),
                    "confirmed": answer["at"] if answer else None,
                    "is_signed": answer["is_signed"] if answer else None,
                }
            )
    return found


def _notes(state: SharingState) -> list[dict[str, Any]]:
    """Receipts in the inbox, each with peer and time."""
    from stillwatch.share.receipts import read_receipt

    found = []
    rows = state.rows(
        "SELECT body, source, added FROM objects WHERE collection = ? AND type = 'note' ORDER BY number",
        (collection_id(INBOX),),
    )
    keys = {row["name"]: row["public_key"] for row in state.rows("SELECT name, public_key FROM peers")}
    for row in rows:
        held = read_receipt(orjson.loads(row["body"]), keys.get(row["source"]))
        if held is not None:
            found.append({"peer": row["source"], "at": row["added"], **held})
    return found


def antitrust(state: SharingState) -> dict[str, Any]:
    """A report for legal counsel: the names of all properties ever released, and the kinds of content that no
    property can hold.

    Raises `InputError` where the journal was changed, `StateError` where an entry names a property that the
    program does not share.
    """
    lines = state.journal.read("release", "retraction", "match", "match opened", "match consent")
    for line in lines:
        for kind, properties in line.get("properties", {}).items():
            beyond = set(properties) - PROPERTIES.get(kind, frozenset())
            if beyond:
                raise StateError(
                    Problem(
                        fact="the log names a property that is never released",
                        where=line["at"],
                        found=", ".join(beyond),
                    )
                )
    return {
        "statement": "No release holds "
        + ", ".join(NEVER)
        + ". Properties that can leave at all are listed; a release with any other fails.",
        "properties": {kind: sorted(held) for kind, held in sorted(PROPERTIES.items())},
        "never": list(NEVER),
        "lines": lines,
    }
