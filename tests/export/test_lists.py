"""CSV, block list, Sigma and Navigator."""

import csv
import io
import itertools
import json
import re

import jsonschema
import pytest
import yaml

from stillwatch.export.exporters.blocklist import is_plain
from stillwatch.export.exporters.csv import cell
from stillwatch.export.values import day
from tests.export.planted import AGENT, EXPORTED, GREETING, JA3, RANGE, members

pytestmark = pytest.mark.issue(28)


def test_the_table_has_a_row_for_each_member_and_each_value(export):
    rows = list(csv.DictReader(io.StringIO(export("csv"))))
    accounts = [row for row in rows if row["kind"] == "account"]
    assert [row["value"] for row in accounts] == members("C1", 12) + members("C2", 5)
    assert len({row["pseudonym"] for row in accounts}) == 17
    assert (accounts[3]["probability"], accounts[3]["confidence"]) == ("0.9700", "96")
    values = {row["value"] for row in rows if row["kind"] != "account" and row["campaign"] == "C1"}
    assert values == EXPORTED | {"card_310c05a642ba"}
    assert {row["valid_until"] for row in rows} == {"2026-05-10T12:30:00.123Z"}
    assert {row["status"] for row in rows} == {"active"}
    revoked = list(csv.DictReader(io.StringIO(export("csv", revoked=frozenset({"C2"})))))
    assert {row["campaign"]: row["status"] for row in revoked if row["kind"] == "account"} == {
        "C1": "active",
        "C2": "revoked",
    }


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_no_cell_is_a_formula(text):
    assert cell(text) == f"'{text}"
    assert cell("acct-1") == "acct-1"


def block(text):
    return {
        line.split("\t")[0]: line.split("\t")[1:] for line in text.splitlines() if not line.startswith("#")
    }


def test_the_block_list_has_score_and_expiry(export):
    entries = block(export("blocklist"))
    assert entries["acct_C1_003"] == ["account", "0.96", "2026-05-10"]
    assert entries[RANGE][0] == "client_prefix"
    assert "card_310c05a642ba" in entries
    assert AGENT not in entries  # changed at no cost
    assert all(0 < float(score) <= 1 for _kind, score, _day in entries.values())


def test_a_revoked_campaign_is_not_blocked(export):
    entries = block(export("blocklist", revoked=frozenset({"C1"})))
    assert set(members("C2", 5)) <= set(entries)
    assert not set(members("C1", 12)) & set(entries)


def test_without_accounts_values_alone_are_blocked(export):
    assert {kind for kind, *_rest in block(export("blocklist", with_accounts=False)).values()} == {
        "client_prefix", "signup_address", "email_domain", "tls_fingerprint",
    }  # fmt: skip


def test_values_that_would_be_other_lines_do_not_fit():
    assert is_plain("acct_1")
    assert not any(is_plain(text) for text in ("", "# no comment", "two\nlines", "tab\tin it", " edge"))


STRINGS = {"type": "array", "items": {"type": "string"}, "uniqueItems": True}
DAY = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d$"}
OF_ANY_RULE = {
    "title": {"type": "string", "maxLength": 256},
    "id": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
    "name": {"type": "string"},
    "status": {"enum": ["stable", "test", "experimental", "deprecated", "unsupported"]},
    "description": {"type": "string", "maxLength": 65535},
    "author": {"type": "string"},
    "date": DAY,
    "modified": DAY,
    "tags": {"type": "array", "uniqueItems": True, "items": {"pattern": r"^[a-z0-9_-]+\.[a-z0-9._-]+$"}},
    "falsepositives": STRINGS,
    "level": {"enum": ["informational", "low", "medium", "high", "critical"]},
}
BASE = {
    "type": "object",
    "required": ["title", "logsource", "detection"],
    "additionalProperties": False,
    "properties": OF_ANY_RULE
    | {
        "logsource": {
            "type": "object",
            "additionalProperties": {"type": "string"},
            "propertyNames": {"enum": ["category", "product", "service"]},
        },
        "detection": {"type": "object", "required": ["condition"]},
    },
}
CORRELATION = {
    "type": "object",
    "required": ["title", "correlation"],
    "additionalProperties": False,
    "properties": OF_ANY_RULE
    | {
        "correlation": {
            "type": "object",
            "required": ["type", "rules", "timespan", "condition"],
            "additionalProperties": False,
            "properties": {
                "type": {"const": "value_count"},
                "rules": STRINGS | {"minItems": 1},
                "timespan": {"pattern": "^[0-9]+[smhdwMqy]$"},
                "condition": {
                    "type": "object", "required": ["field", "gte"], "additionalProperties": False,
                    "properties": {"field": {"type": "string"}, "gte": {"type": "integer"}},
                },
            },
        }
    },
}  # fmt: skip
"""What the Sigma specification 2.1 says of rules and of `value_count` correlations, as far as they are
written here.
"""


@pytest.fixture
def rules(export):
    """Base rules and correlation rules."""

    def run(**terms):
        every = list(yaml.safe_load_all(export("sigma", **terms)))
        return [one for one in every if "detection" in one], [one for one in every if "correlation" in one]

    return run


def test_rules_are_as_the_specification_says(rules):
    base, correlations = rules()
    # five values of C1 that stand in an exchange, and the range of C2
    assert len(base) == len(correlations) == 6
    for one in base:
        jsonschema.validate(one, BASE)
    for one in correlations:
        jsonschema.validate(one, CORRELATION)
    ids = [one["id"] for one in base + correlations]
    assert len(set(ids)) == len(ids)


def test_correlations_count_accounts_of_the_rule_that_they_name(rules):
    base, correlations = rules()
    assert [one["correlation"]["rules"] for one in correlations] == [[one["name"]] for one in base]
    assert {one["correlation"]["condition"]["field"] for one in correlations} == {"account_id"}


def test_values_stand_for_themselves_in_rules(rules):
    shown = {}
    for rule in rules()[0]:
        for field, value in rule["detection"]["selection"].items():
            shown.setdefault(field, []).append(value)
    assert shown["client_ip|cidr"] == [RANGE, RANGE]
    assert shown["tls_fingerprint"] == [JA3, GREETING]
    assert shown["user_agent"] == [AGENT.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")]


def test_rules_tell_marking_technique_expiry_and_revocation(rules):
    for one in itertools.chain(*rules()):
        assert "tlp.amber-strict" in one["tags"]
        assert any(tag.startswith("atlas.aml.t0") for tag in one["tags"])
        assert "Valid until 2026-05-10" in one["description"]
        assert one["status"] == "experimental"
    assert {one["status"] for one in itertools.chain(*rules(revoked=frozenset({"C1", "C2"})))} == {
        "deprecated"
    }


def test_the_layer_has_the_properties_of_the_navigators_format(export):
    layer = json.loads(export("navigator"))
    assert (layer["domain"], layer["versions"]["layer"]) == ("atlas-atlas", "4.3")
    assert isinstance(layer["name"], str)
    known = {"techniqueID", "tactic", "score", "comment", "enabled", "showSubtechniques"}
    for one in layer["techniques"]:
        assert set(one) <= known
        assert re.fullmatch(r"AML\.T\d{4}(\.\d{3})?", one["techniqueID"])
        assert 0 <= one.get("score", 0) <= 100
    assert {one["techniqueID"] for one in layer["techniques"] if "score" in one} == {
        "AML.T0024.002", "AML.T0040", "AML.T0021", "AML.T0008.005",
    }  # fmt: skip
    assert all(set(one) == {"name", "value"} and isinstance(one["value"], str) for one in layer["metadata"])
    assert layer["gradient"]["maxValue"] > layer["gradient"]["minValue"]


def test_a_revoked_campaign_colours_no_technique(export):
    layer = json.loads(export("navigator", revoked=frozenset({"C1"})))
    assert {one["techniqueID"] for one in layer["techniques"] if "score" in one} == {
        "AML.T0008.005",
        "AML.T0040",
    }
    assert sum(one["name"] == "revoked" for one in layer["metadata"]) == 1


def test_days_are_those_of_utc():
    from datetime import datetime, timedelta, timezone

    assert day(datetime(2026, 4, 1, 1, tzinfo=timezone(timedelta(hours=3)))) == "2026-03-31"
