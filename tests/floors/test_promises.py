"""SECURITY.md is a list of promises, each with tests that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEST = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in (ROOT / "SECURITY.md")
    .read_text(encoding="utf-8")
    .split("## Promises")[1]
    .split("## ")[0]
    .splitlines()
    if line.startswith("|") and not line.startswith(("| promise", "|---"))
]


def names_in(path):
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.issue(21)
@pytest.mark.parametrize(("promise", "held_by"), ROWS, ids=range(len(ROWS)))
def test_every_promise_names_tests_that_exist(promise, held_by):
    named = TEST.findall(held_by)
    assert named, f"no test holds: {promise}"
    for path, name in named:
        assert (ROOT / path).exists(), path
        assert name in names_in(path), f"{path} has no test {name}"


@pytest.mark.issue(21)
def test_every_test_that_the_page_names_anywhere_exists():
    assert len(ROWS) >= 20
    for path, name in TEST.findall((ROOT / "SECURITY.md").read_text(encoding="utf-8")):
        assert (ROOT / path).exists(), path
        assert not name or name in names_in(path), name
