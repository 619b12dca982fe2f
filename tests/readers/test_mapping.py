"""A log of one's own, described by a mapping file."""

import json
import pickle
import re

import pytest

from stillwatch.errors import UsageError
from stillwatch.readers import vendor
from stillwatch.readers.discover import discover
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.mapping import mapped_format, read_mapping
from stillwatch.readers.read import check, read

pytestmark = pytest.mark.issue(23)
FILE = """
name = "acme"
title = "Acme's gateway"

[where]
event = ["completion", "chat"]

[columns]
timestamp = "time"
account_id = ["caller.id", "keys[0].owner"]
exchange_id = "id"
client_ip = 'http."x.ip"'
latency_ms = { path = "took", unit = "s" }
operation = { value = "chat" }

[bodies]
request = "req"
response = "res"

[[test]]
record = '''{"event": "chat", "id": "1", "time": 1779962400, "keys": [{"owner": "a1"}], "http": {"x.ip": "::ffff:192.0.2.1"}, "took": "0.5",
 "req": "{\\"model\\": \\"m\\", \\"messages\\": [{\\"role\\": \\"user\\", \\"content\\": \\"hi\\"}]}",
 "res": {"choices": [{"message": {"content": "yo"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 3}}}'''
row = { account_id = "a1", timestamp = "2026-05-28T10:00:00Z", model = "m", prompt = "hi", response = "yo", client_ip = "192.0.2.1", latency_ms = 500 }

[[test]]
record = '{"event": "health"}'
row = false
"""


def call(number, **more):
    body = {
        "model": "m",
        "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": f"question {number}"}],
    }
    answer = {
        "choices": [{"message": {"content": "yo"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1},
    }
    return {
        "event": "chat",
        "id": f"x{number}",
        "time": 1779962400 + number,
        "caller": {"id": f"a{number}"},
        "req": json.dumps(body),
        "res": answer,
    } | more


def written(tmp_path, records, text=FILE):
    (tmp_path / "acme.toml").write_text(text)
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path, str(tmp_path / "acme.toml")


def batches_of(path, mapping):
    sources = check(discover([str(path)], log_format=mapping), {})
    return list(read(sources, {}))


def test_a_mapping_file_reads_a_log_that_nobody_else_writes(tmp_path):
    path, mapping = written(
        tmp_path, [{"event": "health"}, call(1, http={"x.ip": "192.0.2.1:80"}, took=0.25), call(2)]
    )
    *some, last = batches_of(path, mapping)
    one, two = (row for batch in some for row in batch.rows.to_pylist())
    assert (one["exchange_id"], one["account_id"], one["client_ip"], one["latency_ms"]) == (
        "x1",
        "a1",
        "192.0.2.1",
        250.0,
    )
    assert (two["prompt"], two["system_prompt"], two["response"], two["input_tokens"], two["operation"]) == (
        "question 2",
        "s",
        "yo",
        3,
        "chat",
    )
    assert (last.passed_over, last.quarantine.num_rows) == (1, 0)


def test_messages_and_lists_are_columns_and_json_in_text_is_read_on_the_way(tmp_path):
    text = (
        '[columns]\ntimestamp = "at"\naccount_id = "log.who"\nprompt = "log.turns"\ntool_names = '
        '"tools"\nsystem_prompt = "log.sys"\nresponse = "out"\n'
    )
    record = {
        "at": "2026-05-28T10:00:00Z",
        "tools": ["f", "g"],
        "out": [{"role": "assistant", "content": "yes"}],
        "log": json.dumps({"who": "a", "turns": [{"role": "user", "content": "q"}], "sys": "be brief"}),
    }
    path, mapping = written(tmp_path, [record], text)
    ((row,), _last) = (batch.rows.to_pylist() for batch in batches_of(path, mapping))
    assert (row["account_id"], row["prompt"], row["system_prompt"], row["response"], row["tool_names"]) == (
        "a",
        "q",
        "be brief",
        "yes",
        ["f", "g"],
    )
    assert re.fullmatch("log.jsonl~[0-9a-f]{8}:1", row["exchange_id"])


def test_what_a_mapping_cannot_read_is_quarantined_and_costs_no_other_row(tmp_path):
    path, mapping = written(
        tmp_path,
        [call(1), call(2, time="soon"), call(3, req="{", res="{", took="long"), call(4, caller=[], keys={})],
    )
    batches = batches_of(path, mapping)
    assert sum(batch.rows.num_rows for batch in batches) == 2
    assert sorted(row["column"] for batch in batches for row in batch.quarantine.to_pylist()) == [
        "account_id",
        "timestamp",
    ]


def test_a_mapped_log_is_read_in_other_processes_as_in_this_one(tmp_path, monkeypatch):
    path, mapping = written(tmp_path, [call(n) for n in range(400)])
    monkeypatch.setattr(vendor, "PART", 20_000)
    form = read_mapping(tmp_path / "acme.toml")
    assert pickle.loads(pickle.dumps(form)).name == form.name
    parts = list(vendor.vendor_batches(path, form, {}, Losses(path), LIMITS, apart=True))
    assert [name for part in parts for name in part["exchange_id"].to_pylist()] == [
        f"x{n}" for n in range(400)
    ]
    assert discover([str(path)], log_format=mapping).formats[path].name == form.name


def test_a_changed_mapping_has_another_name_so_that_a_store_reads_its_log_again():
    changed = FILE.replace('"took", unit', '"lasted", unit').replace(", latency_ms = 500", "")
    one, other = mapped_format(FILE, "acme").name, mapped_format(changed, "acme").name
    assert one.startswith("acme@")
    assert other.startswith("acme@")
    assert one != other


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[where]", "[were]", "`were`"),
        ("account_id = [", "acount_id = [", "account_id"),
        ('timestamp = "time"\n', "", "names no `timestamp`"),
        ('"time"', '"a..b"', "path cannot be read"),
        ('unit = "s"', 'unit = "h"', "unit"),
        ('value = "chat"', 'valu = "chat"', "`valu`"),
        ('prompt = "hi"', 'prompt = "ho"', "another `prompt`"),
        ("row = false", 'row = { model = "m" }', "gives no row"),
        ('"event": "health"', '"event": "chat", "time": 1779962400', "passed over"),
        ("[[test]]", "[[test]", "not TOML"),
        ('\'{"event"', "'{event", "not JSON"),
    ],
)
def test_a_mapping_that_is_wrong_is_refused_with_its_place_and_what_to_write(tmp_path, old, new, said):
    assert old in FILE
    path = tmp_path / "acme.toml"
    path.write_text(FILE.replace(old, new))
    with pytest.raises(UsageError, match=said) as caught:
        read_mapping(path)
    assert "acme.toml" in str(caught.value)


def test_every_problem_of_a_mapping_is_told_at_once(tmp_path):
    path = tmp_path / "acme.toml"
    path.write_text('nme = "x"\n[columns]\nmodl = "m"\n')
    with pytest.raises(UsageError) as caught:
        read_mapping(path)
    assert len(caught.value.problems) == 4
    with pytest.raises(UsageError, match="cannot be read"):
        read_mapping(tmp_path / "none.toml")


def test_the_page_s_example_is_a_mapping_that_works():
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "mapping.md").read_text()
    assert mapped_format(page.split("```toml\n")[1].split("```")[0], "acme").title


def test_a_mapped_log_is_scanned_by_the_command(tmp_path):
    from click.testing import CliRunner

    from stillwatch.cli.main import cli

    path, mapping = written(tmp_path, [call(n) for n in range(30)])
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123")
    arguments = [
        "sketch",
        str(path),
        "--mapping",
        mapping,
        "--key-file",
        str(key),
        "--out",
        str(tmp_path / "sketch"),
        "--quiet",
        "--json",
    ]
    ran = CliRunner().invoke(cli, arguments)
    assert ran.exit_code == 0, ran.output
    assert "30" in ran.stdout
