"""The sharing policy: which content may be shared, with whom, under which marking and for which purpose; and
the content of results that it permits.

Rules:

* Only the object types and properties in `PROPERTIES` are shared. Any other property raises an
  `AssertionError`, since it is a fault of the program.
* No property holds a price, a volume by customer, the name of a customer or a product plan.
* Content that the policy does not name is not shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from stillwatch.errors import InputError, Problem, StillwatchError, UsageError, unknown
from stillwatch.export.content import SHARED, ExportContent, ExportedCampaign, Withheld, read_content
from stillwatch.export.exporters.stix import Object, objects_of
from stillwatch.export.terms import MOST_DAYS, TLP, VALID_DAYS, Terms, Tlp
from stillwatch.foreign import visible
from stillwatch.share.state import check_name

FIELDS = ("pseudonyms", "capabilities", "techniques", *SHARED)
"""Content that a policy may permit in addition to a campaign's kind, times, counts, rate and confidence."""
# Properties that an object of any type may have in a release.
COMMON = frozenset(
    "type spec_version id created modified created_by_ref object_marking_refs revoked confidence name "
    "description extensions".split()
)
PROPERTIES: dict[str, frozenset[str]] = {
    "identity": COMMON | {"identity_class"},
    "marking-definition": COMMON,
    "extension-definition": COMMON | {"schema", "version", "extension_types"},
    "attack-pattern": COMMON | {"external_references", "kill_chain_phases"},
    "user-account": COMMON | {"user_id"},
    "campaign": COMMON | {"first_seen", "last_seen", "objective"},
    "grouping": COMMON | {"context", "object_refs"},
    "relationship": COMMON | {"relationship_type", "source_ref", "target_ref"},
    "indicator": COMMON
    | {"indicator_types", "pattern", "pattern_type", "pattern_version", "valid_from", "valid_until"},
}
"""All properties that can be shared, by type of STIX object."""
NEVER = ("price", "volume by customer", "name of a customer", "product plan")
"""Content that none of these properties holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A collection: its TLP marking and the peers that may read it."""

    tlp: Tlp
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SharingPolicy:
    """A policy file.

    `fields` are the permitted kinds of content. A release must name one of `purposes` and one of
    `legal_bases`. Campaigns with a confidence (0 to 100) below `least_confidence` are not shared.
    """

    producer: str
    fields: frozenset[str]
    collections: Mapping[str, Shelf]
    purposes: tuple[str, ...]
    legal_bases: tuple[str, ...]
    valid_days: int
    least_confidence: int


TEXTS = ("fields", "purposes", "legal_bases")
"""Keys whose value is a list of texts."""
KNOWN = ("producer", *TEXTS, "collections", "valid_days", "least_confidence")
"""Keys of a policy file."""


def read_policy(path: Path) -> SharingPolicy:
    """Read the policy in a YAML file. Raises `InputError` with all problems."""
    try:
        found = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(
            Problem(fact="the policy cannot be read", where=str(path), found=type(error).__name__)
        ) from None
    if not isinstance(found, dict):
        raise InputError(Problem(fact="the policy is no mapping", where=str(path), expected=", ".join(KNOWN)))
    shelves, problems = _shelves(found.get("collections"), path)
    problems += [_wrong(name, expected, path) for name, expected in _mistakes(found)]
    if problems:
        raise InputError(*problems)
    return SharingPolicy(
        producer=found["producer"],
        fields=frozenset(found["fields"]),
        collections=shelves,
        purposes=tuple(found["purposes"]),
        legal_bases=tuple(found["legal_bases"]),
        valid_days=found.get("valid_days", VALID_DAYS),
        least_confidence=found.get("least_confidence", 0),
    )


def _wrong(name: str, expected: str, path: Path) -> Problem:
    """The problem of a key with an invalid value."""
    return Problem(fact=f"`{visible(name)}` of the policy cannot be", where=str(path), expected=expected)


def _mistakes(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Keys of the policy with invalid values, each with a description of valid ones."""
    bad = [(str(name), f"one of {', '.join(KNOWN)}") for name in found if name not in KNOWN]
    for name in TEXTS:
        given = found.get(name)
        if (
            not isinstance(given, list)
            or not given
            or not all(isinstance(one, str) and one.strip() for one in given)
        ):
            bad.append((name, "a list of texts"))
        elif name == "fields" and not set(given) <= set(FIELDS):
            bad.append((name, f"some of {', '.join(FIELDS)}"))
    if not isinstance(found.get("producer"), str) or not found["producer"].strip():
        bad.append(("producer", "the name under which you share"))
    for name, least, most in (("valid_days", 1, MOST_DAYS), ("least_confidence", 0, 100)):
        given = found.get(name, least)
        if type(given) is not int or not least <= given <= most:
            bad.append((name, f"{least} to {most}"))
    return bad


def _shelves(found: object, path: Path) -> tuple[dict[str, Shelf], list[Problem]]:
    """The collections of the policy, and the problems found."""
    if not isinstance(found, dict) or not found:
        return {}, [_wrong("collections", "at least one collection", path)]
    shelves, problems = {}, []
    for name, one in found.items():
        try:
            check_name("collection", str(name))
            if one["tlp"] not in TLP:
                raise unknown("marking", str(one["tlp"]), TLP)
            for peer in one["peers"]:
                check_name("peer", str(peer))
            shelves[str(name)] = Shelf(tlp=one["tlp"], peers=tuple(map(str, one["peers"])))
        except StillwatchError as error:
            problems += [*error.problems]
        except (TypeError, KeyError):
            problems.append(_wrong(f"collections.{name}", "tlp: MARKING and peers: [NAME, ...]", path))
    return shelves, problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """The objects to be shared, each with its campaign's key (empty: of no campaign), the keys of the
    campaigns, and what is withheld.
    """

    objects: tuple[tuple[str, Object], ...]
    campaigns: tuple[str, ...]
    withheld: tuple[Withheld, ...]

    def as_json(self) -> dict[str, Any]:
        """As JSON, for `share preview --json`."""
        return {
            "objects": [one for _key, one in self.objects],
            "campaigns": list(self.campaigns),
            "withheld": [
                {"campaign": w.campaign, "kind": w.kind, "value": w.value, "reason": w.reason}
                for w in self.withheld
            ],
            "never": list(NEVER),
        }

    @property
    def types(self) -> dict[str, int]:
        """Number of objects by type."""
        return dict(sorted(Counter(one["type"] for _key, one in self.objects).items()))


def leaving(
    results: Path, policy: SharingPolicy, collection: str, retracted: frozenset[str] = frozenset()
) -> Leaving:
    """The content of results that the policy permits for one of its collections. Campaigns whose keys are in
    `retracted` are left out.

    Raises `UsageError` for a collection that the policy does not name, `StateError` where a table of the
    results cannot be read.
    """
    if collection not in policy.collections:
        raise unknown("collection of the policy", collection, policy.collections)
    shelf = policy.collections[collection]
    terms = Terms(tlp=shelf.tlp, producer=policy.producer, valid_days=policy.valid_days, with_accounts=False)
    content = read_content(results, terms)
    withheld = list(content.withheld)
    campaigns = []
    for one in content.campaigns:
        kept, more = _reduced(one, policy, retracted)
        withheld += more
        if kept is not None:
            campaigns.append(kept)
    objects: dict[str, tuple[str, Object]] = {}
    for one in campaigns:
        for what in objects_of(ExportContent(terms=terms, campaigns=(one,), withheld=())):
            if _is_named(what, policy):
                own = what["type"] in ("campaign", "grouping", "relationship", "indicator", "user-account")
                objects.setdefault(what["id"], (one.key if own else "", _checked(what)))
    return Leaving(
        objects=tuple(objects.values()),
        campaigns=tuple(one.key for one in campaigns),
        withheld=tuple(withheld),
    )


def _reduced(
    one: ExportedCampaign, policy: SharingPolicy, retracted: frozenset[str]
) -> tuple[ExportedCampaign | None, list[Withheld]]:
    """The campaign reduced to what the policy permits (None: nothing of it), and what is withheld with the
    reasons.
    """

    def held(kind: str, value: str, reason: str) -> Withheld:
        """A value that is withheld, with the reason."""
        return Withheld(campaign=one.name, kind=kind, value=value, reason=reason)

    if one.key in retracted:
        return None, [held("campaign", one.name, "it was retracted")]
    if one.confidence < policy.least_confidence:
        return None, [
            held("campaign", one.name, f"its confidence is {one.confidence}, below {policy.least_confidence}")
        ]
    shown = tuple(what for what in one.indicators if what.kind in policy.fields)
    more = [
        held(what.kind, what.value, "the policy does not let this kind out")
        for what in one.indicators
        if what.kind not in policy.fields
    ]
    for name in ("pseudonyms", "capabilities", "techniques"):
        more += [] if name in policy.fields else [held(name, "", "the policy does not let this out")]
    capabilities = one.capabilities if "capabilities" in policy.fields else ()
    techniques = one.techniques if "techniques" in policy.fields else ()
    return replace(one, indicators=shown, capabilities=capabilities, techniques=techniques), more


def _is_named(what: Object, policy: SharingPolicy) -> bool:
    """Whether the policy permits this type of object: accounts and groupings require `pseudonyms`."""
    return what["type"] not in ("user-account", "grouping") or "pseudonyms" in policy.fields


def _checked(what: Object) -> Object:
    """The object unchanged. Raises `AssertionError` where it has a property that is not in `PROPERTIES`."""
    beyond = what.keys() - PROPERTIES.get(what["type"], frozenset())
    if beyond:
        raise AssertionError(f"{what['type']} has {', '.join(sorted(beyond))}")
    return what


def check_release(policy: SharingPolicy, purpose: str, basis: str, approver: str) -> None:
    """Raise `UsageError` for a purpose or a legal basis that the policy does not name, or for an empty
    approver.
    """
    for what, given, known in (
        ("purpose", purpose, policy.purposes),
        ("legal basis", basis, policy.legal_bases),
    ):
        if given not in known:
            raise unknown(f"{what} of the policy", given, known)
    if not approver.strip():
        raise UsageError(
            Problem(fact="`--approver` is empty", expected="the name of who answers for the release")
        )
