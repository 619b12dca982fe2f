"""Names that `--map` gives are found wherever a format's records have them, and the value stays with its
exchange.
"""

import copy
import json

import pyarrow as pa
import pytest

import stillwatch
from stillwatch.flows.inspect import inspect
from stillwatch.readers import vendor
from stillwatch.readers.formats.otlp import otlp
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.registry import field
from tests.readers.vendors import CONTENT, FIXTURES, LATEST, span, spans

pytestmark = pytest.mark.issue(23)
OWNERS = [f"c{number % 3}" for number in range(6)]


def write(path, records):
    path.write_text("".join(json.dumps(one) + "\n" for one in records))
    return path


def traced(said, number, **more):
    one = span({**said, "gen_ai.response.id": f"x{number}"}, **more)
    return one | {"traceId": f"{number:032x}"}


def owners(path, name):
    table = stillwatch.read(path, names={"account_id": name})
    pairs = zip(*(table.column(one).to_pylist() for one in ("exchange_id", "account_id")), strict=True)
    return [owner for _id, owner in sorted(pairs)]


def test_an_attribute_of_a_span_is_a_name(tmp_path):
    one = spans(
        *(
            traced(LATEST | CONTENT | {"customer.id": owner, "user.id": "gateway"}, n)
            for n, owner in enumerate(OWNERS)
        )
    )
    assert owners(write(tmp_path / "a.jsonl", [one]), "customer.id") == OWNERS


@pytest.mark.parametrize("first", [True, False])
def test_an_attribute_of_the_http_span_is_a_name_for_the_call_of_its_trace(tmp_path, first):
    calls = [spans(traced(LATEST | CONTENT, n)) for n in range(6)]
    http = [
        spans(traced({"x.owner": owner, "enduser.id": "gateway"}, n, spanId=f"{n + 50:016x}"))
        for n, owner in enumerate(OWNERS)
    ]
    assert owners(write(tmp_path / "a.jsonl", http + calls if first else calls + http), "x.owner") == OWNERS


def test_the_parts_of_a_log_know_the_names(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "PART", 2000)
    several = [spans(traced(LATEST | CONTENT | {"customer.id": f"c{n}"}, n)) for n in range(40)]
    path = write(tmp_path / "a.jsonl", several)
    names = {"account_id": "customer.id"}
    parts = list(vendor.vendor_batches(path, otlp, names, Losses(path), LIMITS, apart=True))
    rows = pa.concat_tables(parts).select(["exchange_id", "account_id"]).to_pylist()
    assert sorted((row["exchange_id"], row["account_id"]) for row in rows) == sorted(
        (f"x{n}", f"c{n}") for n in range(40)
    )


def test_entries_of_one_record_have_each_their_own(tmp_path):
    (record,) = FIXTURES["azure API management"][1]
    entries = []
    for number, owner in enumerate(OWNERS):
        entry = copy.deepcopy(record["records"][0])
        entry["correlationId"] = f"x{number}"
        entry["properties"]["tenant"] = owner
        entries.append(entry)
    path = write(tmp_path / "a.jsonl", [{"records": entries}])
    assert owners(path, "properties.tenant") == OWNERS


def test_of_joined_records_each_exchange_has_its_own(tmp_path):
    asked, given = FIXTURES["anthropic batch"][1]
    records = [asked | {"custom_id": f"x{number}", "who": owner} for number, owner in enumerate(OWNERS)]
    records += [given | {"custom_id": f"x{number}"} for number in range(6)]
    assert owners(write(tmp_path / "a.jsonl", records), "who") == OWNERS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("a.b", 1),
        ("c.d", 2),
        ("c.e.f", 3),
        ("g.h.i", 4),
        ("a", None),
        ("c.x", None),
        ("a.b.c", None),
        ("", None),
    ],
)
def test_a_path_may_hold_names_with_dots(name, value):
    record = {"a.b": 1, "c": {"d": 2, "e.f": 3}, "g.h": {"i": 4}}
    assert field(record, name) == value


def test_a_log_of_one_account_is_warned_of_with_attributes_and_entries_that_may_name_the_accounts(tmp_path):
    said = LATEST | CONTENT | {"user.id": "gateway"}
    path = write(
        tmp_path / "a.jsonl",
        [spans(traced(said | {"customer.id": owner}, n)) for n, owner in enumerate(OWNERS)],
    )
    (warning,) = inspect([str(path)])["warnings"]
    assert "`customer.id` with 3 values" in warning["found"]
    assert "account_id=customer.id" in warning["fix"]


def test_a_log_that_names_no_account_is_refused_with_the_attribute_that_may(tmp_path):
    path = write(
        tmp_path / "a.jsonl",
        [spans(traced(LATEST | {"customer.id": owner}, n)) for n, owner in enumerate(OWNERS)],
    )
    (short,) = inspect([str(path)])["short"]
    assert "account_id=customer.id" in short["fix"]
