import json
import logging
import math
import re
import resource
import subprocess
import sys
from pathlib import Path

import click
import pytest

import stillwatch
from stillwatch.cli import main as entry
from stillwatch.cli.logs import log_to_standard_error
from stillwatch.cli.main import COMMANDS
from stillwatch.cli.output import print_json
from stillwatch.cli.values import Existing
from stillwatch.detect.replay import Replay
from stillwatch.evaluate.matrix import built_in

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("world")
    small_world(folder)
    return folder


def test_a_scan_ends_with_0_and_says_where_to_look_and_its_results_are_scored_and_shown(run, world, tmp_path):
    code, out, err = run("scan", world, "--out", tmp_path / "r")
    assert code == 0
    assert "C1" in out
    assert str(tmp_path / "r" / "report.html") in out
    assert err == ""
    code, out, _ = run("score", tmp_path / "r", world / "truth.parquet", "--json")
    assert code == 0
    assert json.loads(out)["false_campaigns"] == 0
    (tmp_path / "r" / "report.html").unlink()
    assert run("report", tmp_path / "r")[0] == 0
    assert (tmp_path / "r" / "report.html").exists()


@pytest.mark.issue(22)
def test_with_fail_on_campaign_it_ends_with_3_and_json_is_json(run, world, tmp_path, monkeypatch):
    # The hour of detection, which takes most of a scan's time, is no matter here.
    monkeypatch.setattr(Replay, "looks", lambda _self, campaigns, _progress: {name: [] for name in campaigns})
    code, out, _err = run("scan", world, "--out", tmp_path / "r", "--fail-on-campaign", "--json")
    assert code == 3
    assert json.loads(out)["campaigns"][0]["campaign_id"] == "C1"


def test_simulate_works_from_the_shell(run, tmp_path):
    code, out, _ = run("simulate", "--scenario", "null", "--scale", "0.01", "--out", tmp_path / "w", "--json")
    assert code == 0
    assert json.loads(out)["campaigns"] == {}


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan",),
        ("scan", "x", "--fdr", "2"),
        ("nothing",),
        ("scan", "x", "--map", "timestamp"),
        ("signals", "nosuch"),
        ("simulate", "--scenario", "nosuch", "--out", "w"),
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(*arguments)[0] == 2


@pytest.mark.issue(22)
def test_the_card_of_an_explanation_says_whether_it_accompanies_every_other_one(run):
    assert "accompanies every other" in run("signals", "sponsor")[1]
    assert "accompanies none" in run("signals", "daily_puzzle")[1]
    (sponsor,) = json.loads(run("signals", "sponsor", "--json")[1])
    assert sponsor["accompanies"] is True
    (test,) = json.loads(run("signals", "load_balance", "--json")[1])
    assert test["accompanies"] is None
    assert re.search(r"^sponsor +every other ", run("signals")[1], re.MULTILINE)


def test_a_failure_ends_with_1_and_names_file_and_fix(run, tmp_path):
    code, _out, err = run("scan", tmp_path / "absent", "--out", tmp_path / "r")
    assert code == 1
    assert "absent" in err
    assert "stillwatch scan" in err


def test_the_cards_can_be_listed_and_shown(run):
    assert "load_balance" in run("signals")[1]
    assert "null" in run("signals", "load_balance")[1]
    assert {c["name"] for c in json.loads(run("signals", "--json")[1])} >= {"asn", "rotation"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_helps_with_an_example(run, command):
    code, out, _ = run(command, "--help")
    assert code == 0
    assert "Example" in out
    assert "\\b" not in out  # click's mark for lines that stay as they are


def test_the_help_of_evaluate_names_every_matrix_that_comes_along(run):
    told = run("evaluate", "--help")[1]
    assert all(f"{name}," in told for name in built_in())


# ------------------------------------------------------------------------------------------ manners (issue
# 22)


def every_command(group=None, path=()):
    """Every command with the words that call it."""
    group = group or entry.cli
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from every_command(command, (*path, name))


ALL = dict(every_command())


@pytest.mark.issue(22)
@pytest.mark.parametrize("words", ALL, ids=" ".join)
def test_every_command_prints_json_when_asked(words):
    command = ALL[words]
    if not isinstance(command, click.Group) or command.invoke_without_command:
        assert "--json" in [name for option in command.params for name in option.opts]


@pytest.mark.issue(22)
def test_json_has_no_numbers_that_json_does_not_have(capsys):
    print_json({"a": [math.inf, -math.inf], "b": (math.nan, 1.5), "c": {"d": math.inf}})
    told = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert told == {"a": [None, None], "b": [None, 1.5], "c": {"d": None}}


@pytest.mark.issue(22)
def test_no_command_prints_json_in_a_way_of_its_own():
    for path in (ROOT / "src/stillwatch/cli").glob("*.py"):
        assert path.name == "output.py" or "echo(json.dumps(" not in path.read_text(), path


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("scn",), "did you mean `scan`"),
        (("prove", "kei"), "did you mean `key`"),
        (("lab", "teech"), "did you mean `teach`"),
        (("scan", "x", "--otu", "y"), "`--out`"),
        (("simulate", "--scenario", "stealth1", "--out", "w"), "stealth-1"),
        (("signals", "load_balans"), "did you mean `load_balance`"),
        (("scan", ".", "--without", "load_balans"), "did you mean `load_balance`"),
        (("scan", ".", "--format", "otpl"), "did you mean `otlp`"),
        (("export", ".", "--to", "json_line", "--out", "w"), "did you mean `json_lines`"),
    ],
    ids=lambda given: " ".join(given) if isinstance(given, tuple) else "",
)
def test_a_word_that_does_not_exist_is_answered_with_the_nearest_that_does(
    run, arguments, told, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "day.csv").write_text("exchange_id,timestamp,account_id,model\n1,2026-05-01T00:00:00Z,a,m\n")
    code, _out, err = run(*arguments)
    assert code == 2
    assert told in err
    assert err.startswith("error: ")
    assert "\n   | fix " in err


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "absent"),
        ("report", "absent"),
        ("taken", "absent"),
        ("score", "absent", "absent"),
        ("export", "absent", "--out", "x"),
        ("sketch", "absent", "--key-file", "absent", "--out", "x"),
        ("prove", "--suspect", "absent", "--marks", "absent"),
        ("simulate", "--scenario", "demo", "--prompts", "absent", "--out", "x"),
    ],
    ids=lambda given: given[0],
)
def test_a_file_that_is_not_there_is_a_failure_and_no_wrong_usage_in_every_command(
    run, arguments, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    code, _out, err = run(*arguments)
    assert code == 1
    assert "absent" in err


@pytest.mark.issue(22)
@pytest.mark.parametrize("command", ["report", "taken", "export"])
def test_a_folder_that_is_no_results_folder_is_named_as_such(run, command, tmp_path):
    (tmp_path / "some").mkdir()
    more = ("--out", tmp_path / "x") if command == "export" else ()
    code, out, err = run(command, tmp_path / "some", *more, "--json")
    assert code == 1
    assert "is not a results folder" in err
    assert json.loads(out)["error"] == "StateError"


@pytest.mark.issue(22)
def test_wrong_usage_is_json_too_when_json_is_asked_for(run):
    code, out, _err = run("scan", "x", "--fdr", "2", "--json")
    assert code == 2
    assert json.loads(out)["error"] == "UsageError"


FOUR = "exchange_id,timestamp,account_id,model\n" + "\n".join(
    f"x{n},2026-05-{1 + n % 3:02}T{n % 24:02}:00:00Z,a{n % 9},m" for n in range(90)
)


@pytest.mark.issue(22)
def test_a_log_in_which_nothing_can_be_shared_is_said_not_to_be_judged(run, tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/day.csv").write_text(FOUR)
    code, out, _err = run("scan", tmp_path / "logs", "--out", tmp_path / "r", "--quiet")
    assert code == 0
    assert "nothing could be judged: no column that accounts could share" in out
    assert "`client_ip`" in out
    assert "band_0" not in out
    assert "no campaign found" not in out
    assert "Nothing could be judged" in (tmp_path / "r/report.html").read_text()
    assert "Nothing could be judged" in repr(stillwatch.open_results(tmp_path / "r"))
    overview = json.loads((tmp_path / "r/overview.json").read_text())
    assert overview["shareable"] == []
    # Results among the logs are no logs: the second scan reads what the first read.
    code, out, _err = run("scan", tmp_path, "--out", tmp_path / "again", "--json")
    assert code == 0
    again = json.loads(out)
    assert [one["rows"] for one in again["inputs"]] == [90]
    code, _out, err = run("scan", tmp_path / "r", "--out", tmp_path / "x")
    assert code == 1
    assert "the results of a scan" in err


@pytest.mark.issue(22)
def test_a_log_whose_accounts_can_be_compared_says_that_no_campaign_was_found(run, tmp_path):
    lines = FOUR.splitlines()
    rows = [lines[0] + ",user_agent"] + [f"{line},agent-{n % 9}" for n, line in enumerate(lines[1:])]
    (tmp_path / "day.csv").write_text("\n".join(rows))
    _code, out, _err = run("scan", tmp_path / "day.csv", "--out", tmp_path / "r", "--quiet")
    assert "no campaign found" in out


@pytest.mark.issue(22)
def test_stages_are_logged_as_json_lines_when_asked_and_nothing_is_by_default(run, tmp_path):
    (tmp_path / "day.csv").write_text(FOUR)
    scan = ("scan", tmp_path / "day.csv", "--out", tmp_path / "r", "--quiet")
    _code, _out, err = run(*scan)
    assert err == ""
    code, _out, err = run("--log-level", "info", "--log-json", *scan)
    assert code == 0
    rows = [json.loads(line) for line in err.splitlines()]
    assert {"read", "fold", "judge", "write"} <= {row["stage"] for row in rows}
    assert all({"time", "level", "logger", "message"} <= row.keys() for row in rows)
    code, _out, err = run("--log-json", "scan", tmp_path / "absent", "--out", tmp_path / "r")
    assert code == 1
    assert json.loads(err)["problems"][0]["where"].endswith("absent")
    _code, _out, err = run("--log-level", "info", *scan)
    assert "judging candidates took" in err
    assert "{" not in err


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("stillwatch ta", "taken"),
        ("stillwatch scan --fail", "--fail-on-campaign"),
        ("stillwatch scan --without load_b", "load_balance"),
        ("stillwatch scan --format otl", "otlp"),
        ("stillwatch scan --map client_", "client_ip"),
        ("stillwatch simulate --scenario stealth", "stealth-3"),
        ("stillwatch evaluate --matrix hon", "honest"),
        ("stillwatch signals hand", "handoff"),
        ("stillwatch formats lite", "litellm"),
        ("stillwatch prove key marks.json --mark gum", "gumbel"),
        ("stillwatch export results --to json", "json_lines"),
    ],
)
def test_a_shell_completes_commands_options_and_names(run, monkeypatch, words, offered):
    monkeypatch.setenv("_STILLWATCH_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    code, out, _err = run()
    assert code == 0
    assert any(line.startswith(f"plain,{offered}") for line in out.splitlines()), out


@pytest.mark.issue(22)
def test_every_command_names_its_exit_codes_on_one_page_and_help_is_quick():
    page = (ROOT / "docs/commands/README.md").read_text()
    for code in ("`0`", "`1`", "`2`", "`3`", "`130`", "`143`"):
        assert code in page
    spent = []
    for _time in range(3):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "stillwatch", "--help"], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert min(spent) < 0.3  # seconds of the processor, which other work on the machine does not change


@pytest.mark.issue(22)
@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "absent", "--out", "r"),
        ("scan", ".", "--map", "timestamp", "--out", "r"),
        ("scan", ".", "--limit", "line", "--out", "r"),
        ("sketch", "absent", "--key-file", "key", "--out", "s"),
        ("sketch", ".", "--map", "timestamp", "--key-file", "key", "--out", "s"),
        ("sketch", ".", "--limit", "line", "--key-file", "key", "--out", "s"),
        ("watch", ".", "--map", "timestamp", "--state", "w", "--once"),
    ],
    ids=lambda given: f"{given[0]} {given[2]}",
)
def test_a_fix_that_is_printed_is_one_of_the_command_that_printed_it(run, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text("0123456789abcdef")
    _code, _out, err = run(*arguments)
    (fix,) = [line.split("fix", 1)[1].strip() for line in err.splitlines() if line.startswith("   | fix")]
    words = fix.split()
    assert words[:2] == ["stillwatch", arguments[0]]
    monkeypatch.setattr(Existing, "convert", lambda _self, value, _param, _context: Path(value))
    entry.Lazy.get_command(entry.cli, click.Context(entry.cli), words[1]).make_context(words[1], words[2:])


@pytest.mark.issue(22)
def test_no_record_of_the_log_holds_text_of_a_prompt(run, tmp_path):
    lines = FOUR.splitlines()
    rows = [lines[0] + ",prompt"] + [
        f"{line},wormwood is secret number {n}" for n, line in enumerate(lines[1:])
    ]
    (tmp_path / "day.csv").write_text("\n".join([*rows, "wormwood,wormwood,wormwood"]))
    code, _out, err = run(
        "--log-level", "debug", "--log-json", "scan", tmp_path / "day.csv", "--out", tmp_path / "r", "--quiet"
    )
    assert code == 0
    assert err
    assert "wormwood" not in err


@pytest.mark.issue(22)
@pytest.mark.parametrize("words", [(), ("lab",)], ids=" ".join)
def test_without_a_command_the_help_is_shown_as_it_is(run, words):
    code, out, err = run(*words)
    assert code == 2
    assert "Commands:" in out + err
    assert not err.startswith("error")


@pytest.mark.issue(22)
def test_a_message_of_several_lines_is_logged_as_several_lines_and_shows_nothing_that_a_terminal_obeys(
    capsys,
):
    log_to_standard_error("warning", as_json=False)
    logging.getLogger("stillwatch.watch").warning("one\ntwo \x1b[31m")
    assert capsys.readouterr().err == "one\ntwo \\x1b[31m\n"
