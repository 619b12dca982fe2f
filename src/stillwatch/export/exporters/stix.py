"""Campaigns as a bundle of STIX 2.1 objects (OASIS standard of 10 June 2021).

Identifiers are of version 5: those of observables follow the specification (section 2.9), all others use a
namespace of Stillwatch, so that a campaign has the same identifiers in every export. Values without a STIX
property are in a property extension. No threat actor is written, since that requires claim 5, which results
do not assert.
"""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from stillwatch.export import atlas
from stillwatch.export.atlas import Technique
from stillwatch.export.content import ExportContent, ExportedCampaign, ExportedIndicator, read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms, Tlp
from stillwatch.export.values import json_bytes, own_uuid, stamp, tlp_label

Object = dict[str, Any]

OBSERVABLES = uuid.UUID("00abedb4-aa42-466c-9c01-fed23315a9b7")  # of identifiers (STIX 2.1, section 2.9)
# Extension definition of TLP 2.0 by OASIS.
TLP_EXTENSION = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
TLP_CREATED = "2022-10-01T00:00:00.000Z"  # time of creation of the markings of TLP 2.0
TLP_MARKINGS: dict[Tlp, str] = {
    "clear": "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487",
    "green": "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb",
    "amber": "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421",
    "amber+strict": "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
    "red": "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1",
}
"""Identifiers that OASIS assigned to the markings of TLP 2.0, under `TLP_EXTENSION`."""
# Identifier of our extension with the evidence.
EXTENSION = f"extension-definition--{own_uuid('extension', 'evidence', '1')}"
EXTENSION_VERSION = "1.0.0"  # version of our extension
BEGUN = "2026-01-01T00:00:00.000Z"
"""Time of creation of objects that belong to no campaign."""
# Description of the properties of our extension.
SCHEMA = (
    "Properties of this extension, each optional. probability (number, 0 to 1): that the account is a member "
    "of the campaign. "
    "q_value (number): false-discovery rate at which the campaign is reported. accounts (integer): members. "
    "exchanges (integer): requests "
    "attributed. members (integer): members that show the indicator's value. others (integer): other "
    "accounts of the provider that show "
    "it. ja4 (string): JA4 or JA3 fingerprint of a TLS client."
)


@exporter(title="STIX 2.1 bundle", names_accounts=False)
def stix(results: Path, out: Path, terms: Terms) -> None:
    """Write `bundle.json`."""
    objects = list(objects_of(read_content(results, terms)))
    name = own_uuid("bundle", *sorted(f"{one['id']} {one.get('modified', '')}" for one in objects))
    whole = {"type": "bundle", "id": f"bundle--{name}", "objects": objects}
    (out / "bundle.json").write_bytes(json_bytes(whole))


def objects_of(content: ExportContent) -> Iterator[Object]:
    """Yield the STIX objects of this content, without duplicates, objects before those that refer to them."""
    terms = content.terms
    producer = f"identity--{own_uuid('identity', terms.producer)}"
    marking = TLP_MARKINGS[terms.tlp]
    common = {"spec_version": "2.1", "created_by_ref": producer, "object_marking_refs": [marking]}
    yield {
        "type": "identity",
        "spec_version": "2.1",
        "id": producer,
        "created": BEGUN,
        "modified": BEGUN,
        "name": terms.producer,
        "identity_class": "organization",
    }
    yield _marking(terms.tlp)
    yield {
        "type": "extension-definition",
        "spec_version": "2.1",
        "id": EXTENSION,
        "created_by_ref": _author(),
        "created": BEGUN,
        "modified": BEGUN,
        "name": "Evidence of model extraction campaigns",
        "schema": SCHEMA,
        "version": EXTENSION_VERSION,
        "extension_types": ["property-extension"],
        "description": "Statistics of a campaign, of its members and of the values that they share.",
    }
    yield {
        "type": "identity",
        "spec_version": "2.1",
        "id": _author(),
        "created": BEGUN,
        "modified": BEGUN,
        "name": "Stillwatch",
        "identity_class": "system",
    }
    shown = {one for campaign in content.campaigns for one in campaign.techniques}
    for technique in sorted(shown, key=lambda one: one.technique):
        yield _attack_pattern(technique)
    yield from _accounts(content, marking)
    for campaign in content.campaigns:
        yield from _campaign(campaign, common)


def _author() -> str:
    """Identifier of Stillwatch's own identity object."""
    return f"identity--{own_uuid('identity of the program')}"


def _marking(tlp: Tlp) -> Object:
    """The STIX object of a TLP marking."""
    return {
        "type": "marking-definition",
        "spec_version": "2.1",
        "id": TLP_MARKINGS[tlp],
        "created": TLP_CREATED,
        "name": tlp_label(tlp),
        "extensions": {TLP_EXTENSION: {"extension_type": "property-extension", "tlp_2_0": tlp}},
    }


def _attack_pattern(one: Technique) -> Object:
    """A technique as an `attack-pattern`."""
    return {
        "type": "attack-pattern",
        "spec_version": "2.1",
        "id": _pattern_id(one),
        "created_by_ref": _author(),
        "created": BEGUN,
        "modified": BEGUN,
        "name": one.name,
        "external_references": [{"source_name": "mitre-atlas", "external_id": one.technique, "url": one.url}],
        "kill_chain_phases": [{"kill_chain_name": "mitre-atlas", "phase_name": one.tactic}],
    }


def _pattern_id(one: Technique) -> str:
    """Identifier of a technique's `attack-pattern`."""
    return f"attack-pattern--{own_uuid('attack-pattern', atlas.VERSION, one.technique)}"


def _accounts(content: ExportContent, marking: str) -> Iterator[Object]:
    """One observable for each member, with its largest probability over campaigns; a revoked campaign counts
    as 0.
    """
    probability: dict[str, float] = {}
    for campaign in content.campaigns:
        for one in campaign.members:
            mine = 0.0 if campaign.is_revoked else one.probability
            probability[one.name] = max(mine, probability.get(one.name, 0.0))
    for name, value in sorted(probability.items()):
        yield {
            "type": "user-account",
            "spec_version": "2.1",
            "id": account_id(name),
            "user_id": name,
            "object_marking_refs": [marking],
            "extensions": _extension(probability=round(value, 4)),
        }


def account_id(name: str) -> str:
    """Identifier of a `user-account` by its `user_id` (section 2.9: UUID of the RFC 8785 JSON of the
    contributing properties).
    """
    return f"user-account--{uuid.uuid5(OBSERVABLES, orjson.dumps({'user_id': name}).decode())}"


def _campaign(one: ExportedCampaign, common: Object) -> Iterator[Object]:
    """The objects of a campaign: itself, its accounts, techniques, indicators and relationships."""

    def made(kind: str, *parts: str, its: ExportedCampaign = one, **properties: Any) -> Object:  # noqa: ANN401
        """A STIX object, whose identifier is derived from kind, campaign and `parts` alone."""
        name = f"{kind}--{own_uuid(common['created_by_ref'], kind, one.key, *parts)}"
        times: Object = {"created": stamp(one.first_seen), "modified": stamp(its.modified)}
        if its.is_revoked:
            times["revoked"] = True
        return {"type": kind, "id": name, **common, **times, **properties}

    campaign = made(
        "campaign",
        name=one.title,
        description=one.summary,
        first_seen=stamp(one.first_seen),
        last_seen=stamp(one.last_seen),
        objective=f"Answers of a model: {', '.join(one.capabilities) or 'no capability stands out'}",
        confidence=one.confidence,
        extensions=_extension(q_value=one.q_value, accounts=len(one.members), exchanges=one.exchanges),
    )
    yield campaign
    yield made(
        "grouping", name=f"Accounts of {one.title}", context="suspicious-activity", confidence=one.confidence,
        object_refs=[campaign["id"], *(account_id(who.name) for who in one.members)],
    )  # fmt: skip
    for technique in one.techniques:
        yield made(
            "relationship", "uses", technique.technique, relationship_type="uses", source_ref=campaign["id"],
            target_ref=_pattern_id(technique), confidence=one.confidence,
        )  # fmt: skip
    for what, its in one.each():
        indicator = made(
            "indicator",
            what.kind,
            what.value,
            its=its,
            name=f"{what.kind} of {one.title}",
            indicator_types=["malicious-activity"],
            description=f"{what.members:,} members show this value, and {what.others:,} other accounts of "
            f"the provider.",
            pattern=pattern(what),
            pattern_type="stix",
            pattern_version="2.1",
            valid_from=stamp(one.first_seen),
            valid_until=stamp(one.expires),
            confidence=what.confidence,
            extensions=_extension(members=what.members, others=what.others),
        )
        yield indicator
        yield made(
            "relationship",
            "indicates",
            what.kind,
            what.value,
            its=its,
            relationship_type="indicates",
            source_ref=indicator["id"],
            target_ref=campaign["id"],
            confidence=what.confidence,
        )


def _extension(**properties: float) -> Object:
    """The property extension with these properties."""
    return {EXTENSION: {"extension_type": "property-extension", **properties}}


def pattern(one: ExportedIndicator) -> str:
    """The STIX pattern that matches an indicator's value. Raises `ValueError` for a kind without a
    pattern.
    """
    value = one.value.replace("\\", "\\\\").replace("'", "\\'")
    if one.kind in ("client_prefix", "signup_address"):
        network = ipaddress.ip_network(one.value, strict=False)
        comparison = "=" if network.num_addresses == 1 else "ISSUBSET"
        return f"[ipv{network.version}-addr:value {comparison} '{value}']"
    if one.kind == "email_domain":
        return f"[domain-name:value = '{value}']"
    if one.kind == "user_agent":
        return f"[network-traffic:extensions.'http-request-ext'.request_header.'User-Agent' = '{value}']"
    if one.kind == "tls_fingerprint":
        return f"[network-traffic:extensions.'{EXTENSION}'.ja4 = '{value}']"
    raise ValueError(one.kind)
