"""Every time that a page states was measured, and the commands still take about as long."""

import json
import os
import re
import shlex
import sys
import time

import click
import pytest

from stillwatch.cli.main import cli
from tests.docs import times
from tests.docs.test_blocks import PAGES, ROOT, blocks, every_command, in_a_process

pytestmark = pytest.mark.issue(22)
NOTEBOOKS = sorted((ROOT / "docs/notebooks").glob("*.ipynb"))


def pytest_generate_tests(metafunc):
    if "timed" in metafunc.fixturenames:
        everything = metafunc.config.getoption("--times")
        names = [name for name, one in times.TIMED.items() if everything or (one.commands and not one.long)]
        metafunc.parametrize("timed", names)


def test_a_command_takes_about_as_long_as_its_page_states(timed, tmp_path, monkeypatch, request):
    one = times.TIMED[timed]
    own = [text for language, text in blocks(ROOT / one.page) if language == "sh"]
    monkeypatch.chdir(tmp_path)
    load, began = os.getloadavg()[0], time.perf_counter()
    for line in one.commands or [line for text in own for line in text.splitlines() if line.strip()]:
        words = shlex.split(line)
        assert words[0] == "stillwatch", line
        in_a_process([sys.executable, "-m", *words])
    seconds = time.perf_counter() - began
    if request.config.getoption("--times"):
        times.write(timed, seconds, load)
    else:
        times.check(timed, seconds)


def test_a_measurement_stands_behind_each_sentence_and_the_sentence_states_it():
    assert set(times.figures()) == set(times.TIMED)
    for name, seconds in times.figures().items():
        one = times.TIMED[name]
        assert one.says.format(times.in_words(seconds)) in (ROOT / one.page).read_text(), name


def pages():
    """Name and text of each page and of each notebook's explanations."""
    for page in [*PAGES, ROOT / "SECURITY.md"]:
        yield str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
    for book in NOTEBOOKS:
        cells = json.loads(book.read_text())["cells"]
        yield book.name, "\n".join("".join(one["source"]) for one in cells if one["cell_type"] == "markdown")


def unmeasured(name: str, text: str) -> list[str]:
    """What the page states about times in sections that name no command which measures."""
    for one in times.TIMED.values():
        if one.page == name:
            text = re.sub(".*?".join(map(re.escape, one.says.split("{}"))), "", text)
    wrong = []
    for section in re.split(r"^(?=#+ )", text, flags=re.MULTILINE):
        stated = [found.group(0) for found in times.STATED.finditer(section)]
        if stated and not times.MEASURES.search(section):
            wrong.append(f"{name}, {section.splitlines()[0]}: {', '.join(stated)}")
    return wrong


def test_a_time_is_stated_beside_the_command_that_measures_it():
    assert [one for name, text in pages() for one in unmeasured(name, text)] == []


def test_sections_on_speed_name_the_command_that_measured():
    text = (ROOT / "docs/performance.md").read_text()
    for section in re.split(r"^(?=## )", text, flags=re.MULTILINE)[1:]:
        if re.search(r"\d", section.partition("\n")[2]):
            assert times.MEASURES.search(section), section.splitlines()[0]


def test_commands_that_measure_exist():
    for name, text in pages():
        for script, tests in times.MEASURES.findall(text):
            assert (ROOT / (script or tests or ".")).exists(), f"{name}: {script or tests}"


def test_help_states_no_time():
    for words, command in every_command(cli):
        told = command.get_help(click.Context(command, info_name=" ".join(words)))
        assert not times.STATED.search(re.sub(r"\s+", " ", told)), words


@pytest.mark.parametrize(
    "stated",
    [
        "It takes about four seconds.",
        "A scan took 12.5 s.",
        "99 % right after seven minutes on two cores",
        "six minutes of processor time",
        "compared in about 2 ms",
        "the slowest took 0.15 s",
    ],
)
def test_a_stated_time_without_a_command_is_found(stated):
    assert unmeasured("page.md", f"# Page\n{stated}\n")
    assert not unmeasured("page.md", f"# Page\n{stated} (`python benchmarks/scan.py`)\n")


@pytest.mark.parametrize(
    "other",
    [
        "takes up the work within one to six hours",
        "Envoy waits; does it not answer within 50 ms",
        "events arrive within a minute",
        "It takes as many shares as there are accounts.",
        "active within 12 hours",
    ],
)
def test_spans_and_limits_are_no_times_of_commands(other):
    assert not times.STATED.search(other)


def test_a_time_that_is_far_from_what_is_stated_fails():
    name, seconds = next(iter(times.figures().items()))
    times.check(name, seconds * 2)
    for wrong in (seconds / 20, seconds * 20):
        with pytest.raises(AssertionError, match="states"):
            times.check(name, wrong)
