"""CSV, block list, Sigma and Navigator."""

import csv
import io
import ipaddress
import json
import re
import uuid

import pytest
from planted import AGENT, EXPORTED, GREETING, RANGE, members
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule, SigmaCorrelationType
from sigma.rule import SigmaRule

from stillwatch.export.exporters.blocklist import is_plain
from stillwatch.export.exporters.csv import cell
from stillwatch.export.values import day

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
    assert {row["campaign"]: row["status"] for row in revoked} == {"C1": "active", "C2": "revoked"}


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
    ipaddress.ip_network(RANGE)
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


@pytest.fixture
def rules(export):
    return lambda **terms: SigmaCollection.from_yaml(export("sigma", **terms))


def test_rules_are_read_and_resolved_by_the_library_of_receivers(rules):
    found = rules()
    assert not found.errors
    base = [one for one in found.rules if isinstance(one, SigmaRule)]
    correlations = [one for one in found.rules if isinstance(one, SigmaCorrelationRule)]
    assert (
        len(base) == len(correlations) == 5
    )  # four kinds of C1 that stand in an exchange, and the range of C2
    assert {one.type for one in correlations} == {SigmaCorrelationType.VALUE_COUNT}
    assert {one.condition.fieldref for one in correlations} == {"account_id"}
    for one in correlations:
        assert one.rules[0].rule in base  # the name was resolved
    assert all(isinstance(one.id, uuid.UUID) for one in found.rules)


def test_values_stand_for_themselves_in_rules(rules):
    shown = {}
    for rule in rules().rules:
        if isinstance(rule, SigmaRule):
            (item,) = rule.detection.detections["selection"].detection_items
            shown[item.field] = item.value[0]
    assert str(shown["client_ip"]) or shown["client_ip"]
    assert not shown["user_agent"].contains_special()
    assert (
        shown["user_agent"].to_plain().replace("\\*", "*").replace("\\?", "?").replace("\\\\", "\\") == AGENT
    )
    assert str(shown["tls_fingerprint"]) == GREETING


def test_rules_tell_marking_technique_expiry_and_revocation(rules):
    for one in rules().rules:
        assert "tlp.amber-strict" in {str(tag) for tag in one.tags}
        assert any(str(tag).startswith("atlas.aml.t0") for tag in one.tags)
        assert "Valid until 2026-05-10" in one.description
        assert one.status.name == "EXPERIMENTAL"
    assert {one.status.name for one in rules(revoked=frozenset({"C1", "C2"})).rules} == {"DEPRECATED"}


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
