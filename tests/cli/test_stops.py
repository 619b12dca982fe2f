"""However a command is stopped or fails, a person reads one clear message, and the exit code says which
it was.
"""

import builtins
import os
import signal
import subprocess
import sys
import time

import click
import pytest

from stillwatch.cli import main as entry
from stillwatch.cli.stops import Stopped, Stops
from stillwatch.errors import UsageError

pytestmark = pytest.mark.issue(21)


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the program with `scan` replaced by a command that does what it is given."""

    def call(does, *arguments):
        command = click.Command("scan", callback=does)
        monkeypatch.setattr(entry.Lazy, "get_command", lambda *_given: command)
        monkeypatch.setattr("sys.argv", ["stillwatch", "scan", *arguments])
        with pytest.raises(SystemExit) as stop:
            entry.main()
        told = capsys.readouterr()
        assert "Traceback" not in told.out + told.err
        return stop.value.code, told.out, told.err

    return call


def raising(error):
    def does():
        raise error

    return does


@pytest.mark.parametrize(
    ("name", "code", "word"), [("SIGINT", 130, "interrupted"), ("SIGTERM", 143, "terminated")]
)
def test_a_signal_ends_any_command_with_its_code_and_says_how_to_go_on(run, name, code, word):
    def does():
        os.kill(os.getpid(), getattr(signal, name))
        time.sleep(5)

    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    try:
        ended, _out, said = run(does)
        assert (ended, said.strip()) == (code, f"{word}; run again to go on")
    finally:
        signal.signal(signal.SIGINT, before[0])
        signal.signal(signal.SIGTERM, before[1])


def test_an_interrupt_that_a_library_turned_into_an_error_of_its_own_is_an_interrupt(run):
    def does():
        try:
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        except KeyboardInterrupt:
            raise RuntimeError("query interrupted") from None

    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    try:
        assert run(does)[0] == 143
    finally:
        signal.signal(signal.SIGTERM, before[0])
        signal.signal(signal.SIGINT, before[1])


def test_an_interrupt_that_python_dropped_in_a_finaliser_is_raised_again():
    """Nobody hears an exception of a finaliser: without the hook, the command would run on."""
    program = """
import os, signal, sys, time
from stillwatch.cli.stops import Stopped, Stops
class One:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
stops = Stops()
with stops.watched():
    try:
        one = One()
        del one
        time.sleep(5)
    except Stopped:
        sys.exit(stops.exit_code)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (143, "")


def test_a_second_signal_ends_the_process_at_once_whatever_it_waits_for():
    program = """
import os, signal, threading, time
from stillwatch.cli.stops import Stops
stops = Stops()
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
threading.Thread(target=time.sleep, args=(20,)).start()
try:
    with stops.watched():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
except KeyboardInterrupt:
    pass
"""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, "")
    assert time.monotonic() - began < 15


def test_a_signal_that_the_process_was_started_to_ignore_is_ignored():
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with Stops().watched():
            os.kill(os.getpid(), signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)


def test_handlers_are_as_before_once_a_command_has_ended():
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]
    with Stops().watched():
        assert signal.getsignal(signal.SIGTERM) not in before
    assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before
    assert issubclass(Stopped, KeyboardInterrupt)


def test_an_error_that_nobody_foresaw_shows_its_kind_and_place_and_none_of_its_text(run):
    code, out, said = run(raising(ValueError("the customer's prompt")))
    assert (code, out) == (1, "")
    assert said.startswith("error: the program met a case that it does not handle")
    assert "ValueError" in said
    assert "main.py" in said
    assert "prompt" not in said


@pytest.mark.parametrize(
    ("package", "extra"), [("redis", "streams"), ("sklearn.ensemble", "evaluate"), ("opentelemetry", "otlp")]
)
def test_a_missing_package_is_told_with_the_extra_that_brings_it(run, package, extra):
    code, _out, said = run(raising(ModuleNotFoundError(f"No module named '{package}'", name=package)))
    assert code == 1
    assert f"pip install 'stillwatch[{extra}]'" in said


def test_wrong_usage_and_too_little_memory_have_their_own_codes_and_words(run):
    from stillwatch.errors import Problem

    assert run(raising(UsageError(Problem(fact="no"))))[0] == 2
    code, _out, said = run(raising(MemoryError()))
    assert code == 1
    assert "memory does not suffice" in said


@pytest.mark.parametrize(
    "memory", ["lots", "", "0GB", "4", "-1GB", "4 GB; drop table x", "1e9GB", "99999999999GB"]
)
@pytest.mark.parametrize("command", ["scan", "watch"])
def test_an_amount_of_memory_that_is_none_is_refused_before_any_work(
    command, memory, tmp_path, monkeypatch, capsys
):
    more = ["--state", str(tmp_path / "s")] if command == "watch" else []
    monkeypatch.setattr("sys.argv", ["stillwatch", command, str(tmp_path), *more, "--memory", memory])
    with pytest.raises(SystemExit) as stop:
        entry.main()
    assert stop.value.code == 2
    assert "`--memory` is no amount of memory" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_webhook_that_is_none_is_refused_before_any_state_is_made(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        "sys.argv",
        ["stillwatch", "watch", str(tmp_path), "--state", str(tmp_path / "s"), "--webhook", "hooks/x"],
    )
    with pytest.raises(SystemExit) as stop:
        entry.main()
    assert stop.value.code == 2
    assert "--webhook" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_reader_that_went_away_is_no_error():
    """As in `stillwatch signals | head -1`."""
    done = subprocess.run(
        f"{sys.executable} -m stillwatch signals | head -1",
        shell=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""


def test_where_a_package_is_missing_is_known_from_the_import_alone(run, monkeypatch):
    own = builtins.__import__

    def without(name, *given, **named):
        if name.partition(".")[0] == "confluent_kafka":
            raise ModuleNotFoundError(f"No module named '{name}'", name=name)
        return own(name, *given, **named)

    monkeypatch.setattr(builtins, "__import__", without)

    def does():
        import confluent_kafka  # noqa: F401

    assert "stillwatch[streams]" in run(does)[2]


def test_a_signal_after_a_command_has_ended_changes_neither_its_code_nor_what_it_said():
    program = """
import atexit, os, signal, sys
from stillwatch.cli.main import program
atexit.register(os.kill, os.getpid(), signal.SIGINT)
atexit.register(os.kill, os.getpid(), signal.SIGTERM)
sys.argv = ["stillwatch", "--version"]
program()
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr) == (0, "")
