"""A dry look, and what a scan says of logs of which it could read too little."""

import json
import warnings
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import stillwatch
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.observations import COLUMNS
from stillwatch.contract.releases import RELEASES
from stillwatch.errors import InputError
from stillwatch.flows.inspect import inspect
from stillwatch.signals.registry import all_group_tests, all_indicators
from tests.readers.logs import row
from tests.readers.vendors import FIXTURES

FIELDS = {
    "path",
    "format",
    "envelopes",
    "records",
    "rows",
    "quarantined",
    "passed_over",
    "accounts",
    "first",
    "last",
    "nulled",
}


def lines(*rows):
    return "".join(json.dumps(one) + "\n" for one in rows)


def good(number=9, **changes):
    return lines(*(row(one, **changes) for one in range(number)))


@pytest.mark.issue(23)
def test_inspect_says_of_every_file_what_a_scan_would_read_and_writes_nothing(run, tmp_path):
    (tmp_path / "a.jsonl").write_text(
        lines(row(0), row(1, temperature="hot"), row(2, account_id=None), row(3))
    )
    (tmp_path / "b.log").write_text(
        "".join(
            json.dumps(
                {"log": json.dumps(row(one)) + "\n", "stream": "stdout", "time": "2026-05-01T14:02:01Z"}
            )
            + "\n"
            for one in range(5)
        )
    )
    (tmp_path / "users.csv").write_text("id,name\n1,x\n")
    before = sorted(tmp_path.rglob("*"))
    code, out, err = run("inspect", tmp_path, "--json")
    assert (code, err) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before
    files = {Path(one["path"]).name: one for one in json.loads(out)["files"]}
    assert all(one.keys() >= FIELDS for one in files.values())
    assert {
        name: [
            one[field]
            for field in ("format", "envelopes", "records", "rows", "quarantined", "accounts", "nulled")
        ]
        for name, one in files.items()
    } == {
        "a.jsonl": ["contract", [], 4, 3, 1, 3, {"temperature": 1}],
        "b.log": ["contract_document", ["docker"], 5, 5, 0, 5, {}],
        "users.csv": [None, [], 0, 0, 0, 0, {}],
    }
    assert files["a.jsonl"]["first"] == files["a.jsonl"]["last"] == "2026-05-01T14:02:00Z"
    assert files["a.jsonl"]["largest_accounts"] == {"a0": 1, "a1": 1, "a3": 1}
    assert files["a.jsonl"]["quarantine_reasons"] == {"account_id: required value is missing": 1}
    code, out, err = run("inspect", tmp_path)
    for word in (
        "docker",
        "4 records",
        "temperature 1",
        "required value is missing 1",
        "`users.csv` is not recognised: keys `id`, `name`",
        "tls_fingerprint",
    ):
        assert word in out


@pytest.mark.issue(23)
def test_inspect_names_the_columns_that_would_let_other_signals_work(tmp_path):
    (tmp_path / "log.jsonl").write_text(good(user_agent="curl/8"))
    told = inspect([str(tmp_path)])
    assert "user_agent" in told["signals"]
    assert "prompt_template" in told["signals"]
    assert told["would_need"]["tls_fingerprint"] == ["tls_fingerprint"]
    assert "payment_fingerprint" in told["would_need"]["accounts.payment_fingerprint"]
    (tmp_path / "accounts.csv").write_text("account_id,payment_fingerprint\na1,p1\n")
    assert "payment_fingerprint" in inspect([str(tmp_path)])["signals"]


@pytest.mark.issue(23)
def test_every_column_that_a_signal_reads_is_known_to_inspect():
    columns = {
        "observations": {one.name for one in COLUMNS},
        "accounts": set(ACCOUNTS.names),
        "releases": set(RELEASES.names),
    }
    for unit in (*all_indicators(), *all_group_tests()):
        assert set(unit.card.columns) <= columns[unit.card.table], unit.card.name
    assert {name for one in COLUMNS for name in one.made_of} <= set(EXCHANGES.names)


@pytest.mark.issue(23)
def test_read_gives_the_rows_of_the_contract_and_warns_of_what_it_left_out(tmp_path):
    (tmp_path / "log.jsonl").write_text(good())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        table = stillwatch.read(tmp_path / "log.jsonl")
    assert table.schema == EXCHANGES.arrow
    assert table.column("prompt").to_pylist() == [f"secret {number}" for number in range(9)]
    (tmp_path / "log.jsonl").write_text(good() + lines(row(9, account_id=None)))
    with pytest.warns(UserWarning, match="1 row"):
        assert stillwatch.read(str(tmp_path)).num_rows == 9
    (tmp_path / "log.jsonl").write_text(lines(row(9, account_id=None)))
    with pytest.raises(InputError, match="`account_id` holds no value"):
        stillwatch.read(tmp_path / "log.jsonl")
    assert not hasattr(stillwatch, "nothing_of_the_kind")


@pytest.mark.issue(23)
@pytest.mark.parametrize("command", ["scan", "inspect", "sketch"])
def test_where_nothing_is_read_the_program_fails_with_the_reason_the_keys_and_what_was_expected(
    run, tmp_path, command
):
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    more = {
        "scan": ("--out", tmp_path / "r", "--quiet"),
        "inspect": (),
        "sketch": ("--out", tmp_path / "r", "--key-file", key, "--quiet"),
    }[command]
    log = tmp_path / "log.jsonl"
    log.write_text(lines(*(row(one) | {"timestamp": None, "account": "x"} for one in range(6))))
    code, _out, err = run(command, log, *more)
    assert code == 1
    assert "log.jsonl" in err
    assert not (tmp_path / "r").exists()
    assert not (tmp_path / ".r.store").exists()
    record = dict(FIXTURES["litellm payload"][1][0])
    broken = json.loads(json.dumps(record).replace('"startTime"', '"begun"'))
    log.write_text(lines(*[record, *[broken] * 3]))
    code, _out, err = run(command, log, *more)
    assert code == 1
    for word in (
        "1 of 4 records were read",
        "timestamp",
        "keys `",
        "begun",
        "litellm",
        "startTime",
        "inspect",
    ):
        assert word.lower() in err.lower()


@pytest.mark.issue(23)
def test_what_was_read_of_a_file_of_which_most_is_lost_is_judged_and_the_exit_code_says_it(run, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text(good())
    (tmp_path / "logs" / "b.jsonl").write_text(good(1) + good(9, timestamp="soon"))
    code, out, err = run("scan", tmp_path / "logs", "--out", tmp_path / "r", "--quiet", "--json")
    assert code == 1
    assert "`b.jsonl`: 1 of 10 records were read" in err
    assert "a.jsonl" not in err
    told = json.loads(out)
    assert (told["exchanges"], len(told["short"])) == (9, 1)
    assert pq.read_table(tmp_path / "r" / "exchanges.parquet").num_rows == 0
    (tmp_path / "logs" / "b.jsonl").write_text(good(9) + good(8, timestamp="soon"))
    assert run("scan", tmp_path / "logs", "--out", tmp_path / "r", "--quiet")[0] == 0


@pytest.mark.issue(23)
def test_a_file_that_was_named_and_is_not_recognised_fails_and_one_of_a_folder_is_named(run, tmp_path):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_text(good())
    (logs / "users.csv").write_text("id,name\n1,x\n")
    (logs / "README.md").write_text("# These are logs\n")
    (logs / "image.bin").write_bytes(bytes(range(256)))
    (logs / "_SUCCESS").write_text("")
    (logs / "data").mkdir()
    (logs / "data" / "r1_input.json.gz").write_text("{}")
    code, out, _err = run("scan", logs, "--out", tmp_path / "r", "--quiet")
    assert code == 0
    for name in ("users.csv", "README.md", "image.bin"):
        assert f"{name}: `{name}` is not recognised" in out
    assert "_SUCCESS" not in out
    assert "r1_input" not in out
    code, out, err = run("scan", logs / "a.jsonl", logs / "users.csv", "--out", tmp_path / "r", "--quiet")
    assert code == 1
    assert "`users.csv` is not recognised: keys `id`, `name`" in err
    assert "--map timestamp=THEIR_NAME" in err
    assert "9 exchanges" in out


@pytest.mark.issue(23)
@pytest.mark.parametrize(
    "name",
    [
        "gw.log.1",
        "gw.log-20260503",
        "gw.jsonl.1.gz",
        "gw.log.2026-05-03",
        "gw.jl",
        "gw.txt",
        "gw",
        "gw.jsonl.bz2",
        "gw.zst",
        "_gw.log",
        "gw.log.old",
    ],
)
def test_rotated_renamed_and_compressed_logs_of_a_folder_are_read(tmp_path, name):
    import bz2
    import gzip

    import pyarrow as pa

    raw = good().encode()
    packed = {
        "gz": gzip.compress,
        "bz2": bz2.compress,
        "zst": lambda raw: pa.compress(raw, "zstd", asbytes=True),
    }
    (tmp_path / name).write_bytes(packed.get(name.rpartition(".")[2], bytes)(raw))
    assert stillwatch.read(tmp_path).num_rows == 9


@pytest.mark.issue(23)
def test_a_name_that_no_record_has_is_refused_and_a_path_into_records_is_followed(run, tmp_path):
    name, records = (
        FIXTURES["litellm payload"][0],
        [json.loads(json.dumps(FIXTURES["litellm payload"][1][0])) for _ in range(4)],
    )
    assert name
    for number, record in enumerate(records):
        record["metadata"] = {**record["metadata"], "who": {"id": f"w{number}"}}
    (tmp_path / "v.jsonl").write_text(lines(*records))
    code, _out, err = run(
        "scan", tmp_path / "v.jsonl", "--map", "account_id=nosuch", "--out", tmp_path / "r", "--quiet"
    )
    assert code == 1
    assert "no record has a field `nosuch`, which `--map` names for `account_id`" in err
    assert "keys `" in err
    assert not (tmp_path / "r").exists()
    table = stillwatch.read(tmp_path / "v.jsonl", names={"account_id": "metadata.who.id"})
    assert table.column("account_id").to_pylist() == ["w0", "w1", "w2", "w3"]
    (tmp_path / "c.jsonl").write_text(
        lines(*(row(one) | {"account_id": None, "who": {"id": f"w{one}"}} for one in range(4)))
    )
    table = stillwatch.read(tmp_path / "c.jsonl", names={"account_id": "who.id"})
    assert table.column("account_id").to_pylist() == ["w0", "w1", "w2", "w3"]


@pytest.mark.issue(23)
def test_a_log_of_one_account_is_warned_of_with_the_fields_that_may_name_the_accounts(run, tmp_path):
    (tmp_path / "log.jsonl").write_text(
        lines(
            *(
                row(one, account_id="gateway")
                | {"metadata": {"customer": f"c{one % 3}"}, "session": one, "user_agent": f"u{one}"}
                for one in range(9)
            )
        )
    )
    code, _out, err = run("scan", tmp_path / "log.jsonl", "--out", tmp_path / "r", "--quiet")
    assert code == 0
    assert "warning: all 9 exchanges are of one account" in err
    assert "`metadata.customer` with 3 values" in err
    assert "--map account_id=metadata.customer" in err
    assert "user_agent" not in err
    (tmp_path / "log.jsonl").write_text(good())
    assert run("scan", tmp_path / "log.jsonl", "--out", tmp_path / "r", "--quiet")[2] == ""
