"""Is what a database or a system refuses told as a fact, with what helps?"""

import errno
import json
import sys

import pytest

from stillwatch.cli import main as program
from stillwatch.engine.duck import duckdb_engine
from stillwatch.errors import EngineError


def test_a_file_that_the_database_cannot_read_is_an_error_of_the_engine(tmp_path):
    with pytest.raises(EngineError, match="could not read or write"), duckdb_engine() as engine:
        engine.read_parts([tmp_path / "none.parquet"]).execute()


def test_too_little_memory_is_told_with_what_helps(tmp_path):
    query = "set temp_directory = ''; select list(i) from range(10000000) t(i)"
    with (
        pytest.raises(EngineError, match="--memory"),
        duckdb_engine(memory="1MB", scratch=tmp_path) as engine,
    ):
        engine._backend.raw_sql(query)


@pytest.mark.parametrize(
    ("number", "fact"),
    [
        (errno.ENOSPC, "no space is left"),
        (errno.EACCES, "permission is denied"),
        (errno.EIO, "could not be read or written"),
    ],
)
def test_what_the_system_refuses_is_no_traceback(monkeypatch, capsys, number, fact):
    def refuse(**_more):
        raise OSError(number, "so it is", "/a/place")

    monkeypatch.setattr(program, "cli", refuse)
    monkeypatch.setattr(sys, "argv", ["stillwatch", "scan", "--json"])
    with pytest.raises(SystemExit) as stop:
        program.main()
    assert stop.value.code == 1
    out, err = capsys.readouterr()
    assert fact in err
    assert "/a/place" in err
    assert json.loads(out)["problems"][0]["where"] == "/a/place"
