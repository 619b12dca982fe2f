"""One OCSF 1.5 detection finding (class 2004) a campaign, one a line."""

from __future__ import annotations

import ipaddress
from datetime import datetime
from pathlib import Path
from typing import Any

from stillwatch import __version__
from stillwatch.export import atlas
from stillwatch.export.atlas import Technique
from stillwatch.export.content import ExportContent, ExportedCampaign, ExportedIndicator, read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import json_lines_bytes, own_uuid, stamp, tlp_label

VERSION = "1.5.0"  # version of OCSF that the events follow
# `category_uid` and `class_uid` of a detection finding (OCSF 1.5).
FINDINGS, DETECTION_FINDING = 2, 2004
# `activity_id`: a finding that is new, or closed.
CREATE, CLOSE = 1, 3
# `status_id`: new, or suppressed.
NEW, SUPPRESSED = 1, 3
# `severity_id`.
MEDIUM, HIGH = 3, 4
STATISTICAL = 3  # `type_id` of an analytic that is statistical (OCSF 1.5)
SERIOUS = ("harvest", "mixed")
"""Kinds of campaign of high severity, since models can be trained on what they extracted. Others have medium
severity.
"""
LEVELS = ((67, 3, "High"), (34, 2, "Medium"), (0, 1, "Low"))
"""Smallest confidence (0 to 100) of each level, by thirds of the scale, since OCSF defines no bounds."""
# `type_id` and name in OCSF, by kind of value.
OBSERVABLES = {
    "email_domain": (1, "Hostname"),
    "tls_fingerprint": (30, "Fingerprint"),
    "user_agent": (16, "HTTP User-Agent"),
}
# `type_id` and name of an observable: one address, or a range.
ADDRESS, SUBNET = (2, "IP Address"), (12, "Subnet")


@exporter(title="OCSF 1.5 detection findings (class 2004), one a line", names_accounts=False)
def ocsf(results: Path, out: Path, terms: Terms) -> None:
    """Write `ocsf.jsonl`."""
    content = read_content(results, terms)
    (out / "ocsf.jsonl").write_bytes(json_lines_bytes(_finding(one, content) for one in content.campaigns))


def _finding(one: ExportedCampaign, content: ExportContent) -> dict[str, Any]:
    """The finding of a campaign; a revoked one is closed and has no evidence."""
    shared, members = ((), ()) if one.is_revoked else (one.shared, one.members)
    activity = CLOSE if one.is_revoked else CREATE
    _least, level, word = next(known for known in LEVELS if one.confidence >= known[0])
    is_high = one.kind in SERIOUS
    return {
        "activity_id": activity,
        "activity_name": "Close" if one.is_revoked else "Create",
        "category_name": "Findings",
        "category_uid": FINDINGS,
        "class_name": "Detection Finding",
        "class_uid": DETECTION_FINDING,
        "type_uid": DETECTION_FINDING * 100 + activity,
        "severity_id": HIGH if is_high else MEDIUM,
        "severity": "High" if is_high else "Medium",
        "status_id": SUPPRESSED if one.is_revoked else NEW,
        "status": "Suppressed" if one.is_revoked else "New",
        "is_alert": not one.is_revoked,
        "confidence_id": level,
        "confidence": word,
        "confidence_score": one.confidence,
        "time": _ms(one.modified),
        "start_time": _ms(one.first_seen),
        "end_time": _ms(one.last_seen),
        "message": one.summary,
        "metadata": {
            "version": VERSION,
            "uid": own_uuid("ocsf", content.terms.producer, one.key, stamp(one.modified)),
            "labels": [tlp_label(content.terms.tlp)],
            "product": {"name": "Stillwatch", "vendor_name": content.terms.producer, "version": __version__},
        },
        "finding_info": {
            "uid": own_uuid("finding", content.terms.producer, one.key),
            "title": one.title,
            "desc": one.summary,
            "types": [f"Model extraction: {one.kind}"],
            "created_time": _ms(one.first_seen),
            "modified_time": _ms(one.modified),
            "first_seen_time": _ms(one.first_seen),
            "last_seen_time": _ms(one.last_seen),
            "analytic": {
                "name": "Stillwatch",
                "uid": "stillwatch",
                "type": "Statistical",
                "type_id": STATISTICAL,
                "version": __version__,
            },
            "attacks": [_attack(technique) for technique in one.techniques],
        },
        "observables": [_observable(at, what) for at, what in enumerate(shared)],
        "evidences": [
            *({"data": _data(what)} for what in shared),
            *({"actor": {"user": {"uid": who.name, "risk_score": who.confidence}}} for who in members),
        ],
        "unmapped": {
            "q_value": one.q_value,
            "valid_until": stamp(one.expires),
            "capabilities": list(one.capabilities),
        },
    }


def _data(what: ExportedIndicator) -> dict[str, Any]:
    """An indicator as the data of an OCSF evidence."""
    return {
        "kind": what.kind,
        "value": what.value,
        "members": what.members,
        "others": what.others,
        "confidence_score": what.confidence,
    }


def _observable(at: int, what: ExportedIndicator) -> dict[str, Any]:
    """An indicator as an OCSF observable that refers to evidence number `at`."""
    number, word = OBSERVABLES.get(what.kind) or (ADDRESS if _is_one_address(what.value) else SUBNET)
    return {"name": f"evidences[{at}].data.value", "type_id": number, "type": word, "value": what.value}


def _is_one_address(value: str) -> bool:
    """Whether a network is a single address."""
    return ipaddress.ip_network(value, strict=False).num_addresses == 1


def _attack(one: Technique) -> dict[str, Any]:
    """A technique as an OCSF attack."""
    attack: dict[str, Any] = {
        "version": f"ATLAS {atlas.VERSION}",
        "tactic": {"uid": one.tactic_id, "name": one.tactic_name},
        "technique": {"uid": one.parent, "name": one.parent_name or one.name},
    }
    if one.parent_name:
        attack["sub_technique"] = {"uid": one.technique, "name": one.name, "src_url": one.url}
    return attack


def _ms(moment: datetime) -> int:
    """Milliseconds since 1970."""
    return int(moment.timestamp() * 1000)
