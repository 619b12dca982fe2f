"""What may leave, to whom, marked how and for which purpose: a policy file, and what it leaves of results.

Rules:

* Only objects of `PROPERTIES` with those properties leave; anything else in an object is an error of the program, not a warning.
* None of these properties holds a price, a volume by customer, the name of a customer or a product plan.
* What a policy does not name does not leave.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from stillwatch.errors import InputError, Problem, StillwatchError, UsageError, unknown
from stillwatch.export.content import SHARED, Campaign, Content, Withheld, read_content
from stillwatch.export.exporters.stix import objects_of
from stillwatch.export.terms import TLP, VALID_DAYS, Terms, Tlp
from stillwatch.share.state import check_name

Object = dict[str, Any]
FIELDS = ("pseudonyms", "capabilities", "techniques", *SHARED)
"""What a policy may let out, beside the campaign itself: its kind, times, counts, rate and confidence."""
COMMON = frozenset(
    "type spec_version id created modified created_by_ref object_marking_refs revoked confidence name description extensions".split()
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
    "indicator": COMMON | {"indicator_types", "pattern", "pattern_type", "pattern_version", "valid_from", "valid_until"},
}
"""Every property that can leave, by type of object."""
NEVER = ("price", "volume by customer", "name of a customer", "product plan")
"""What no property above holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """A collection: its marking, and the peers that may read it."""

    tlp: Tlp
    peers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The policy file. `purposes` and `legal_bases` are those that a release may name."""

    producer: str
    fields: frozenset[str]
    collections: Mapping[str, Shelf]
    purposes: tuple[str, ...]
    legal_bases: tuple[str, ...]
    valid_days: int
    least_confidence: int


def read_policy(path: Path) -> Policy:
    """The policy in a YAML file. Raises `InputError` with every problem of it."""
    try:
        found = yaml.safe_load(path.read_bytes())
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(Problem(fact="the policy cannot be read", where=str(path), found=type(error).__name__)) from None
    known = ("producer", "fields", "collections", "purposes", "legal_bases", "valid_days", "least_confidence")
    problems: list[Problem] = []

    def wrong(name: str, expected: str) -> None:
        problems.append(Problem(fact=f"`{name}` of the policy cannot be", where=str(path), expected=expected))

    if not isinstance(found, dict):
        raise InputError(Problem(fact="the policy is no mapping", where=str(path), expected=", ".join(known)))
    for name in sorted(map(str, found.keys() - set(known))):
        wrong(name, f"one of {', '.join(known)}")
    lists = {}
    for name in ("fields", "purposes", "legal_bases"):
        lists[name] = tuple(found.get(name) or ())
        if not isinstance(found.get(name), list) or not all(isinstance(one, str) and one.strip() for one in lists[name]):
            wrong(name, "a list of texts")
    if not set(lists["fields"]) <= set(FIELDS):
        wrong("fields", f"some of {', '.join(FIELDS)}")
    producer, days, least = found.get("producer"), found.get("valid_days", VALID_DAYS), found.get("least_confidence", 0)
    if not isinstance(producer, str) or not producer.strip():
        wrong("producer", "the name under which you share")
    if not isinstance(days, int) or not 1 <= days <= 3650:
        wrong("valid_days", "1 to 3650")
    if not isinstance(least, int) or not 0 <= least <= 100:
        wrong("least_confidence", "0 to 100")
    shelves = {}
    for name, one in (found.get("collections") or {}).items():
        try:
            check_name("collection", str(name))
            if one["tlp"] not in TLP:
                raise unknown("marking", str(one["tlp"]), TLP)
            for peer in one["peers"]:
                check_name("peer", peer)
            shelves[str(name)] = Shelf(tlp=one["tlp"], peers=tuple(one["peers"]))
        except StillwatchError as error:
            problems += error.problems
        except (TypeError, KeyError):
            wrong(f"collections.{name}", "tlp: MARKING and peers: [NAME, ...]")
    if not shelves and not problems:
        wrong("collections", "at least one collection")
    if problems:
        raise InputError(*problems)
    return Policy(
        producer=str(producer), fields=frozenset(lists["fields"]), collections=shelves, purposes=lists["purposes"],
        legal_bases=lists["legal_bases"], valid_days=days, least_confidence=least,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """Exactly what would go, by campaign (an empty key: objects of none), and what is withheld."""

    objects: tuple[tuple[str, Object], ...]
    campaigns: tuple[str, ...]
    withheld: tuple[Withheld, ...]

    def as_json(self) -> dict[str, Any]:
        """For `share preview --json`."""
        return {
            "objects": [one for _key, one in self.objects],
            "campaigns": list(self.campaigns),
            "withheld": [{"campaign": w.campaign, "kind": w.kind, "value": w.value, "reason": w.reason} for w in self.withheld],
            "never": list(NEVER),
        }  # fmt: skip

    @property
    def types(self) -> dict[str, int]:
        """Objects that leave, by type."""
        return dict(sorted(Counter(one["type"] for _key, one in self.objects).items()))


def leaving(results: Path, policy: Policy, collection: str) -> Leaving:
    """What of results leaves into a collection of the policy.

    Raises `UsageError` for a collection that the policy does not name, `StateError` where a table of the results cannot be read.
    """
    if collection not in policy.collections:
        raise unknown("collection of the policy", collection, policy.collections)
    shelf = policy.collections[collection]
    terms = Terms(tlp=shelf.tlp, producer=policy.producer, valid_days=policy.valid_days, with_accounts=False)
    content = read_content(results, terms)
    withheld = list(content.withheld)
    campaigns = []
    for one in content.campaigns:
        kept, more = _reduced(one, policy)
        withheld += more
        if kept is not None:
            campaigns.append(kept)
    objects: dict[str, tuple[str, Object]] = {}
    for one in campaigns:
        for what in objects_of(Content(terms=terms, campaigns=(one,), withheld=())):
            if _is_named(what, policy):
                own = what["type"] in ("campaign", "grouping", "relationship", "indicator", "user-account")
                objects.setdefault(what["id"], (one.key if own else "", _checked(what)))
    return Leaving(objects=tuple(objects.values()), campaigns=tuple(one.key for one in campaigns), withheld=tuple(withheld))


def _reduced(one: Campaign, policy: Policy) -> tuple[Campaign | None, list[Withheld]]:
    """The campaign with what the policy lets out; None where it lets out nothing of it."""

    def held(kind: str, value: str, reason: str) -> Withheld:
        return Withheld(campaign=one.name, kind=kind, value=value, reason=reason)

    if one.confidence < policy.least_confidence:
        return None, [held("campaign", one.name, f"its confidence is {one.confidence}, below {policy.least_confidence}")]
    shown = tuple(what for what in one.indicators if what.kind in policy.fields)
    more = [
        held(what.kind, what.value, "the policy does not let this kind out") for what in one.indicators if what.kind not in policy.fields
    ]
    for name in ("pseudonyms", "capabilities", "techniques"):
        if name not in policy.fields:
            more.append(held(name, "", "the policy does not let this out"))
    capabilities = one.capabilities if "capabilities" in policy.fields else ()
    techniques = one.techniques if "techniques" in policy.fields else ()
    return replace(one, indicators=shown, capabilities=capabilities, techniques=techniques), more


def _is_named(what: Object, policy: Policy) -> bool:
    return what["type"] not in ("user-account", "grouping") or "pseudonyms" in policy.fields


def _checked(what: Object) -> Object:
    """The object, which has no property beyond `PROPERTIES`. Raises `AssertionError` for another: that would be a fault of the program."""
    beyond = what.keys() - PROPERTIES.get(what["type"], frozenset())
    if beyond:
        raise AssertionError(f"{what['type']} has {', '.join(sorted(beyond))}")
    return what


def check_release(policy: Policy, purpose: str, basis: str, approver: str) -> None:
    """Raise `UsageError` for a purpose or a basis that the policy does not name, and without an approver."""
    for what, given, known in (("purpose", purpose, policy.purposes), ("legal basis", basis, policy.legal_bases)):
        if given not in known:
            raise unknown(f"{what} of the policy", given, known)
    if not approver.strip():
        raise UsageError(Problem(fact="`--approver` is empty", expected="the name of who answers for the release"))


def names(policy: Policy) -> Sequence[str]:
    """Every peer that the policy names."""
    return sorted({peer for shelf in policy.collections.values() for peer in shelf.peers})
