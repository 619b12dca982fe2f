"""What stands about the project in its own files is valid and stands once."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import stillwatch

pytestmark = pytest.mark.issue(22)
ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_version_stands_in_one_place():
    assert "version" not in PROJECT
    assert PROJECT["dynamic"] == ["version"]
    written = re.compile(rf"""version["']?\s*[:=]\s*["']?{re.escape(stillwatch.__version__)}\b""")
    places = [
        str(path.relative_to(ROOT))
        for pattern in ("*.toml", "*.cff", "src/stillwatch/**/*.py", "docs/conf.py")
        for path in ROOT.glob(pattern)
        if written.search(path.read_text()) or "__version__ = " in path.read_text()
    ]
    assert places == ["src/stillwatch/__init__.py"]


def test_the_extras_are_by_use_and_all_is_all_of_them():
    extras = PROJECT["optional-dependencies"]
    assert {"server", "lab", "spark", "streams", "cloud", "evaluate", "all"} <= extras.keys()
    (told,) = extras["all"]
    assert set(told.removeprefix("stillwatch[").removesuffix("]").split(",")) == extras.keys() - {
        "all",
        "docs",
    }


def test_every_missing_package_is_told_with_an_extra_that_exists():
    from stillwatch.cli.main import EXTRAS

    assert set(EXTRAS.values()) <= PROJECT["optional-dependencies"].keys()
    for name in re.findall(
        r"stillwatch\[(\w+)\]", "".join(p.read_text() for p in (ROOT / "src").rglob("*.py"))
    ):
        assert name in PROJECT["optional-dependencies"], name


def test_the_project_says_whose_it_is_and_where_more_is():
    assert PROJECT["authors"]
    assert PROJECT["readme"] == "README.md"
    assert {"Homepage", "Documentation", "Issues", "Changelog"} <= PROJECT["urls"].keys()


def test_citation_and_hooks_are_files_that_their_programs_read():
    yaml = pytest.importorskip("yaml")
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert citation["license"] == PROJECT["license"]
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    steps = set(re.findall(r"^    step (\S+)", (ROOT / "dev").read_text(), re.MULTILINE))
    assert {hook["entry"].split()[0].removeprefix(".venv/bin/") for hook in hooks} == steps


def test_an_installed_package_has_the_version_of_its_source():
    assert importlib.metadata.version("stillwatch") == stillwatch.__version__
