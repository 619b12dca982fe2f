"""One MISP event a campaign, with its attributes and objects.

Object templates are those of misp-objects (`user-account` 6, `ja4-plus` 2, `attack-pattern` 1). A revoked
campaign keeps its identifiers: its attributes and objects are marked as deleted, which a MISP instance that
has them carries out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stillwatch.enrich import tls
from stillwatch.export.content import ExportContent, ExportedCampaign, ExportedIndicator, read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import day, json_bytes, own_uuid

NOT_PUBLISHED, OWN_ORGANISATION, COMPLETED, UNDEFINED = False, "0", "2", "4"
"""Events are exported unpublished and limited to the receiving organisation, which decides on their
distribution.
"""
TEMPLATES = {
    "user-account": ("49606b06-22f0-4ac8-8eee-2f12ad46f3d3", "6", "misc"),
    "ja4-plus": ("2c15c75e-e7db-4b62-8d17-633e7571818f", "2", "network"),
    "attack-pattern": ("35928348-56be-4d7f-9752-a80927936351", "1", "vulnerability"),
}
"""Template's identifier, version and class, by name."""
ATTRIBUTES = {
    "client_prefix": "ip-src",
    "signup_address": "ip-src",
    "email_domain": "domain",
    "tls_fingerprint": "ja3-fingerprint-md5",
    "user_agent": "user-agent",
}
"""MISP type of each kind that is exported as an attribute; a JA4 fingerprint is exported as an object."""
LEVELS = ((91, "high"), (50, "moderate"), (0, "low"))
"""Smallest confidence (0 to 100) for each value of MISP's taxonomy `estimative-language`."""


@exporter(title="MISP events with attributes and objects, one event a campaign", names_accounts=False)
def misp(results: Path, out: Path, terms: Terms) -> None:
    """Write `misp.json`."""
    content = read_content(results, terms)
    events = [{"Event": _event(one, content)} for one in content.campaigns]
    whole = events[0] if len(events) == 1 else {"response": events}
    (out / "misp.json").write_bytes(json_bytes(whole))


def _event(one: ExportedCampaign, content: ExportContent) -> dict[str, Any]:
    """The MISP event of a campaign."""
    terms = content.terms
    organisation = {"name": terms.producer, "uuid": own_uuid("organisation", terms.producer)}
    tags = [
        f"tlp:{terms.tlp}",
        _confidence(one.confidence),
        f'stillwatch:valid-until="{day(one.expires)}"',
        f"stillwatch:{one.status}",
    ]
    name = own_uuid(organisation["uuid"], "event", one.key)
    values = one.each()
    return {
        "uuid": name,
        "info": f"{one.title}: {one.summary}",
        "date": day(one.first_seen),
        "timestamp": _seconds(one.modified, one),
        "threat_level_id": UNDEFINED,
        "analysis": COMPLETED,
        "distribution": OWN_ORGANISATION,
        "published": NOT_PUBLISHED,
        "Orgc": organisation,
        "Tag": [{"name": tag} for tag in tags],
        "Attribute": [_shared(what, its, name) for what, its in values if not _is_ja4(what)],
        "Object": [
            *(_fingerprint(what, its, name) for what, its in values if _is_ja4(what)),
            *(
                _object(
                    "attack-pattern", t.technique, one, name, id=t.technique, name=t.name, references=t.url
                )
                for t in one.techniques
            ),
            *(
                _object(
                    "user-account",
                    who.name,
                    one,
                    name,
                    **{"user-id": who.name, "description": f"member with probability {who.probability:.4f}"},
                )
                for who in one.members
            ),
        ],
    }


def _is_ja4(what: ExportedIndicator) -> bool:
    """Whether a value is a TLS fingerprint to export as an object; a JA3 fingerprint is exported as an
    attribute.
    """
    greeting = tls.parse(what.value) if what.kind == "tls_fingerprint" else None
    return what.kind == "tls_fingerprint" and (greeting is None or greeting.kind == "ja4")


def _fingerprint(what: ExportedIndicator, one: ExportedCampaign, event: str) -> dict[str, Any]:
    """A JA4 fingerprint as a MISP object."""
    values = {"ja4-fingerprint": what.value, "ja4-type": "JA4", "description": _comment(what, one)}
    return _object("ja4-plus", what.value, one, event, **values)


def _shared(what: ExportedIndicator, one: ExportedCampaign, event: str) -> dict[str, Any]:
    """An indicator as a MISP attribute."""
    # A user agent alone is weak evidence: `to_ids` is false, so that MISP makes no detection rule of it.
    is_rule = what.kind != "user_agent" and not one.is_revoked
    greeting = tls.parse(what.value) if what.kind == "tls_fingerprint" else None
    value = greeting.digest if greeting else what.value
    return _attribute(ATTRIBUTES[what.kind], value, one, event, what.kind, is_rule=is_rule) | {
        "category": "Network activity",
        "comment": _comment(what, one),
        "Tag": [{"name": _confidence(what.confidence)}],
    }


def _comment(what: ExportedIndicator, one: ExportedCampaign) -> str:
    """Counts, confidence and expiry of an indicator, as text."""
    return (
        f"{what.kind}: {what.members:,} members, {what.others:,} other accounts; confidence "
        f"{what.confidence}; "
        f"valid until {day(one.expires)}"
    )


def _attribute(
    kind: str, value: str, one: ExportedCampaign, event: str, *parts: str, is_rule: bool = False
) -> dict[str, Any]:
    """A MISP attribute; its identifier is derived from event, type, value and `parts`."""
    return {
        "uuid": own_uuid(event, "attribute", kind, value, *parts),
        "type": kind,
        "category": "Other",
        "value": value,
        "to_ids": is_rule,
        "disable_correlation": False,
        "deleted": one.is_revoked,
        "distribution": "5",  # as the event's
        "timestamp": _seconds(one.modified, one),
    }


def _object(template: str, title: str, one: ExportedCampaign, event: str, **values: str) -> dict[str, Any]:
    """A MISP object of this template, with `values` by relation."""
    uuid, version, meta = TEMPLATES[template]
    name = own_uuid(event, template, title)
    return {
        "uuid": name,
        "name": template,
        "template_uuid": uuid,
        "template_version": version,
        "meta-category": meta,
        "distribution": "5",
        "timestamp": _seconds(one.modified, one),
        "deleted": one.is_revoked,
        "Attribute": [
            _attribute(TYPES.get(relation, "text"), value, one, name, relation)
            | {"object_relation": relation}
            for relation, value in values.items()
        ],
    }


TYPES = {"references": "link"}
"""MISP type of object relations that are not text."""


def _confidence(confidence: int) -> str:
    """The tag for a confidence from 0 to 100."""
    level = next(level for least, level in LEVELS if confidence >= least)
    return f'estimative-language:confidence-in-analytic-judgment="{level}"'


def _seconds(moment: datetime, one: ExportedCampaign) -> str:
    """Seconds since 1970 as text; for a revoked campaign, one second more."""
    return str(int(moment.astimezone(UTC).timestamp()) + one.is_revoked)
