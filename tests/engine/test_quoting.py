"""Names of folders, files, accounts and tables are data: they end up in no statement as more than what
they are.
"""

import json
import re
from pathlib import Path

import ibis
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stillwatch
from stillwatch.engine.duck import duckdb_engine, identifier, literal
from stillwatch.flows.scan import Options, scan

HOSTILE = [
    "it's",
    'a "quoted" name',
    "both ' and \"",
    "x'); copy (select 42 as injected) to 'INJECTED.parquet'; --",
    "x\\'); copy (select 42) to 'INJECTED.parquet'; --\"",
    "back\\slash",
    "star*",
    "[ab]?",
    "{a,b}",
    "~",
    "$HOME `id` %s {}",
    "a\nnew line",
    "ümlaut 中文 \u202e",
    "--",
    "date=2026-05-01",
    "http:",
]


@pytest.mark.issue(21)
@settings(deadline=None, max_examples=60)
@given(st.text(st.characters(blacklist_characters="\x00", blacklist_categories=("Cs",)), max_size=40))
def test_a_literal_is_the_text_and_an_identifier_the_name(text):
    connection = ibis.duckdb.connect()
    assert connection.raw_sql(f"select {literal(text)}").fetchall() == [(text,)]
    if text:
        told = connection.raw_sql(f"select 1 as {identifier(text)}").description
        assert told[0][0] == text
    connection.disconnect()


@pytest.mark.issue(21)
@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_tables_are_written_and_read_in_a_folder_of_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / name
    folder.mkdir()
    rows = pa.table(
        {"account_id": ["x'); drop table t; --", '"', "a"], "day": ["1", "1", "2"], "n": [1, 2, 3]}
    )
    with duckdb_engine(scratch=folder) as engine:
        table = engine.load(name, rows)
        assert engine.keep(f"kept {name}", table).order_by("n").to_pyarrow().equals(rows)
        engine.write(table.order_by("n"), folder / f"{name}.parquet")
        assert engine.read_parts([folder / f"{name}.parquet"]).order_by("n").to_pyarrow().equals(rows)
        parts = engine.write_by(table, "day", folder / "by day")
        assert sorted(parts) == ["1", "2"]
        assert sum(pq.read_metadata(p).num_rows for some in parts.values() for p in some) == 3
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.issue(21)
def test_a_sign_that_stands_for_others_names_one_file(tmp_path):
    for name in ("a*", "ab", "[ab]", "b"):
        pq.write_table(pa.table({"name": [name]}), tmp_path / f"{name}.parquet")
    with duckdb_engine(scratch=tmp_path) as engine:
        for name in ("a*", "[ab]"):
            assert engine.read_parts([tmp_path / f"{name}.parquet"]).to_pyarrow().column(
                "name"
            ).to_pylist() == [name]


@pytest.mark.issue(21)
@pytest.mark.parametrize(
    "name", ["it's", "x'); copy (select 42 as n) to 'INJECTED.parquet'; --\""], ids=[0, 1]
)
def test_a_scan_works_in_folders_of_any_name_on_accounts_of_any_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    logs = tmp_path / name
    logs.mkdir()
    rows = [
        {
            "exchange_id": f"{name}-{n}",
            "timestamp": f"2026-05-01T{n % 24:02}:00:00Z",
            "account_id": f"{HOSTILE[n % 9]}-{n % 3}",
            "model": name,
            "prompt": f"some words {n}",
            "user_agent": name,
        }
        for n in range(60)
    ]
    (logs / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    overview = scan(
        [str(logs)], tmp_path / f"{name}-out", Options(names={}, store=tmp_path / f"{name}-store")
    )
    assert (overview["exchanges"], overview["quarantined"]) == (60, 0)
    assert not list(tmp_path.rglob("INJECTED*"))


@pytest.mark.issue(21)
def test_no_other_place_puts_paths_or_names_into_statements():
    """`engine/` is the one place that writes statements; everything else builds expressions."""
    root = Path(stillwatch.__file__).parent
    said = re.compile(r"raw_sql|\.sql\(|\.execute\(|to_parquet\(")
    places = {str(p.relative_to(root)) for p in root.rglob("*.py") if said.search(p.read_text())}
    others = {
        "policy/conditions.py",  # runs conditions of a policy in their own language, which has no statements
        "share/state.py",  # SQLite: statements are constants, values are bound
    }
    console = {place for place in places if place.startswith("console/")}
    assert places - console <= {"engine/duck.py", "engine/spark.py"} | others
    # The console executes expressions of SQLAlchemy; statements as text stand in one file, and of foreign
    # values none is in them.
    texts = re.compile(r"exec_driver_sql\(|\.execute\(\s*(?:f?[\"']|\w*text\()|sqlalchemy.*\btext\b")
    assert [place for place in sorted(console) if texts.search((root / place).read_text())] == [
        "console/database.py"
    ]
    constant = re.compile(r"self\._(?:base\.execute|rows|change)\(\s*f[\"']")
    assert not constant.search((root / "share/state.py").read_text())
    for line in (root / "engine/duck.py").read_text().splitlines():
        for part in re.findall(r"(?:to|from|table|exists) ['\"]?\{(\w+)", line):
            assert part in ("identifier", "literal", "self"), line
