"""A watch that is killed, starved, lied to and doubled: totals equal the log, alerts arrive, and no text is
left behind.

STILLWATCH_CHAOS_ROUNDS=200 makes the random part longer.
"""

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from stillwatch.errors import StateError
from stillwatch.flows import watch as watching
from stillwatch.flows.excused import Excused
from stillwatch.flows.scan import Options
from stillwatch.flows.watch import Watch, Watching
from stillwatch.memory.labels import Label, add, in_force
from stillwatch.watch import state as states
from tests.chaos import stand_in

pytestmark = pytest.mark.issue(21)
ROUNDS = int(os.environ.get("STILLWATCH_CHAOS_ROUNDS", "4"))
DAY = timedelta(days=1)


class Hook(BaseHTTPRequestHandler):
    """A receiver that is slow, redirects, refuses, resets, and sometimes takes an event."""

    def do_POST(self):
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        mood = self.server.moods.pop() if self.server.moods else "take"
        if mood == "slow":
            time.sleep(0.5)
        if mood == "hang up":
            self.connection.close()
            return
        if mood in ("take", "slow"):
            self.server.seen.append((self.headers["Idempotency-Key"], event))
        self.send_response({"redirect": 302, "refuse": 500, "never": 400}.get(mood, 200))
        self.send_header("Location", "/login")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        self.server.fetched.append(self.path)
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_given):
        pass


@pytest.fixture
def hook():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    server.handle_error = lambda *_given: None
    server.moods, server.seen, server.fetched = [], [], []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def command(tmp_path, *more):
    return [
        sys.executable,
        stand_in.__file__,
        "watch",
        str(tmp_path / "logs"),
        "--state",
        str(tmp_path / "state"),
        "--every",
        "1h",
        "--poll",
        "0.05",
        *more,
    ]


def surroundings(tmp_path):
    (tmp_path / "tmp").mkdir(exist_ok=True)
    (tmp_path / "logs").mkdir(exist_ok=True)
    return {"env": os.environ | {"TMPDIR": str(tmp_path / "tmp")}, "text": True}


def wait_for(true):
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.02)


def takes_signals(process):
    """Whether the interpreter has come so far that SIGTERM does not simply end it."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    caught = int(next(line for line in lines if line.startswith("SigCgt")).split()[1], 16)
    return bool(caught >> (signal.SIGTERM - 1) & 1)


def ledger(tmp_path):
    return json.loads((tmp_path / "state" / "ledger.json").read_text())


def written(tmp_path):
    return [json.loads(line) for line in (tmp_path / "state" / "events.jsonl").read_text().splitlines()]


def test_killed_and_terminated_at_random_moments_with_a_hostile_receiver(tmp_path, hook, lines, no_text_in):
    around, rng = surroundings(tmp_path), random.Random(21)
    hook.moods = [
        rng.choice(["slow", "redirect", "refuse", "hang up", "never", "take"]) for _mood in range(30)
    ]
    url = f"http://127.0.0.1:{hook.server_port}/"
    rows, printed, codes = 0, "", []
    for number in range(ROUNDS):
        with (tmp_path / "logs" / "a.jsonl").open("a") as log:
            log.writelines(lines(row) for row in range(rows, rows + 300))
        rows += 300
        process = subprocess.Popen(
            command(tmp_path, "--webhook", url), stdout=subprocess.PIPE, stderr=subprocess.PIPE, **around
        )
        wait_for(lambda running=process: takes_signals(running))
        time.sleep(rng.uniform(0.1, 4.0))
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        out, said = process.communicate(timeout=60)
        printed += out
        codes.append(process.returncode)
        assert "Traceback" not in said
        if not number % 2:
            assert process.returncode == 143
            assert "run again to go on" in said
        no_text_in(tmp_path / "state", tmp_path / "tmp")
    assert -signal.SIGKILL in codes
    hook.moods = []
    done = subprocess.run(
        command(tmp_path, "--webhook", url, "--once"), capture_output=True, timeout=120, **around
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = ledger(tmp_path)
    assert (told["rows"], told["quarantined"]) == (rows, 0)
    assert stand_in.judged(tmp_path / "state") == rows
    ids = [event["id"] for event in written(tmp_path)]
    assert len(ids) == len(set(ids)) == told["events"] > 0
    assert {json.loads(line)["id"] for line in (printed + done.stdout).splitlines()} == set(ids)
    assert {key for key, _event in hook.seen} == set(ids)
    assert told["owed"] == []
    assert hook.fetched == []
    no_text_in(tmp_path / "state")
    assert not [
        p.name
        for p in (tmp_path / "state").iterdir()
        if p.name.startswith((".batch-", ".trial-", ".results."))
    ]


def test_a_full_disk_ends_it_with_a_clear_error_and_the_next_start_goes_on(tmp_path, lines, no_text_in):
    around = surroundings(tmp_path)
    (tmp_path / "logs" / "a.jsonl").write_text("".join(lines(row) for row in range(3000)))
    full = subprocess.run(
        command(tmp_path, "--once"), capture_output=True, timeout=120, **around,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000)),
    )  # fmt: skip
    assert full.returncode == 1
    assert full.stderr.startswith("error: ")
    assert "Traceback" not in full.stderr
    no_text_in(tmp_path / "state", tmp_path / "tmp")
    done = subprocess.run(command(tmp_path, "--once"), capture_output=True, timeout=120, **around)
    assert done.returncode == 0, done.stderr
    assert ledger(tmp_path)["rows"] == stand_in.judged(tmp_path / "state") == 3000


def test_a_second_watch_on_a_state_is_refused_and_the_lock_dies_with_the_first(tmp_path, lines):
    around = surroundings(tmp_path)
    (tmp_path / "logs" / "a.jsonl").write_text(lines(0))
    first = subprocess.Popen(
        command(tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **around
    )
    told = Watching(options=Options(names={}))
    try:
        wait_for((tmp_path / "state" / "ledger.json").exists)
        with pytest.raises(StateError, match="another watch is using the state"):
            Watch(str(tmp_path / "logs"), tmp_path / "state", told)
    finally:
        first.kill()
        first.wait()
    Watch(str(tmp_path / "logs"), tmp_path / "state", told)


# --------------------------------------------------------------------------------------------------- in
# process


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder for logs, a state, and a machine's clock that can be set."""
    monkeypatch.setattr(watching, "scan", stand_in.judge)
    (tmp_path / "logs").mkdir()
    clock = [datetime(2026, 5, 2, tzinfo=UTC)]
    monkeypatch.setattr(watching, "machine_time", lambda: clock[0])

    class Place:
        state = tmp_path / "state"
        log = tmp_path / "logs" / "a.jsonl"
        events, said = None, None

        def now(self, at):
            clock[0] = at

        def append(self, *some):
            with self.log.open("a") as file:
                file.writelines(some)

        def watch(self, **more):
            told = Watching(options=Options(names={}), **{"every": timedelta(hours=1)} | more)
            self.events, self.said = [], []
            return Watch(str(self.log.parent), self.state, told, self.events.append, self.said.append)

    return Place()


def drain(watch):
    while watch.step():
        pass
    return watch


@pytest.mark.issue(26)
def test_a_value_that_is_labelled_in_the_state_counts_from_the_next_judgement_on(place, lines, monkeypatch):
    excused = []

    def judge(paths, out, options, progress=None):
        excused.append(Excused.of(in_force([out, *options.labels])).values)
        return stand_in.judge(paths, out, options)

    monkeypatch.setattr(watching, "scan", judge)
    watch = place.watch()
    for hour in range(4):
        place.append(*(lines(hour * 60 + minute) for minute in range(60)))
        drain(watch)
        if hour == 1:
            before = len(excused)
            said = {"reason": "a university", "author": "ann", "at": datetime.now(UTC)}
            add(
                place.state,
                Label(kind="indicator", target="email_domain=uni.example", verdict="honest", **said),
            )
    assert 0 < before < len(excused)
    assert set(excused[:before]) == {frozenset()}
    assert set(excused[before:]) == {frozenset({("email_domain", "uni.example")})}


def test_one_row_dated_2099_does_not_end_judging(place, lines):
    watch = place.watch()
    for hour in range(6):
        some = [lines(hour * 60 + minute) for minute in range(60)]
        if hour == 2:
            some.insert(30, lines(9999, datetime(2099, 1, 1, tzinfo=UTC), "liar"))
        place.append(*some)
        drain(watch)
    assert watch.state.ledger.judged >= 5
    assert watch.state.ledger.rows == 361
    (kept,) = watch.state.ledger.apart
    assert (kept.rows, kept.first[:4]) == (1, "2099")
    assert len(place.said) == 1
    assert (
        "1 row is dated ahead of the log and of the machine's clock, as late as 2099-01-01" in place.said[0]
    )
    assert watch.numbers()["stillwatch_apart"] == 1
    watch.judge()
    assert stand_in.judged(place.state) == 360


def test_rows_ahead_are_judged_once_their_time_has_come(place, lines):
    place.append(*[lines(row) for row in range(50)], lines(99, datetime(2026, 6, 1, tzinfo=UTC), "early"))
    watch = drain(place.watch())
    assert stand_in.judged(place.state) == 50
    place.now(datetime(2026, 6, 2, tzinfo=UTC))
    drain(watch)
    assert watch.state.ledger.apart == []
    watch.judge()
    assert stand_in.judged(place.state) == watch.state.ledger.rows == 51


def test_a_row_of_2015_is_judged_in_its_own_time_and_moves_no_clock(place, lines):
    watch = place.watch()
    place.append(*[lines(row) for row in range(60)])
    drain(watch)
    before = watch.state.ledger.clock
    place.append(lines(60, datetime(2015, 1, 1, tzinfo=UTC), "old"), *[lines(row) for row in range(61, 200)])
    drain(watch)
    assert watch.state.ledger.clock > before
    assert watch.state.ledger.judged == 2
    assert stand_in.judged(place.state) == 200


@pytest.mark.parametrize(
    "step", [timedelta(days=-3000), timedelta(hours=-5), timedelta(hours=5), timedelta(days=3000)]
)
def test_steps_of_the_machines_clock_lose_no_row_and_no_judgement(place, lines, step):
    watch = place.watch()
    place.append(*[lines(row) for row in range(100)])
    drain(watch)
    place.now(datetime(2026, 5, 2, tzinfo=UTC) + step)
    judged = watch.state.ledger.judged
    place.append(*[lines(row) for row in range(100, 250)])
    drain(watch)
    assert watch.state.ledger.judged > judged
    again = drain(place.watch())
    place.now(datetime(2026, 5, 2, tzinfo=UTC))
    place.append(*[lines(row) for row in range(250, 400)])
    drain(again)
    again.judge()
    assert again.state.ledger.apart == []
    assert again.state.ledger.rows == stand_in.judged(place.state) == 400


def test_where_the_first_rows_of_all_are_lies_judging_recovers(place, lines):
    watch = place.watch()
    place.append(*[lines(row, datetime(2099, 1, 1, tzinfo=UTC), f"liar{row}") for row in range(5)])
    drain(watch)
    for hour in range(4):
        place.append(*[lines(1000 + hour * 60 + minute, account=f"b{minute}") for minute in range(60)])
        drain(watch)
    assert watch.state.ledger.clock < "2027"
    assert watch.state.ledger.judged >= 3


def test_a_due_judgement_waits_for_no_row_after_a_restart(place, lines, monkeypatch):
    place.append(*[lines(row) for row in range(30)])
    watch = place.watch()
    with monkeypatch.context() as broken:
        broken.setattr(watch, "due", lambda: False)
        assert watch.step()
    assert watch.state.ledger.judged == 0
    again = place.watch()
    assert again.step()
    assert again.state.ledger.judged == 1
    assert stand_in.judged(place.state) == 30


def test_what_came_after_the_last_judgement_is_judged_when_the_machines_time_has_passed(place, lines):
    place.append(*[lines(row) for row in range(30)])
    watch = drain(place.watch(every=DAY))
    place.append(*[lines(row) for row in range(30, 40)])
    drain(watch)
    assert watch.state.ledger.judged == 1
    place.now(datetime(2026, 5, 3, 1, tzinfo=UTC))
    again = drain(place.watch(every=DAY))
    assert again.state.ledger.judged == 2


def test_poisonous_rows_in_the_state_are_kept_apart_and_the_others_judged(place, lines, monkeypatch):
    rows = [lines(row, account=stand_in.POISON if row in (7, 111) else None) for row in range(200)]
    place.append(*rows)
    with monkeypatch.context() as stopped:
        stopped.setattr(Watch, "due", lambda _self: False)
        drain(place.watch())  # they are in the state, and not judged
    for _start in range(2):
        watch = drain(place.watch())
    assert watch.state.ledger.judged == 1
    assert stand_in.judged(place.state) == 198
    (kept,) = watch.state.ledger.apart
    assert kept.rows == 2
    assert kept.why == "a judgement of them fails: ZeroDivisionError"
    apart = pq.read_table(place.state / "apart" / kept.name)
    assert set(apart.column("account_id").to_pylist()) == {stand_in.POISON}


def test_a_judgement_that_fails_for_another_reason_is_tried_again_and_rows_are_taken_meanwhile(
    place, lines, monkeypatch
):
    place.append(*[lines(row) for row in range(50)])
    with monkeypatch.context() as broken:
        broken.setattr(watching, "scan", lambda *_given: (_ for _ in ()).throw(ValueError("secret text")))
        watch = drain(place.watch())
        place.append(*[lines(row) for row in range(50, 90)])
        drain(watch)
    assert watch.state.ledger.rows == 90
    assert watch.numbers()["stillwatch_judge_failures_total"] == 1
    assert "ValueError" in place.said[0]
    assert "secret" not in place.said[0]
    watch.not_before = 0.0
    drain(watch)
    assert stand_in.judged(place.state) == 90


def test_an_interrupt_that_a_library_made_an_error_of_is_no_failed_judgement(place, lines, monkeypatch):
    place.append(*[lines(row) for row in range(50)])
    watch = place.watch()
    watch.is_stopped = lambda: True
    monkeypatch.setattr(
        watching, "scan", lambda *_given: (_ for _ in ()).throw(RuntimeError("query interrupted"))
    )
    with pytest.raises(RuntimeError):
        drain(watch)
    assert place.said == []


def test_ids_of_two_watches_on_one_log_do_not_meet_and_outlive_a_restart(place, lines, tmp_path):
    place.append(*[lines(row) for row in range(50)])
    drain(place.watch())
    one = list(place.events)
    told = Watching(options=Options(names={}), every=timedelta(hours=1))
    other = []
    drain(Watch(str(place.log.parent), tmp_path / "other", told, other.append))
    assert len(one) == len(other) == 1
    assert one[0]["id"] != other[0]["id"]
    assert one[0]["id"].startswith(one[0]["watch"])
    place.append(*[lines(row) for row in range(50, 500)])
    drain(place.watch())
    assert place.events
    assert {event["watch"] for event in place.events} == {one[0]["watch"]}


def test_no_text_is_written_to_a_disk_while_a_batch_is_read(place, lines, monkeypatch, tmp_path, no_text_in):
    """Where a process is killed, what it has on its disks at that moment is what stays: so it is looked
    at from within.
    """
    place.append(*[lines(row) for row in range(500)])
    looked = []
    sketched = watching.sketch

    def look(paths, out, *given, **named):
        looked.append(Path(paths[0]).is_symlink())
        plain = [p for p in place.state.rglob("*") if p.is_file() and not p.is_symlink()]
        assert [p for p in plain if b"NEEDLE" in p.read_bytes()] == []
        return sketched(paths, out, *given, **named)

    monkeypatch.setattr(watching, "sketch", look)
    assert drain(place.watch()).state.ledger.rows == 500
    assert looked == [True]
    no_text_in(place.state)


def test_what_earlier_versions_left_of_a_batch_is_swept_at_the_start(place, lines):
    place.append(lines(0))
    drain(place.watch())
    left = place.state / ".batch-abc"
    left.mkdir()
    (left / "a.jsonl").write_text(lines(1))
    place.watch()
    assert not left.exists()


def test_a_state_that_cannot_be_written_is_told_without_a_traceback(tmp_path, lines, monkeypatch, capsys):
    from stillwatch.cli.main import main
    from stillwatch.engine import files

    (tmp_path / "logs").mkdir()

    def refused(*_given):
        raise OSError(30, "Read-only file system", str(tmp_path / "state"))

    monkeypatch.setattr(files.os, "open", refused)
    monkeypatch.setattr(
        "sys.argv", ["stillwatch", "watch", str(tmp_path / "logs"), "--state", str(tmp_path / "state")]
    )
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 1
    assert "error: the file system cannot be written" in capsys.readouterr().err


def test_a_lock_is_held_by_a_process_and_not_by_an_object(place):
    place.watch()
    place.watch()
    assert place.state.resolve() in states._locked


def test_a_state_within_the_logs_is_not_read_as_a_log(place, lines):
    place.append(*[lines(row) for row in range(20)])
    told = Watching(options=Options(names={}), every=timedelta(hours=1))
    inside = Watch(str(place.log.parent), place.log.parent / "state", told)
    drain(inside)
    assert (inside.state.ledger.rows, inside.state.ledger.quarantined) == (20, 0)


def test_a_damaged_ledger_is_told(place, lines):
    place.append(lines(0))
    drain(place.watch())
    (place.state / "ledger.json").write_bytes(b"\xff[1")
    with pytest.raises(StateError, match="the ledger cannot be read"):
        place.watch()
