"""Every command and code block of the documentation runs, or at least is a command that exists with the
options that it is given.
"""

import os
import re
import shlex
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.cli.main import COMMANDS, cli
from stillwatch.cli.values import Existing
from tests.docs import times

pytestmark = pytest.mark.issue(22)
ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
HOW_TO = (
    "own-logs",
    "every-night",
    "python",
    "labels",
    "extend",
    "completion",
)  # in the order in which they need each other
GUIDES = [[ROOT / "docs/tutorial.md"], [ROOT / f"docs/how-to/{name}.md" for name in HOW_TO]]
BLOCK = re.compile(r"^( *)```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path) -> list[tuple[str, str]]:
    """Language and text of each fenced block of a page."""
    found = []
    for indent, language, text in BLOCK.findall(page.read_text(encoding="utf-8")):
        found.append((language, "\n".join(line.removeprefix(indent) for line in text.splitlines())))
    return found


def named(page: Path) -> str:
    return str(page.relative_to(ROOT))


def commands(text: str) -> list[str]:
    """Lines that call `stillwatch`, with continued lines joined."""
    lines = re.sub(r"\\\n\s*", " ", text).splitlines()
    return [line.strip() for line in lines if re.match(r"\s*(\$ )?stillwatch ", line)]


ALL = [(page, language, text) for page in PAGES for language, text in blocks(page)]
EXAMPLES = [(page, line) for page, language, text in ALL if language == "sh" for line in commands(text)]
SYNOPSES = [(page, text) for page, language, text in ALL if not language and commands(text)]


def parse(words: list[str], command: click.Command, parent: click.Context | None = None) -> None:
    """Parse a command line down to its last command, without running it and without asking for its files."""
    context = command.make_context(command.name, list(words), parent=parent)
    if isinstance(command, click.Group) and (rest := [*context._protected_args, *context.args]):
        _name, inner, more = command.resolve_command(context, rest)
        assert inner is not None
        parse(more, inner, context)


@pytest.mark.parametrize(
    ("page", "line"), EXAMPLES, ids=[f"{named(p)}-{n}" for n, (p, _) in enumerate(EXAMPLES)]
)
def test_an_example_is_a_command_that_exists_with_options_that_it_takes(page, line, monkeypatch):
    monkeypatch.setattr(Existing, "convert", lambda _self, value, _param, _ctx: Path(value))
    words = shlex.split(line.removeprefix("$ "), comments=True)
    ends = [place for place, word in enumerate(words) if word in ("||", "|", "&&", ">", ">>", ";")]
    parse(words[1 : ends[0] if ends else None], cli)


def options_of(words: list[str]) -> set[str]:
    command: click.Command = cli
    for word in words:
        inner = (
            command.get_command(click.Context(command), word) if isinstance(command, click.Group) else None
        )
        if inner is None:
            break
        command = inner
    return {name for option in command.params for name in (*option.opts, *option.secondary_opts)} | {
        "--help",
        "-h",
    }


@pytest.mark.parametrize(
    ("page", "text"), SYNOPSES, ids=[f"{named(p)}-{n}" for n, (p, _) in enumerate(SYNOPSES)]
)
def test_a_synopsis_names_commands_and_options_that_exist(page, text):
    known: set[str] = set()
    for line in text.splitlines():
        if line.startswith("stillwatch "):
            words = line.split()[1:]
            assert words[0] in COMMANDS or words[0].startswith(("-", "COMMAND")), line
            known = options_of(words)
        for option in re.findall(r"(?<![\w-])--[a-z][\w-]*", line):
            assert option in known, f"{named(page)}: {option}"


def every_command(group: click.Group, path: tuple[str, ...] = ()):
    for name in group.list_commands(click.Context(group)):
        command = group.get_command(click.Context(group), name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


def test_every_option_is_named_on_the_page_of_its_command_or_on_that_of_all():
    common = (ROOT / "docs/commands/README.md").read_text()
    for words, command in every_command(cli):
        page = (ROOT / f"docs/commands/{words[0]}.md").read_text()
        for option in command.params:
            if isinstance(option, click.Option):
                assert any(f"{name}" in page + common for name in option.opts), (words, option.opts)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_python_compiles_and_toml_parses(page):
    for language, text in blocks(page):
        if language == "python":
            compile(text, named(page), "exec")
        if language == "toml":
            tomllib.loads(text)


@pytest.mark.parametrize("pages", GUIDES, ids=["tutorial", "how-to"])
def test_guides_run_as_they_stand(pages, tmp_path, small_log, run, monkeypatch):
    """Commands of the pages, in order, in one folder, and then each page's Python, as one program."""
    small_log(tmp_path / "logs")
    small_log(tmp_path / "renamed", timestamp="received_at", account_id="customer")
    honest = {"exchange_id": ["x1"], "account_id": ["a1"], "campaign_id": pa.array([None], pa.string())}
    pq.write_table(pa.table(honest), tmp_path / "truth.parquet")
    monkeypatch.chdir(tmp_path)
    for page in pages:
        told = blocks(page)
        began = time.perf_counter()
        for line in [
            line for language, text in told if language == "sh" for line in text.splitlines() if line.strip()
        ]:
            words = shlex.split(line)
            if words[0] == "stillwatch" and not {"||", "|", "&&"} & set(words):
                code, _out, err = run(*words[1:])
                assert code == 0, f"{named(page)}: {line}\n{err}"
            else:
                in_a_process(
                    ["bash", "-c", f'stillwatch() {{ "{sys.executable}" -m stillwatch "$@"; }}; {line}']
                )
        for name, timed in times.TIMED.items():
            if timed.page == named(page) and not timed.commands:
                times.check(name, time.perf_counter() - began)
        program = "\n".join(text for language, text in told if language == "python")
        if program:
            in_a_process([sys.executable, "-c", program])


def test_the_how_to_guides_are_all_run():
    assert set(GUIDES[1]) == set((ROOT / "docs/how-to").glob("*.md")) - {ROOT / "docs/how-to/index.md"}


def in_a_process(command: list[str]) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, f"{command[-1]}\n{done.stderr}"
