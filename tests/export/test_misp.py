"""MISP: its event schema, its object templates, and the library that receivers use."""

import json
from pathlib import Path

import jsonschema
import pymisp
import pytest

from tests.export.planted import AGENT, EXPORTED, GREETING, JA3, RANGE

pytestmark = pytest.mark.issue(28)
DATA = Path(pymisp.__file__).parent / "data"


@pytest.fixture
def events(export):
    def run(**terms):
        return [one["Event"] for one in json.loads(export("misp", **terms))["response"]]

    return run


def read(event):
    one = pymisp.MISPEvent(strict_validation=True)
    one.load({"Event": event})
    return one


@pytest.mark.parametrize("revoked", [frozenset(), frozenset({"C1"})])
def test_events_are_valid_by_misps_schema(events, revoked):
    schema = json.loads((DATA / "schema.json").read_text())
    schema["defs"]["event"]["properties"]["Object"] = {"type": "array"}  # the schema is older than objects
    schema["defs"]["attribute"]["properties"]["object_relation"] = {"type": "string"}
    for event in events(revoked=revoked):
        jsonschema.validate({"Event": event}, schema)
        for one in event["Object"]:
            for attribute in one["Attribute"]:
                jsonschema.validate(attribute, schema["defs"]["attribute"] | {"defs": schema["defs"]})


def test_objects_are_those_of_the_templates(events):
    for event in events():
        for one in event["Object"]:
            template = json.loads(
                (DATA / "misp-objects" / "objects" / one["name"] / "definition.json").read_text()
            )
            assert one["template_uuid"] == template["uuid"]
            assert int(one["template_version"]) <= template["version"]
            assert one["meta-category"] == template["meta-category"]
            shown = {attribute["object_relation"]: attribute["type"] for attribute in one["Attribute"]}
            assert all(template["attributes"][name]["misp-attribute"] == kind for name, kind in shown.items())
            assert set(template.get("required", ())) <= set(shown)
            assert not template.get("requiredOneOf") or set(template["requiredOneOf"]) & set(shown)


def test_the_library_of_receivers_reads_events_attributes_and_objects(events):
    harvest, relay = (read(event) for event in sorted(events(), key=lambda one: -len(one["Attribute"])))
    values = {one.value for one in harvest.attributes}
    assert values | {GREETING} == EXPORTED
    assert {one.type for one in harvest.attributes if one.value == JA3} == {"ja3-fingerprint-md5"}
    assert {one.name for one in harvest.objects} == {"ja4-plus", "attack-pattern", "user-account"}
    assert len(harvest.get_objects_by_name("user-account")) == 12
    assert len(relay.get_objects_by_name("user-account")) == 5
    assert "AML.T0024.002" in {
        one.value
        for shown in harvest.get_objects_by_name("attack-pattern")
        for one in shown.get_attributes_by_relation("id")
    }
    assert "AML.T0024.002" not in json.dumps(events()[1])  # a relay is no extraction
    assert not harvest.published


def test_marking_confidence_and_expiry_are_tags_and_comments(events):
    event = read(events(tlp="green")[0])
    tags = {tag.name for tag in event.tags}
    assert {"tlp:green", 'stillwatch:valid-until="2026-05-10"', "stillwatch:active"} <= tags
    assert 'estimative-language:confidence-in-analytic-judgment="high"' in tags
    network = next(one for one in event.attributes if one.value == RANGE)
    assert (network.type, network.to_ids) == ("ip-src", True)
    assert "valid until 2026-05-10" in network.comment
    assert not next(one for one in event.attributes if one.value == AGENT).to_ids


def test_a_revocation_deletes_what_was_sent(events):
    before, after = events()[0], events(revoked=frozenset({"C1"}))[0]
    assert before["uuid"] == after["uuid"]
    assert int(after["timestamp"]) == int(before["timestamp"]) + 1
    kept = {one["uuid"] for one in before["Attribute"] + before["Object"]}
    gone = after["Attribute"] + after["Object"]
    assert {one["uuid"] for one in gone} <= kept
    assert all(one["deleted"] for one in gone)
    assert not any(one.get("to_ids") for one in gone)
    assert "stillwatch:revoked" in {tag["name"] for tag in after["Tag"]}
