"""One bad file beside good ones, and what a message may say of it."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, Problem, StillwatchError
from stillwatch.flows.content_blind import sketch
from stillwatch.flows.scan import Options, scan
from stillwatch.foreign import described, named, visible
from stillwatch.readers.discover import discover
from stillwatch.readers.read import check, read
from stillwatch.sketch.keys import Key
from tests.readers.logs import row, rows_of
from tests.readers.vendors import FIXTURES

SECRET = "diagnosis hayfever bankruptcy"
KEY = Key(master=bytes(range(32)))
COMPANIONS = ("accounts.csv", "releases.parquet")
HOSTILE = "\x1b]0;owned\x07\u202e\u200b\x9b2J"


def lines(*rows):
    return "".join(json.dumps(one) + "\n" for one in rows)


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("bad.parquet", b"PAR1 but no footer"),
        ("bad.jsonl", b"\x00\x01garbage\n" * 9),
        ("bad.csv", b"a;b\n1;2\n"),
        ("bad.jsonl.gz", b"no gzip"),
        ("accounts.csv", b"\x00\x01"),
        ("releases.parquet", b"PAR1"),
    ],
)
@pytest.mark.parametrize("how", ["folder", "named"])
def test_a_garbage_file_is_set_apart_and_the_good_ones_are_read(tmp_path, name, raw, how):
    (tmp_path / "good.jsonl").write_text(lines(*(row(number) for number in range(20))))
    (tmp_path / name).write_bytes(raw)
    paths = [tmp_path] if how == "folder" else [tmp_path / "good.jsonl", tmp_path / name]
    sources = check(discover([str(path) for path in paths]), {})
    assert sum(batch.rows.num_rows for batch in read(sources, {})) == 20
    assert [path.name for path in sources.unread] == (
        [] if how == "folder" and name in COMPANIONS else [name]
    )


@pytest.mark.issue(21)
@pytest.mark.parametrize("name", ["bad.parquet", *COMPANIONS])
def test_what_was_set_apart_is_named_on_the_terminal_and_in_the_results(run, tmp_path, name):
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "good.jsonl").write_text(lines(*(row(number) for number in range(20))))
    (logs / name).write_bytes(b"PAR1 but no footer")
    code, out, err = run("scan", logs, "--out", tmp_path / "r", "--quiet")
    assert (code, err) == (0, "")
    assert f"{name}: " in out
    overview = json.loads((tmp_path / "r" / "overview.json").read_text())
    assert overview["exchanges"] == 20
    assert [Path(one["path"]).name for one in overview["unread"]] == [name]
    lost = pq.read_table(tmp_path / "r" / "quarantine.parquet").to_pylist()
    assert [(Path(one["file"]).name, one["row"]) for one in lost] == [(name, 0)]
    told = sketch([str(logs)], tmp_path / "s", KEY, {})
    assert told["rows"] == 20


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "pairs",
    [
        {"temperature": "top_p"},
        {"prompt": "model"},
        {"max_tokens": "top_p"},
        {"prompt": "x", "system_prompt": "x"},
    ],
)
@pytest.mark.parametrize("ending", ["jsonl", "csv", "parquet"])
def test_two_columns_may_be_read_from_one_field(tmp_path, pairs, ending):
    rows = [row(number, top_p=0.5, temperature=0.1, x="text") for number in range(3)]
    path = tmp_path / f"a.{ending}"
    if ending == "parquet":
        stamped = [one | {"timestamp": datetime(2026, 5, 1, tzinfo=UTC)} for one in rows]
        pq.write_table(pa.Table.from_pylist(stamped), path)
    elif ending == "csv":
        path.write_text(
            "".join(
                ",".join(map(str, one)) + "\n" for one in [list(rows[0]), *(one.values() for one in rows)]
            )
        )
    else:
        path.write_text(lines(*rows))
    good, bad = rows_of(path, names=pairs)
    assert bad == []
    usual = {"top_p": 0.5, "model": "m", "x": "text"}
    for column, theirs in pairs.items():
        wanted = None if column == "max_tokens" else usual[theirs]
        assert good.column(column).to_pylist() == [wanted] * 3
    assert good.column("top_p").to_pylist() == [0.5] * 3


@pytest.mark.issue(21)
def test_a_spoiled_parquet_is_read_refused_or_set_aside(tmp_path):
    rng = random.Random(21)
    rows = [
        row(number) | {"timestamp": datetime(2026, 5, 1, tzinfo=UTC), "tool_names": ["t"]}
        for number in range(200)
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet", row_group_size=50)
    whole = (tmp_path / "a.parquet").read_bytes()
    refusals = tried = 0
    for _ in range(300):
        data = bytearray(whole)
        for _ in range(rng.choice((1, 1, 3, 20))):
            data[rng.randrange(len(data))] = rng.randrange(256)
        (tmp_path / "a.parquet").write_bytes(data if rng.random() < 0.9 else data[: rng.randrange(len(data))])
        try:
            sources = check(discover([str(tmp_path / "a.parquet")]), {})
            for batch in read(sources, {}):
                assert all(one["reason"] for one in batch.quarantine.to_pylist())
        except StillwatchError as refused:
            refusals += "a.parquet" in str(refused)
            tried += 1
    assert refusals == tried


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "text",
    [
        f"{SECRET},2026-05-01T00:00:00Z,a,m\nanother,2026-05-01T00:00:00Z,a,m\n",  # no header
        f"exchange_id,timestamp,account_id,model\n2026-05-01T00:00:00Z,{SECRET},x1,a\n",  # shifted by one
        f'exchange_id,timestamp,account_id,"{SECRET}"\nx1,2026-05-01T00:00:00Z,a,m\n',
    ],
)
def test_a_headerless_or_shifted_csv_says_no_word_of_its_text(run, tmp_path, text):
    (tmp_path / "a.csv").write_text(text)
    code, out, err = run("scan", tmp_path / "a.csv", "--out", tmp_path / "r")
    assert code == 1
    assert "a.csv" in err
    for word in SECRET.split():
        assert f" {word} " not in f" {out} {err} "
    assert described(SECRET) in err


@pytest.mark.issue(21)
def test_names_of_unknown_fields_are_told_by_length_and_digest(tmp_path):
    record = FIXTURES["litellm payload"][1][0] | {SECRET: 1}
    (tmp_path / "log.jsonl").write_text(lines(*[record] * 3))
    overview = scan([str(tmp_path / "log.jsonl")], tmp_path / "r", Options(names={}))
    assert SECRET not in (tmp_path / "r" / "overview.json").read_text()
    assert overview["inputs"][0]["set_aside"][described(SECRET)] == 3


@pytest.mark.issue(21)
def test_strings_of_others_are_shown_with_nothing_that_a_terminal_obeys():
    assert visible(HOSTILE) == "\\x1b]0;owned\\x07\\u202e\\u200b\\x9b2J"
    assert visible("x" * 100) == "x" * 53 + "…" + "x" * 26
    problem = Problem(
        fact=f"`{HOSTILE}` cannot be read",
        where=HOSTILE,
        found=HOSTILE,
        expected=HOSTILE,
        why=HOSTILE,
        fix=HOSTILE,
    )
    assert not set(problem.render()) & set(HOSTILE) - set("]0;owned2J")
    assert (
        named(["model", SECRET, "x"], {"model"})
        == f"`model`, 2 other names ({described(SECRET)}; {described('x')})"
    )


@pytest.mark.issue(21)
def test_a_file_with_a_hostile_name_is_named_harmlessly(run, tmp_path):
    path = tmp_path / f"a{HOSTILE.replace('/', '')}.jsonl"
    path.write_text("garbage\n")
    code, out, err = run("scan", path, "--out", tmp_path / "r")
    assert code == 1
    assert "\\x1b]0;owned" in err
    assert not set(out + err) & {"\x1b", "\u202e", "\x9b", "\x07"}


@pytest.mark.issue(21)
@pytest.mark.parametrize("column", ["output_tokens", "asn"])
def test_a_value_beyond_all_bounds_ends_no_scan(tmp_path, column):
    rows = [row(number, **{column: 2**63 - 1 if number == 3 else 7}) for number in range(9)]
    (tmp_path / "a.jsonl").write_text(lines(*rows))
    overview = scan([str(tmp_path / "a.jsonl")], tmp_path / "r", Options(names={}))
    assert overview["exchanges"] == 9
    assert overview["nulled"] == {column: {"value is out of bounds": 1}}
    assert (
        json.loads((tmp_path / "r" / "manifest.json").read_text())["parameters"]["limits"]["line"] == 32 << 20
    )


@pytest.mark.issue(21)
def test_a_sketch_made_elsewhere_is_bounded_as_a_log_is(tmp_path):
    (tmp_path / "a.jsonl").write_text(lines(*(row(number) for number in range(9))))
    sketch([str(tmp_path / "a.jsonl")], tmp_path / "s", KEY, {})
    (part,) = (tmp_path / "s").glob("sketch-*.parquet")
    table = pq.read_table(part)
    for name, value in (
        ("output_tokens", 2**63 - 1),
        ("words", 2**31 - 1),
        ("half", 77),
        ("capability", 100),
    ):
        values = [value, *table.column(name).to_pylist()[1:]]
        table = table.set_column(
            table.column_names.index(name), table.field(name), pa.array(values, table.field(name).type)
        )
    pq.write_table(table, part)
    pq.write_table(table.drop(["phrases"]), tmp_path / "s" / "sketch-00009.parquet")
    overview = scan([str(tmp_path / "s")], tmp_path / "r", Options(names={}, replay=False))
    assert overview["exchanges"] == 9
    assert overview["nulled"]["output_tokens"] == {"value is out of bounds": 1}
    assert [Path(one["path"]).name for one in overview["unread"]] == ["sketch-00009.parquet"]


@pytest.mark.issue(21)
def test_where_no_file_can_be_read_every_one_is_named(tmp_path):
    for name in ("a.jsonl", "b.csv", "c.parquet"):
        (tmp_path / name).write_bytes(b"garbage\n")
    with pytest.raises(InputError) as refused:
        scan([str(tmp_path)], tmp_path / "r", Options(names={}))
    for name in ("a.jsonl", "b.csv", "c.parquet"):
        assert name in str(refused.value)
