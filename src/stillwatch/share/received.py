"""Indicators received from peers: read within limits, stored with source, grade and expiry, and tested on
local traffic before they are used.

Rules:

* A received indicator is not used until `check` has tested it on local traffic.
* An indicator that `CROWD` or more accounts outside local campaigns show is refused, and the reason is kept.
* An indicator is used until it expires, is retracted, or a later check refuses it.
* Text of a sender is only compared, never executed: a pattern must match one of a few forms as a whole.
"""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from stillwatch.contract import results as contract
from stillwatch.errors import InputError, Problem, StillwatchError, UsageError
from stillwatch.export.content import CROWD, reason_withheld
from stillwatch.export.exporters.stix import TLP_MARKINGS
from stillwatch.export.terms import VALID_DAYS
from stillwatch.memory.record import now
from stillwatch.results.folder import read_table
from stillwatch.share.sets import canonical
from stillwatch.share.state import SharingState

MOST_OBJECTS = 100_000
"""Most objects of one file or answer."""
MOST_BYTES = 128 << 20
"""Most bytes of a file."""
LONGEST_PATTERN = 2048
"""Most characters of a pattern."""
LONGEST_VALIDITY = timedelta(days=365)
"""Longest time until a received indicator expires, whatever its sender says. Chosen."""
RELIABILITY = "ABCDEF"
"""Grades of a source by the Admiralty Code, from A (reliable) to E (unreliable); F means that it cannot be
judged.
"""
_TEXT = r"'((?:[^'\\]|\\['\\])*)'"  # pattern of a string in a STIX pattern
PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (kind, re.compile(rf"\[\s*{left}\s*{sign}\s*{_TEXT}\s*\]"))
    for kind, left, sign in (
        ("client_prefix", r"ipv[46]-addr:value", r"(?:=|ISSUBSET)"),
        ("email_domain", r"domain-name:value", "="),
        ("user_agent", r"network-traffic:extensions\.'http-request-ext'\.request_header\.'User-Agent'", "="),
        (
            "tls_fingerprint",
            r"network-traffic:extensions\.'extension-definition--[0-9a-f-]{36}'\.ja[34]",
            "=",
        ),
    )
)
"""The accepted forms of STIX patterns, by kind of value: one comparison each."""
MISP_KINDS = {
    "ip-src": "client_prefix",
    "ip-dst": "client_prefix",
    "domain": "email_domain",
    "ja3-fingerprint-md5": "tls_fingerprint",
    "user-agent": "user_agent",
}
"""Kind of value by type of MISP attribute."""
COLUMNS = {
    "client_prefix": "client_ip",
    "tls_fingerprint": "tls_fingerprint",
    "user_agent": "user_agent",
    "email_domain": "email_domain",
}
"""Column of local tables that holds values of a kind."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One value of one object of a peer. `confidence` is 0 to 100, `valid_until` a time in ISO 8601 (UTC)."""

    id: str
    kind: str
    value: str
    version: str
    tlp: str
    confidence: int
    valid_until: str
    revoked: bool


@dataclass(slots=True, kw_only=True)
class ReceivedValues:
    """Values read from objects, withdrawn objects with their versions, and the number of objects that were
    not understood, by reason.
    """

    values: list[Received]
    withdrawn: list[tuple[str, str]]
    odd: dict[str, int]


def read_file(path: Path) -> list[Any]:
    """STIX objects of a bundle, or MISP events, in a JSON file. Raises `InputError` for anything else, and
    beyond the limits.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(
                Problem(
                    fact="the file is too large", where=str(path), expected=f"at most {MOST_BYTES:,} bytes"
                )
            )
        found = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(
            Problem(fact="the file is no JSON", where=str(path), found=type(error).__name__)
        ) from None
    return objects_of(found, str(path))


def objects_of(found: Any, where: str) -> list[Any]:  # noqa: ANN401  foreign JSON
    """STIX objects of a bundle or a TAXII envelope, or MISP events, from parsed JSON; `where` names it in
    messages.

    Raises `InputError` for anything else, and for more than `MOST_OBJECTS`.
    """
    objects: Any = None
    if isinstance(found, dict):
        for name in ("objects", "response"):
            objects = found.get(name, objects)
        if objects is None and "Event" in found:
            objects = [found]
    elif isinstance(found, list):
        objects = found
    if not isinstance(objects, list):
        raise InputError(
            Problem(
                fact="this is no STIX bundle and no MISP event",
                where=where,
                expected="`objects`, `response` or `Event`",
            )
        )
    if len(objects) > MOST_OBJECTS:
        raise InputError(
            Problem(
                fact="there are too many objects",
                where=where,
                found=f"{len(objects):,}",
                expected=f"at most {MOST_OBJECTS:,}",
            )
        )
    return objects


def taken(objects: Iterable[Any]) -> ReceivedValues:
    """The values of indicators among foreign objects. An object that is not understood is counted by its
    reason and does not affect the others.
    """
    found = ReceivedValues(values=[], withdrawn=[], odd=defaultdict(int))
    for one in objects:
        try:
            if not isinstance(one, dict):
                raise ValueError("no object")
            if "Event" in one:
                _misp(one["Event"], found)
            elif one.get("type") == "indicator":
                _stix(one, found)
            elif one.get("revoked") is True:
                found.withdrawn.append((_short(one["id"]), _short(one["modified"])))
        except (KeyError, TypeError, ValueError, UnicodeError, AttributeError, StillwatchError) as error:
            found.odd[
                str(error)
                if isinstance(error, ValueError) and str(error) in REASONS
                else "not as the standard says"
            ] += 1
    found.odd = dict(found.odd)
    return found


REASONS = (
    "no object",
    "a pattern of another form",
    "a pattern in another language",
    "a value that cannot be of its kind",
)
"""Reasons for which an object is not understood."""


def _short(value: object) -> str:
    """The value, if it is a text of 1 to 300 characters. Raises `TypeError` otherwise."""
    if not isinstance(value, str) or not 0 < len(value) <= 300:
        raise TypeError("text")
    return value


def _stix(one: Mapping[str, Any], found: ReceivedValues) -> None:
    """Add the value of a STIX indicator to `found`. Raises `ValueError` for another pattern or language."""
    name, version = _short(one["id"]), _short(one.get("modified") or one.get("created"))
    revoked = one.get("revoked") is True
    if revoked:
        found.withdrawn.append((name, version))
    if one.get("pattern_type", "stix") != "stix":
        raise ValueError("a pattern in another language")
    kind, value = _of_pattern(str(one["pattern"]))
    marks = {mark: tlp for tlp, mark in TLP_MARKINGS.items()}
    tlps = [marks[mark] for mark in one.get("object_marking_refs") or () if mark in marks]
    found.values.append(
        Received(
            id=name,
            kind=kind,
            value=_valued(kind, value),
            version=version,
            tlp=tlps[0] if tlps else "amber+strict",
            confidence=_confidence(one.get("confidence")),
            valid_until=_until(one.get("valid_until")),
            revoked=revoked,
        )
    )


def _of_pattern(pattern: str) -> tuple[str, str]:
    """Kind and value of a pattern with a single comparison. Raises `ValueError` for any other pattern."""
    for kind, form in PATTERNS:
        match = form.fullmatch(pattern.strip()) if len(pattern) <= LONGEST_PATTERN else None
        if match:
            return kind, re.sub(r"\\(['\\])", r"\1", match[1])
    raise ValueError("a pattern of another form")


def _misp(event: Mapping[str, Any], found: ReceivedValues) -> None:
    """Add the values of a MISP event's attributes to `found`."""
    tags = [str(tag.get("name", "")) for tag in event.get("Tag") or ()]
    tlp = next(
        (tag.removeprefix("tlp:") for tag in tags if tag.removeprefix("tlp:") in TLP_MARKINGS), "amber+strict"
    )
    attributes = list(event.get("Attribute") or ())
    for part in event.get("Object") or ():
        attributes += part.get("Attribute") or ()
    for one in attributes:
        kind = MISP_KINDS.get(one.get("type"))
        if kind is None:
            continue
        name, version = _short(one["uuid"]), str(one.get("timestamp", "0"))[:20]
        revoked = one.get("deleted") in (True, 1, "1")
        if revoked:
            found.withdrawn.append((name, version))
        elif not one.get("to_ids"):
            continue
        found.values.append(
            Received(
                id=name,
                kind=kind,
                value=_valued(kind, _short(one["value"])),
                version=version,
                tlp=tlp,
                confidence=50,
                valid_until=_until(one.get("last_seen")),
                revoked=revoked,
            )
        )


def _valued(kind: str, value: str) -> str:
    """The value in canonical form. An address range keeps its width, since a wider one would cover other
    customers.
    """
    try:
        if kind == "client_prefix":
            return str(ipaddress.ip_network(value.strip(), strict=False))
        return canonical(kind, value)
    except (ValueError, UnicodeError):
        raise ValueError("a value that cannot be of its kind") from None


def _confidence(given: object) -> int:
    """The confidence from 0 to 100; 50 where none is given."""
    return min(max(given, 0), 100) if isinstance(given, int) else 50


def _until(given: object) -> str:
    """Time of expiry: the sender's, or `VALID_DAYS` from now where there is none; at most `LONGEST_VALIDITY`
    from now.
    """
    moment = datetime.now(UTC)
    if given is None:
        end = moment + timedelta(days=VALID_DAYS)
    else:
        end = datetime.fromisoformat(str(given).replace("Z", "+00:00"))
        end = end.replace(tzinfo=end.tzinfo or UTC)
    return min(end, moment + LONGEST_VALIDITY).astimezone(UTC).isoformat(timespec="seconds")


def receive(state: SharingState, source: str, reliability: str, objects: Sequence[Any]) -> dict[str, Any]:
    """Store a source's objects as untested indicators, and retract those that it withdraws. Returns counts,
    and the withdrawn objects with versions.

    Raises `UsageError` where `reliability` is none of `RELIABILITY`.
    """
    if reliability not in RELIABILITY or len(reliability) != 1:
        raise UsageError(
            Problem(
                fact="this is no grade of a source", found=reliability[:20], expected=", ".join(RELIABILITY)
            )
        )
    found = taken(objects)
    new = 0
    gone = dict(found.withdrawn)
    with state.whole():
        for one in found.values:
            if one.revoked:
                continue
            gone.pop(one.id, None)
            new += state.write(
                "INSERT INTO received VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'untested', '', NULL) ON "
                "CONFLICT (source, id, kind, value) DO UPDATE SET "
                "version = excluded.version, tlp = excluded.tlp, grade = excluded.grade, confidence = "
                "excluded.confidence, "
                "valid_until = excluded.valid_until, status = 'untested', reason = '' WHERE excluded.version "
                "> version",
                (
                    source,
                    one.id,
                    one.kind,
                    one.value,
                    one.version,
                    one.tlp,
                    f"{reliability}{_credibility(one.confidence)}",
                    one.confidence,
                    one.valid_until,
                    now(),
                ),
            )
        retracted = sum(
            state.write(
                "UPDATE received SET status = 'retracted', reason = 'withdrawn by its source', version = ? "
                "WHERE source = ? AND id = ?",
                (version, source, name),
            )
            for name, version in gone.items()
        )
    counts = {
        "source": source,
        "objects": len(objects),
        "new": new,
        "retracted": retracted,
        "not_understood": dict(found.odd),
    }
    state.journal.add("received", counts)
    return {**counts, "withdrawn": sorted(gone.items())}


def _credibility(confidence: int) -> int:
    """Credibility by the Admiralty Code (1 the best) of a confidence from 0 to 100, by the scale in STIX 2.1,
    appendix A.
    """
    return next(grade for grade, least in enumerate((90, 70, 50, 30, 10, 0), 1) if confidence >= least)


def check(state: SharingState, traffic: Path, results: Path | None) -> dict[str, Any]:
    """Test all received indicators that are not retracted on local traffic. Returns how many may be used and
    how many are refused.

    `traffic` is a folder of Parquet tables with `account_id` and any of `COLUMNS` (exchanges, sketches, a
    store, accounts). Members of campaigns in `results` do not count as honest accounts. Raises `InputError`
    for a folder without such tables.
    """
    rows = state.rows("SELECT rowid, kind, value FROM received WHERE status != 'retracted'")
    members = (
        set()
        if results is None
        else set(read_table(results, contract.MEMBERS).column("account_id").to_pylist())
    )
    touched = holders(traffic, {(row["kind"], row["value"]) for row in rows})
    counts = {"may_act": 0, "refused": 0}
    with state.whole():
        for row in rows:
            honest = len(touched[row["kind"], row["value"]] - members)
            why = reason_withheld(row["kind"], row["value"], 1, 0, "")
            if honest >= CROWD:
                why = f"{honest:,} of your accounts that are no members of a campaign show it"
            counts["refused" if why else "may_act"] += 1
            state.write(
                "UPDATE received SET status = ?, reason = ?, accounts = ? WHERE rowid = ?",
                ("refused" if why else "may act", why, honest, row["rowid"]),
            )
    state.journal.add("received checked", counts)
    return counts


def holders(traffic: Path, wanted: set[tuple[str, str]]) -> Mapping[tuple[str, str], set[str]]:
    """Map each wanted (kind, value) to the accounts that show it in the Parquet tables below a folder."""
    files = sorted(traffic.rglob("*.parquet")) if traffic.is_dir() else [traffic]
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    networks = _Networks(value for kind, value in wanted if kind == "client_prefix")
    used = 0
    for path in files:
        try:
            names = set(pq.read_schema(path).names)
        except (OSError, ValueError) as error:
            raise InputError(
                Problem(fact="a table cannot be read", where=str(path), found=type(error).__name__)
            ) from None
        shown = [(kind, column) for kind, column in COLUMNS.items() if column in names]
        shown += [("client_prefix", "signup_ip")] if "signup_ip" in names else []
        if "account_id" not in names:
            continue
        used += bool(shown)
        for kind, column in shown:
            table = (
                pq.read_table(path, columns=["account_id", column])
                .group_by(["account_id", column])
                .aggregate([])
            )
            for account, value in zip(
                table.column("account_id").to_pylist(), table.column(column).to_pylist(), strict=True
            ):
                for one in networks.over(value) if kind == "client_prefix" else _forms(kind, value):
                    if (kind, one) in wanted:
                        found[kind, one].add(account)
    if not used:
        raise InputError(
            Problem(
                fact="no table here shows accounts with addresses or programs",
                where=str(traffic),
                expected="Parquet with `account_id` and `client_ip`",
                fix="stillwatch scan LOGS --store KEPT --no-judge",
            )
        )
    return found


def _forms(kind: str, value: str | None) -> Sequence[str]:
    """The value in canonical form, as a tuple; empty for an invalid value."""
    try:
        return () if not value else (canonical(kind, value),)
    except (ValueError, UnicodeError):
        return ()


class _Networks:
    """Received address ranges, grouped by prefix length, so that a look-up costs one test for each length."""

    def __init__(self, ranges: Iterable[str]) -> None:
        self._held = {ipaddress.ip_network(one) for one in ranges}
        self._lengths = sorted({(one.version, one.prefixlen) for one in self._held})

    def over(self, address: str | None) -> list[str]:
        """The received ranges that contain an address; empty for an invalid address."""
        try:
            one = ipaddress.ip_address(address or "")
        except ValueError:
            return []
        some = (
            ipaddress.ip_network((one, length), strict=False)
            for version, length in self._lengths
            if version == one.version
        )
        return [str(network) for network in some if network in self._held]


def acting(state: SharingState) -> list[dict[str, Any]]:
    """Indicators in use now: tested, not refused, not retracted and not expired."""
    rows = state.rows(
        "SELECT * FROM received WHERE status = 'may act' AND valid_until > ? ORDER BY kind, value, source",
        (now(),),
    )
    return [dict(row) for row in rows]


def feedback(state: SharingState, source: str, at: str) -> list[dict[str, Any]]:
    """STIX objects for the source: a sighting of each indicator that accounts here show, and an opinion on
    each that was refused.

    A sighting's count is the number of accounts; accounts are not named. `at` is the time of creation.
    """
    import uuid

    from stillwatch.export.values import NAMESPACE

    objects = []
    for row in state.rows(
        "SELECT * FROM received WHERE source = ? AND accounts IS NOT NULL ORDER BY id, value", (source,)
    ):
        if not str(row["id"]).startswith("indicator--"):
            continue
        refused = row["status"] == "refused"
        kind = "opinion" if refused else "sighting"
        if not refused and not row["accounts"]:
            continue
        name = uuid.uuid5(NAMESPACE, "|".join((source, row["id"], row["value"], row["version"])))
        one: dict[str, Any] = {
            "type": kind, "spec_version": "2.1", "id": f"{kind}--{name}",
            "created": at, "modified": at,
        }  # fmt: skip
        if refused:
            one |= {
                "opinion": "strongly-disagree",
                "explanation": f"false positive: {row['reason']}",
                "object_refs": [row["id"]],
            }
        else:
            one |= {"sighting_of_ref": row["id"], "count": row["accounts"]}
        objects.append(one)
    return objects
