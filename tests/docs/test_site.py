"""The site builds without a warning, its notebooks run, and it has what a reader looks for."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import stillwatch
from stillwatch.cli.main import COMMANDS

pytestmark = pytest.mark.issue(22)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The site, built as `./dev docs` builds it, from a copy: notebooks write beside themselves."""
    if importlib.util.find_spec("myst_nb") is None:
        pytest.skip("the site's packages are not installed: requirements-docs.txt")
    tree = tmp_path_factory.mktemp("docs")
    kept = shutil.ignore_patterns("_build", "world", "found", "without", "kept")
    shutil.copytree(ROOT / "docs", tree / "docs", ignore=kept)
    for name in ("SECURITY.md", "CONTRIBUTING.md"):
        shutil.copy(ROOT / name, tree)
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "site"],
        cwd=tree, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return tree / "site"


def text(page: Path) -> str:
    return re.sub(r"<[^>]+>", "", page.read_text(encoding="utf-8"))


def test_it_builds_strictly_with_a_search_and_every_kind_of_page(site):
    for name in (
        "index",
        "tutorial",
        "words",
        "how-to/own-logs",
        "reference/python",
        "reference/command-line",
        "methods/decision",
        "search",
    ):
        assert (site / f"{name}.html").exists(), name
    assert (site / "searchindex.js").stat().st_size > 100_000


def test_the_reference_names_every_public_name_and_every_command(site):
    python = text(site / "reference/python.html")
    for name in stillwatch.LAZY:
        assert f"stillwatch.{name}" in python or f"{name}(" in python, name
    told = text(site / "reference/command-line.html")
    for command in COMMANDS:
        assert f"stillwatch {command}" in told or f"\n{command}\n" in told, command
    assert "--fail-on-campaign" in told


@pytest.mark.parametrize("name", ["find", "look", "tune"])
def test_a_notebook_ran_and_shows_its_results(site, name):
    page = text(site / f"notebooks/{name}.html")
    assert "C1" in page or "recall of accounts" in page


@pytest.mark.parametrize("name", ["find", "look", "tune"])
def test_a_notebook_is_kept_without_results(name):
    import json

    book = json.loads((ROOT / f"docs/notebooks/{name}.ipynb").read_text())
    assert all(not cell.get("outputs") and cell.get("execution_count") is None for cell in book["cells"])


def test_every_word_of_the_glossary_stands_once():
    words = re.findall(r"^([a-z][^\n|#]*)\n: ", (ROOT / "docs/words.md").read_text(), re.MULTILINE)
    assert len(words) > 45
    assert len(set(words)) == len(words)
