"""Times that pages state: which sentence states the time of which commands, and what was measured.

`docs/times.md` holds the measurements. `pytest --times` measures all commands, and writes that page and the
sentences; every other run measures the commands that take a few seconds and compares.
"""

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
FIGURES = ROOT / "docs/times.md"
MAX_RATIO = 10
"""Chosen: a time of another or a busy machine may be so many times longer or shorter than the one stated."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedCommands:
    """Commands whose time a page states."""

    page: str
    """Path of the page from the repository's root."""
    says: str
    """The page's sentence, with {} where the time stands."""
    commands: tuple[str, ...] = ()
    """What is run in an empty folder. Empty where the commands are those of the page's own blocks, which
    `test_guides_run_as_they_stand` runs and measures.
    """
    long: bool = False
    """Whether only `pytest --times` runs them."""


TIMED = {
    "the commands of the tutorial": TimedCommands(
        page="docs/tutorial.md", says="Its commands take {} ([measured](times.md))."
    ),
    "`stillwatch simulate --scenario null`": TimedCommands(
        page="docs/commands/simulate.md",
        says="The half million exchanges of `null` take {} ([measured](../times.md));",
        commands=("stillwatch simulate --scenario null --out world",),
    ),
    "`stillwatch demo`": TimedCommands(
        page="docs/commands/demo.md",
        says="It takes {} ([measured](../times.md)) and 2 GB of memory.",
        commands=("stillwatch demo",),
        long=True,
    ),
}

HEAD = """# Times of commands

Wall time of new processes on the machine named, as `pytest --times tests/docs` measures it and writes it into this
page and into the pages named. *Load* is the machine's load average before: above 1 on two cores, the time is longer
than on a quiet machine. A first run after installing takes longer, since Numba compiles and keeps what it compiled.
`./dev check` measures again what takes a few seconds, and fails where a time is ten times longer or shorter than stated.

| command | page | seconds | load | machine |
|---|---|---|---|---|
"""


def figures() -> dict[str, float]:
    """Seconds that were measured, by the name in `TIMED`."""
    rows = re.findall(r"^\| (.*?) \| \[.*?\]\(.*?\) \| ([\d.]+) \|", FIGURES.read_text(), re.MULTILINE)
    return {name: float(seconds) for name, seconds in rows}


def in_words(seconds: float) -> str:
    """The time as a page states it."""
    if seconds < 1.5:
        return "about a second"
    if seconds < 20:
        return f"about {seconds:.0f} seconds"
    if seconds < 90:
        return f"about {seconds / 10:.0f}0 seconds"
    return f"about {seconds / 60:.0f} minutes"


def check(name: str, seconds: float) -> None:
    """Fail where the commands took more than `MAX_RATIO` times longer or shorter than is stated."""
    stated = figures()[name]
    assert stated / MAX_RATIO < seconds < stated * MAX_RATIO, (
        f"{name}: {seconds:.1f} s, and {TIMED[name].page} states {stated} s; `pytest --times tests/docs` measures"
    )


def write(name: str, seconds: float, load: float) -> None:
    """Replace the row of these commands in `docs/times.md`, and the time in their page's sentence."""
    timed, seconds = TIMED[name], round(seconds, 1)  # as the page of figures states it
    rows = (
        dict(re.findall(r"^(\| .*? \|)( \[.*)$", FIGURES.read_text(), re.MULTILINE))
        if FIGURES.exists()
        else {}
    )
    link = f"[{Path(timed.page).stem}]({timed.page.removeprefix('docs/')})"
    rows[f"| {name} |"] = f" {link} | {seconds:.1f} | {load:.1f} | {machine()} |"
    kept = [f"| {one} |" for one in TIMED if f"| {one} |" in rows]
    FIGURES.write_text(HEAD + "".join(f"{one}{rows[one]}\n" for one in kept))
    page = ROOT / timed.page
    before, after = map(re.escape, timed.says.split("{}"))
    text, found = re.subn(
        f"{before}.*?{after}", lambda _: timed.says.format(in_words(seconds)), page.read_text()
    )
    assert found == 1, f"{timed.page} does not state: {timed.says}"
    page.write_text(text)


def machine() -> str:
    """Processor, cores, memory and Python of this machine."""
    names = re.findall(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (
        f"{names[0] if names else platform.machine()}, {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"Python {platform.python_version()}"
    )


NUMBER = (
    r"(?:\d[\d.,]*|an?|half an?|one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|thirty|forty|"
    r"fifty|sixty|several|some)"
)
LENGTH = rf"(?<![\w-]){NUMBER}(?: (?:to|or) {NUMBER})?(?: (?:µs|ms|s)| (?:micro|milli)?seconds?| min(?:utes?)?| hours?)\b"
STATED = re.compile(
    rf"\b(?:takes?|took|slowest)\b(?:(?!within\b)[^.|;:]){{0,60}}?{LENGTH}|"  # takes about 4 seconds
    rf"(?<!within ){LENGTH} (?:on|of) (?:a|one|two|\d+) cores?\b|"  # a minute of two cores
    rf"{LENGTH} of processor time|"
    rf"(?<!within )(?<![\d.])\d[\d.,]*(?: to \d[\d.,]*)? (?:µs|ms)\b",
    re.IGNORECASE,
)
"""What states how long something took. Spans of a log and limits of waiting have other verbs."""
MEASURES = re.compile(
    r"(?:python |`)((?:benchmarks|scripts)/\w+\.py)|pytest (tests/[\w/.]+)|`stillwatch scan --"
)
"""A command that measures: a benchmark, a script, a test, or a scan with the options that were used."""
