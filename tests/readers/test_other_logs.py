"""Small logs in the shapes that products document give the right rows and values."""

import gzip

import pytest

import stillwatch
from stillwatch.flows.inspect import inspect
from tests.readers.other_logs import CASES, lines

pytestmark = pytest.mark.issue(23)


@pytest.mark.parametrize("name", CASES)
def test_a_documented_log_gives_its_rows_and_values(tmp_path, name):
    file, content, rows, wanted = CASES[name]
    raw = (lines(*content) if isinstance(content, list) else content).encode()
    path = tmp_path / file
    path.write_bytes(gzip.compress(raw) if file.endswith(".gz") else raw)
    found = sorted(stillwatch.read(path).to_pylist(), key=lambda row: row["exchange_id"])
    assert len(found) == rows
    assert {column: found[0][column] for column in wanted} == wanted
    (told,) = inspect([str(path)])["files"]
    assert (told["rows"], told["quarantined"]) == (rows, 0)
    assert told["nulled"].keys() <= {"exchange_id", "model", "account_id"}


def test_requests_of_a_web_server_for_no_model_are_passed_over(tmp_path):
    file, content, _rows, _wanted = CASES["caddy access log"]
    more = content.replace("/v1/chat/completions", "/checkout")
    (tmp_path / file).write_text(content + more)
    (told,) = inspect([str(tmp_path / file)])["files"]
    assert (told["records"], told["rows"], told["passed_over"], told["quarantined"]) == (2, 1, 1, 0)
