"""STIX 2.1: the schemas of OASIS, and the library that receivers use."""

import json
from pathlib import Path

import jsonschema
import pytest
import stix2
from referencing import Registry, Resource
from stix2patterns.v21.pattern import Pattern

from stillwatch.export.exporters.stix import TLP_MARKINGS, account_id
from tests.export.planted import AGENT, EXPORTED, RANGE, members

SCHEMAS = Path(__file__).parent / "stix-2.1"
pytestmark = pytest.mark.issue(28)


@pytest.fixture(scope="session")
def schemas():
    found = {path.stem: json.loads(path.read_text()) for path in SCHEMAS.rglob("*.json")}
    registry = Registry().with_resources((one["$id"], Resource.from_contents(one)) for one in found.values())
    return {name: jsonschema.Draft202012Validator(one, registry=registry) for name, one in found.items()}


@pytest.fixture
def bundle(export):
    return lambda **terms: json.loads(export("stix", **terms))


def of(bundle, kind):
    return [one for one in bundle["objects"] if one["type"] == kind]


@pytest.mark.parametrize("tlp", sorted(TLP_MARKINGS))
def test_every_object_is_valid_by_the_schemas_of_oasis(bundle, schemas, tlp):
    for one in bundle(tlp=tlp)["objects"]:
        schemas[one["type"]].validate(one)


def test_the_schemas_refuse_what_is_wrong(bundle, schemas):
    wrong = of(bundle(), "indicator")[0] | {"valid_from": "yesterday"}
    with pytest.raises(jsonschema.ValidationError):
        schemas["indicator"].validate(wrong)


@pytest.mark.parametrize("with_accounts", [True, False])
def test_the_library_of_receivers_reads_it_strictly_and_writes_the_same(bundle, with_accounts):
    told = bundle(with_accounts=with_accounts)
    read = stix2.parse(told, allow_custom=False, version="2.1")
    assert json.loads(read.serialize()) == told


def test_identifiers_are_unique_and_every_reference_is_in_the_bundle(bundle):
    objects = bundle()["objects"]
    ids = [one["id"] for one in objects]
    assert len(ids) == len(set(ids))
    for one in objects:
        refs = [value for key, value in one.items() if key.endswith("_ref")]
        refs += [value for key, values in one.items() if key.endswith("_refs") for value in values]
        assert set(refs) <= set(ids)


@pytest.mark.parametrize("name", ["acct-0123", 'Zoë "quoted" \\ tab\t \u2028 \U0001f600'])
def test_identifiers_of_observables_are_those_that_the_specification_gives(name):
    assert account_id(name) == stix2.v21.UserAccount(user_id=name).id


def test_no_actor_is_named_and_extensions_add_properties_only(bundle):
    told = bundle()
    assert {one["type"] for one in told["objects"]} == {
        "identity",
        "marking-definition",
        "extension-definition",
        "attack-pattern",
        "user-account",
        "campaign",
        "grouping",
        "relationship",
        "indicator",
    }
    for one in told["objects"]:
        for extension in one.get("extensions", {}).values():
            assert extension["extension_type"] == "property-extension"
    assert not any(key.startswith("x_") for one in told["objects"] for key in one)


def test_indicators_have_patterns_that_parse_confidence_and_expiry(bundle):
    found = of(bundle(), "indicator")
    for one in found:
        Pattern(one["pattern"])
        assert one["valid_from"] == "2026-04-01T12:30:00.123Z"
        assert one["valid_until"] == "2026-05-10T12:30:00.123Z"  # nine days, and thirty
        assert 0 < one["confidence"] < 100
    assert len(found) == len(EXPORTED) + 1  # C2 has the range too
    assert f"[ipv4-addr:value ISSUBSET '{RANGE}']" in {one["pattern"] for one in found}
    assert any(AGENT.replace("\\", "\\\\").replace("'", "\\'") in one["pattern"] for one in found)


def test_every_object_of_a_campaign_is_marked(bundle):
    told = bundle(tlp="red")
    (marking,) = of(told, "marking-definition")
    assert (marking["id"], marking["name"]) == (TLP_MARKINGS["red"], "TLP:RED")
    for kind in ("campaign", "grouping", "indicator", "relationship", "user-account"):
        assert all(one["object_marking_refs"] == [marking["id"]] for one in of(told, kind))


def test_a_revocation_has_the_identifiers_of_what_it_revokes_and_is_later(bundle):
    before = {one["id"]: one for one in bundle(with_accounts=True)["objects"] if "modified" in one}
    told = bundle(revoked=frozenset({"C1"}), with_accounts=True)
    after = {one["id"]: one for one in told["objects"] if "modified" in one}
    revoked = [one for one in after.values() if one.get("revoked")]
    accounts = {
        one["user_id"]: next(iter(one["extensions"].values()))["probability"]
        for one in of(told, "user-account")
    }
    assert {account: value > 0 for account, value in accounts.items()} == {
        **dict.fromkeys(members("C1", 12), False), **dict.fromkeys(members("C2", 5), True),
    }  # fmt: skip
    assert {one["type"] for one in revoked} == {"campaign", "grouping", "relationship", "indicator"}
    assert all(
        before[one["id"]]["created"] == one["created"] and before[one["id"]]["modified"] < one["modified"]
        for one in revoked
    )
    assert not any(one.get("revoked") for one in before.values())
    campaigns = {
        one["confidence"]: one.get("revoked", False) for one in after.values() if one["type"] == "campaign"
    }
    assert campaigns == {99: True, 98: False}


def test_members_are_told_with_their_probability(bundle):
    accounts = of(bundle(with_accounts=True), "user-account")
    assert [one["user_id"] for one in accounts] == members("C1", 12) + members("C2", 5)
    told = {one["user_id"]: next(iter(one["extensions"].values()))["probability"] for one in accounts}
    assert told["acct_C1_003"] == 0.97
