import gzip
import json
import random
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources

import jsonschema
import pyarrow.parquet as pq
import pytest

import stillwatch
from stillwatch.errors import StateError, UsageError
from stillwatch.flows import watch as watching
from stillwatch.flows.scan import Options
from stillwatch.flows.watch import Watch, Watching
from stillwatch.readers.limits import limits_of
from stillwatch.simulate.worlds import simulate
from stillwatch.watch import sources, webhook
from stillwatch.watch.serve import METRICS, serve
from stillwatch.watch.sources import open_source
from stillwatch.watch.state import KEY
from stillwatch.watch.webhook import Refusal, post
from tests.flows.traffic import contract, rows

WORLD = {
    "accounts": 400,
    "exchanges": 6000,
    "campaign.accounts": 120,
    "campaign.exchanges": 9000,
    "campaign.cards": 12,
}


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Lines of a world's log in time order, and its account table."""
    folder = tmp_path_factory.mktemp("log")
    simulate("stealth-1", seed=2, out=folder / "world", scale=0.25, changes=WORLD)
    every = sorted(rows(folder / "world"), key=lambda row: row["timestamp"])
    return [json.dumps(contract(row)) + "\n" for row in every], folder / "world" / "accounts.parquet"


def told(accounts, every=timedelta(days=2), **more):
    return Watching(options=Options(names={}, accounts=accounts), every=every, **more)


def drain(watch):
    while watch.step():
        pass


@pytest.fixture(scope="module")
def watched(log, tmp_path_factory):
    """The log arriving in eight pieces, torn in the middle of lines, judged as it grows."""
    lines, accounts = log
    folder = tmp_path_factory.mktemp("watched")
    (folder / "logs").mkdir()
    (folder / "state").mkdir()
    # Which accounts are linked first depends on the digests, and these on a key that is otherwise drawn anew.
    (folder / "state" / KEY).write_text("a secret that every run of this test has")
    whole = "".join(lines).encode()
    cuts = sorted(random.Random(1).sample(range(len(whole)), 7))
    events = []
    watch = Watch(str(folder / "logs"), folder / "state", told(accounts), events.append)
    with (folder / "logs" / "a.jsonl").open("wb") as file:
        for begin, end in zip([0, *cuts], [*cuts, len(whole)], strict=True):
            file.write(whole[begin:end])
            file.flush()
            drain(watch)
    watch.judge()
    return folder, watch, events, lines


@pytest.mark.issue(5)
def test_every_line_is_taken_once_however_the_file_grows(watched):
    _folder, watch, _events, lines = watched
    assert watch.state.ledger.rows == len(lines)
    assert watch.state.ledger.quarantined == 0


@pytest.mark.issue(5)
def test_a_campaign_is_told_of_while_the_log_grows_and_keeps_its_name(watched):
    folder, watch, events, _lines = watched
    news = [e for e in events if e["type"] == "new"]
    assert [e["campaign"] for e in news] == ["W0001"]
    assert news[0]["at"] < watch.state.ledger.latest
    assert (
        news[0]["accounts"] >= 80
    )  # of 120; how many are linked so early varies with the state's own random key
    assert {e["campaign"] for e in events} == {"W0001"}
    assert [e["id"] for e in events] == list(dict.fromkeys(e["id"] for e in events))
    kept = [json.loads(line) for line in (folder / "state" / "events.jsonl").read_text().splitlines()]
    assert kept == events


@pytest.mark.issue(5)
def test_the_state_holds_no_text(watched, log):
    folder, _watch, _events, _lines = watched
    raw = b"".join(p.read_bytes() for p in (folder / "state").rglob("*") if p.is_file())
    for line in log[0][::500]:
        assert json.loads(line)["prompt"].encode() not in raw


@pytest.mark.issue(5)
def test_a_second_watch_goes_on_where_the_first_stopped(watched, log):
    folder, first, _events, _lines = watched
    again = Watch(str(folder / "logs"), folder / "state", told(log[1]))
    assert not again.step()
    assert again.state.ledger.rows == first.state.ledger.rows
    with pytest.raises(StateError, match="another source"):
        Watch(str(folder), folder / "state", told(log[1]))


STEPS = ("sketch", "scan", "commit", "tell")


@pytest.mark.issue(5)
@pytest.mark.parametrize("seed", range(3))
def test_a_crash_at_any_step_loses_and_doubles_nothing(log, tmp_path, monkeypatch, seed):
    """Every step of folding, judging and telling fails at random before or after it took effect; then a
    new watch goes on.
    """
    lines, accounts = log
    some = lines[:: max(1, len(lines) // 2000)]
    (tmp_path / "logs").mkdir()
    rng = random.Random(seed)

    def shaky(function, chance=0.3):
        def run(*given, **named):
            if rng.random() < chance:
                raise KeyboardInterrupt
            result = function(*given, **named)
            if rng.random() < chance:
                raise KeyboardInterrupt
            return result

        return run

    monkeypatch.setattr(watching, "sketch", shaky(watching.sketch))
    monkeypatch.setattr(watching, "scan", shaky(watching.scan, 0.15))
    monkeypatch.setattr(watching.WatchState, "commit", shaky(watching.WatchState.commit, 0.1))
    monkeypatch.setattr(watching.WatchState, "tell", shaky(watching.WatchState.tell, 0.2))
    crashes = 0
    with (tmp_path / "logs" / "a.jsonl").open("w") as file:
        for begin in range(0, len(some), 500):
            file.writelines(some[begin : begin + 500])
            file.flush()
            while True:
                try:
                    drain(
                        Watch(str(tmp_path / "logs"), tmp_path / "state", told(accounts, timedelta(days=6)))
                    )
                    break
                except KeyboardInterrupt:
                    crashes += 1
    monkeypatch.undo()
    last = Watch(str(tmp_path / "logs"), tmp_path / "state", told(accounts, timedelta(days=6)))
    last.deliver()
    assert crashes > 0
    assert last.state.ledger.rows == len(some)
    events = [json.loads(line) for line in (tmp_path / "state" / "events.jsonl").read_text().splitlines()]
    assert len({e["id"] for e in events}) == len(events) == last.state.ledger.events


@pytest.mark.issue(5)
def test_a_killed_process_goes_on(log, tmp_path):
    lines, accounts = log
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text("".join(lines[:3000]))
    command = [
        sys.executable,
        "-m",
        "stillwatch",
        "watch",
        str(tmp_path / "logs"),
        "--state",
        str(tmp_path / "state"),
        "--accounts",
        str(accounts),
        "--every",
        "3d",
        "--once",
    ]
    for pause in (1.5, 3.0, 4.5):
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    ledger = json.loads((tmp_path / "state" / "ledger.json").read_text())
    assert ledger["rows"] == 3000
    assert {p.name for p in (tmp_path / "state" / "sketches").iterdir()} == set(ledger["parts"])


@pytest.mark.issue(5)
def test_rotated_late_malformed_and_whole_files_are_each_taken_once(log, tmp_path):
    lines, accounts = log
    logs = tmp_path / "logs"
    logs.mkdir()
    watch = Watch(str(logs), tmp_path / "state", told(accounts, timedelta(days=99)))
    (logs / "a.jsonl").write_text("".join(lines[500:600]) + "{broken\n")
    drain(watch)
    with (logs / "a.jsonl").open("a") as file:
        file.writelines(lines[600:650])
    (logs / "a.jsonl").rename(logs / "a.jsonl.1")
    (logs / "a.jsonl").write_text("".join(lines[0:100]))  # earlier rows, later
    drain(watch)
    (logs / "b.jsonl.gz").write_bytes(gzip.compress("".join(lines[700:750]).encode()))
    for _look in range(3):
        drain(watch)
    assert watch.state.ledger.rows == 300
    (lost,) = pq.read_table(tmp_path / "state" / "quarantine").to_pylist()
    assert (lost["file"], lost["row"]) == ("a.jsonl", 101)
    assert lost["reason"] == "line is not a JSON object"
    assert watch.state.ledger.quarantined == 1
    drain(watch)
    assert watch.state.ledger.rows == 300


@pytest.mark.issue(5)
def test_a_file_that_is_emptied_and_outgrows_its_old_self_between_two_looks_is_read_from_its_beginning(
    tmp_path,
):
    path = tmp_path / "a.jsonl"
    old = [f'{{"n":{n}}}\n' for n in range(50)]
    new = [f'{{"m":{n}}}\n' for n in range(500)]
    path.write_text("".join(old))
    source = open_source(str(path))
    first = source.take({})
    assert first.lines.count(b"\n") == 50
    assert source.take(first.position) is None
    path.write_text("".join(new))
    assert source.take(first.position).lines == "".join(new).encode()


@pytest.mark.issue(5)
def test_a_line_longer_than_what_is_taken_at_once_is_taken_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "MOST_TAKEN", 1000)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 5500 + b"\nshort\n" + b"y" * 3000)
    source = open_source(str(path))
    first = source.take({})
    assert first.lines.startswith(b"x" * 5500 + b"\n")
    second = source.take(first.position)
    assert second is None or second.lines == b"short\n"
    with path.open("ab") as file:
        file.write(b"\n")
    taken = first.lines
    position = first.position
    while (more := source.take(position)) is not None:
        taken, position = taken + more.lines, more.position
    assert taken == path.read_bytes()


@pytest.mark.issue(5)
def test_a_webhook_gets_every_event_with_its_key_and_failures_are_tried_again(log, tmp_path):
    seen, failures = [], [503, 500]

    class Hook(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            code = failures.pop() if failures else 200
            if code == 200:
                seen.append((self.headers["Idempotency-Key"], json.loads(body)))
            self.send_response(code)
            self.end_headers()

        def log_message(self, *_given):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hook)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/"
    pauses = []
    assert post(url, {"id": "1-1", "type": "new"}, pauses.append) is None
    assert pauses == [0.5, 1.0]
    assert seen == [("1-1", {"id": "1-1", "type": "new"})]
    server.shutdown()
    server.server_close()
    refusal = post(url, {"id": "1-2", "type": "new"}, pauses.append)
    assert refusal == Refusal(why="it cannot be reached (ConnectionRefusedError)")


@pytest.mark.issue(5)
@pytest.mark.issue(21)
def test_what_the_webhook_does_not_take_is_written_here_and_stays_owed(log, tmp_path, monkeypatch):
    lines, accounts = log
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.jsonl").write_text("".join(lines))
    sent, takes = [], [False]

    def send(_url, event):
        sent.append(event["id"])
        return None if takes[0] else Refusal(why="it answers 400", answered=True)

    monkeypatch.setattr(webhook, "send", send)
    monkeypatch.setattr(webhook, "FIRST_PAUSE_S", 0.001)
    given = told(accounts, timedelta(days=99), webhook="http://localhost/")
    events, complaints = [], []
    watch = Watch(str(tmp_path / "logs"), tmp_path / "state", given, events.append, complaints.append)
    drain(watch)
    watch.judge()
    assert watch.settle(20) == len(events) > 0
    assert complaints == [
        "the webhook does not take events: it answers 400; they stay owed and are sent again"
    ]
    written = [json.loads(line) for line in (tmp_path / "state" / "events.jsonl").read_text().splitlines()]
    assert written == events
    schema = resources.files("stillwatch.watch").joinpath("event-1.schema.json").read_bytes()
    for event in events:
        jsonschema.validate(event, json.loads(schema))
    assert events[0]["evidence"]
    assert watch.numbers()["stillwatch_outbox"] == len(events)
    takes[0] = True
    sent.clear()
    again = Watch(str(tmp_path / "logs"), tmp_path / "state", given)
    assert again.settle(20) == 0
    assert set(sent) == {event["id"] for event in events}
    assert not again.state.ledger.owed


@pytest.mark.issue(5)
def test_metrics_and_health_are_served(watched):
    _folder, watch, _events, lines = watched
    fine = [True]
    server = serve(0, watch.numbers, lambda: fine[0])
    base = f"http://127.0.0.1:{server.server_port}"
    text = urllib.request.urlopen(base + "/metrics").read().decode()
    assert f"stillwatch_rows_total {len(lines)}" in text
    assert all(f"# TYPE {name}" in text for name in METRICS)
    assert urllib.request.urlopen(base + "/healthz").status == 200
    fine[0] = False
    with pytest.raises(urllib.error.HTTPError, match="503"):
        urllib.request.urlopen(base + "/healthz")
    server.shutdown()


@pytest.mark.parametrize("wrong", ["redis://localhost/0", "ftp://host/x", "/no/such/folder"])
def test_a_source_that_is_none_is_refused(wrong):
    with pytest.raises(UsageError):
        open_source(wrong)


@pytest.mark.issue(21)
def test_a_limit_that_was_given_holds_for_lines_that_arrive(log, tmp_path):
    lines, accounts = log
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_text(lines[0] + '{"prompt": "' + "x" * 40_000 + '"}\n' + lines[1])
    options = Options(names={}, accounts=accounts, limits=limits_of(["line=20KB"]))
    watch = Watch(str(logs), tmp_path / "state", replace(told(accounts, timedelta(days=99)), options=options))
    for _look in range(3):
        drain(watch)
    assert (watch.state.ledger.rows, watch.state.ledger.quarantined) == (2, 1)


def ids_of_watch(folder, state):
    """The identifiers that a watch gives to the rows of a folder, without a judgement."""
    watch = Watch(str(folder), state, Watching(options=Options(names={})))
    while (taken := watch.source.take(watch.state.ledger.position)) is not None:
        watch._fold(taken)
    return [name for part in watch.state.parts for name in pq.read_table(part)["exchange_id"].to_pylist()]


@pytest.mark.issue(23)
@pytest.mark.parametrize("seed", range(2))
def test_identifiers_made_of_log_and_line_are_the_same_for_a_scan_and_for_a_watch(tmp_path, seed):
    """However the batches fall, after a restart in between, and for the log's rotated, compressed copy."""
    hour = "2026-05-01T10:{:02}:00Z"
    lines = [
        json.dumps({"timestamp": hour.format(n % 60), "account_id": f"a{n % 3}", "model": "m", "prompt": "p"})
        for n in range(120)
    ]
    lines[40] = json.dumps({"timestamp": "never", "account_id": "a1", "model": "m"})
    raw = ("\n".join(lines) + "\n").encode()
    (tmp_path / "logs").mkdir()
    log, old = tmp_path / "logs" / "app.log", tmp_path / "logs" / "app.log.1"
    cuts = sorted(random.Random(seed).sample(range(len(raw)), 5))
    for begin, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        with log.open("ab") as file:
            file.write(raw[begin:end])
        if end == cuts[-1]:
            log.rename(old)
            log = old
        watched = ids_of_watch(tmp_path / "logs", tmp_path / "state")  # a new watch goes on
    packed = tmp_path / "app.log.7.gz"
    packed.write_bytes(gzip.compress(raw))
    scanned = stillwatch.read(packed)["exchange_id"].to_pylist()
    assert sorted(watched) == sorted(scanned)
    assert len(set(scanned)) == 119
    (lost,) = pq.read_table(tmp_path / "state" / "quarantine").to_pylist()
    assert lost["row"] == 41
