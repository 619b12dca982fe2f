"""OCSF: class 2004, read by a library of findings."""

import json

import pytest
from py_ocsf_models.events.findings.detection_finding import DetectionFinding
from py_ocsf_models.objects.observable import TypeID

from tests.export.planted import AGENT, EXPORTED

pytestmark = pytest.mark.issue(28)
KNOWN = {
    one.value for one in TypeID
}  # the library ends at 30; the schema has 12 (subnet) and 16 (user agent) too


@pytest.fixture
def findings(export):
    return lambda **terms: [json.loads(line) for line in export("ocsf", **terms).splitlines()]


def read(told):
    return DetectionFinding(
        **told | {"observables": [one for one in told["observables"] if one["type_id"] in KNOWN]}
    )


def test_findings_are_of_class_2004_and_a_library_reads_them(findings):
    harvest, relay = (read(told) for told in findings())
    assert (harvest.class_uid, harvest.category_uid, harvest.type_uid.value) == (2004, 2, 200401)
    assert (harvest.confidence_score, relay.confidence_score) == (99, 98)
    assert harvest.severity_id.value > relay.severity_id.value
    assert harvest.metadata.version == "1.5.0"
    assert harvest.metadata.labels == ["TLP:AMBER+STRICT"]
    shown = [
        (one.technique.uid, one.sub_technique and one.sub_technique.uid)
        for one in harvest.finding_info.attacks
    ]
    assert ("AML.T0024", "AML.T0024.002") in shown
    assert harvest.start_time < harvest.end_time <= harvest.time


def test_values_and_accounts_are_evidence_and_observables_point_to_them(findings):
    told = findings()[0]
    assert {one["value"] for one in told["observables"]} == EXPORTED
    for at, one in enumerate(told["observables"]):
        assert one["name"] == f"evidences[{at}].data.value"
        assert told["evidences"][at]["data"]["value"] == one["value"]
    assert {one["type_id"] for one in told["observables"]} == {1, 2, 12, 16, 30}
    assert next(one for one in told["observables"] if one["value"] == AGENT)["type_id"] == 16
    assert sum("actor" in one for one in told["evidences"]) == 12


def test_a_revocation_closes_the_finding(findings):
    before, after = findings()[0], findings(revoked=frozenset({"C1"}))[0]
    assert before["finding_info"]["uid"] == after["finding_info"]["uid"]
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert (after["activity_id"], after["type_uid"], after["status_id"], after["is_alert"]) == (
        3,
        200403,
        3,
        False,
    )
    assert after["time"] > before["time"]
    assert (after["evidences"], after["observables"]) == ([], [])
    assert read(after).status_id.value == 3


def test_expiry_is_told(findings):
    assert findings(valid_days=2)[0]["unmapped"]["valid_until"] == "2026-04-12T12:30:00.123Z"
