"""The service stays right and on time, whatever is sent to it and whatever becomes of its files."""

import errno
import gc
import json
import random
import shutil
import signal
import socket
import time
import weakref
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stillwatch.guard.core import Core
from stillwatch.guard.history import every
from stillwatch.guard.reload import GOOD, GuardPaths, Reloader
from stillwatch.guard.snapshot import make
from stillwatch.memory import record
from stillwatch.memory.labels import Label, add
from stillwatch.policy.read import read_policy, standard

pytestmark = pytest.mark.issue(26)
FIELDS = {"action", "would", "mode", "reason", "policy", "retry_after_s", "ttl_s", "decision_id"}


def eventually(check, seconds=15.0):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = check()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it never came true")


def honest(target):
    return Label(
        kind="account", target=target, verdict="honest", reason="a class", author="ann", at=datetime.now(UTC)
    )


def junk(rng):
    """Bytes that are no request: broken JSON, other types, too long, other methods and paths, and no HTTP
    at all.
    """
    whole = json.dumps({"account_id": "a1", "model": "m"}).encode()
    kind = rng.randrange(9)
    if kind == 0:
        return whole[: rng.randrange(len(whole))]
    if kind == 1:
        return json.dumps({"account_id": rng.choice([None, "", 1, 1.5, True, [], {}, ["a1"]])}).encode()
    if kind == 2:
        return json.dumps(rng.choice([[], "a1", 7, None, True, [{"account_id": "a1"}]])).encode()
    if kind == 3:
        return json.dumps({"account_id": "a" * rng.randrange(513, 5000)}).encode()
    if kind == 4:
        return json.dumps({"account_id": "a1", "asn": rng.choice(["x", -1, 1 << 40, 1.5, True])}).encode()
    if kind == 5:
        return json.dumps({"account_id": "a1", "client_ip": rng.choice([1, [], {}, "x" * 600])}).encode()
    if kind == 6:
        return bytes(rng.randrange(256) for _n in range(rng.randrange(1, 80)))
    if kind == 7:
        return b"[" * 20_000
    return b'{"account_id": NaN}'


def test_ten_thousand_malformed_requests_are_answered_400_with_a_reason_and_none_is_acted_upon(
    results, serve
):
    one = serve(results, "--mode", "enforce")
    rng = random.Random(7)
    slowest = 0.0
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as pipe:
        answers = pipe.makefile("rb")
        for _n in range(10_000):
            content = junk(rng)
            began = time.monotonic()
            pipe.sendall(
                b"POST /v1/decide HTTP/1.1\r\nhost: g\r\ncontent-length: %d\r\n\r\n%s"
                % (len(content), content)
            )
            assert b" 400 " in answers.readline(), content[:80]
            length = 0
            while (line := answers.readline()) != b"\r\n":
                length = int(line.split(b":")[1]) if line.startswith(b"content-length") else length
            told = json.loads(answers.read(length))
            slowest = max(slowest, time.monotonic() - began)
            assert set(told) == {"error"}
            assert told["error"]
    assert slowest < 2.0
    for bytes_of in (
        b"\x16\x03\x01garbage\r\n\r\n",
        b"GET /v1/decide HTTP/9.9\r\n\r\n",
        b"POST /v1/decide HTTP/1.1\r\ncontent-length: x\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", one.port), timeout=10) as pipe:
            pipe.sendall(bytes_of)
            assert b" 200 " not in pipe.recv(4096)
    assert one.ask("a1")["action"] == "verify"
    assert one.ask("somebody")["action"] == "allow"
    _status, _headers, metrics = one.post("/metrics", None, "GET")
    assert "stillwatch_guard_malformed_total 10000.0" in metrics


def test_other_paths_methods_and_slow_bodies_hang_nothing(results, serve):
    one = serve(results, "--mode", "enforce")
    assert one.post("/v1/decide", None, "GET")[0] == 405
    assert one.post("/nowhere", "{}")[0] == 404
    assert one.post("/adapters/none/x", "{}")[0] == 404
    assert one.post("/healthz", None, "GET")[:1] == (200,)
    with socket.create_connection(("127.0.0.1", one.port), timeout=10) as slow:
        slow.sendall(b'POST /v1/decide HTTP/1.1\r\nhost: g\r\ncontent-length: 100\r\n\r\n{"acc')
        assert one.ask("a1")["action"] == "verify"
        assert b" 400 " in slow.recv(4096)
    huge = b'{"account_id": "a1", "prompt": "' + b"x" * (1 << 21) + b'"}'
    assert one.post("/v1/decide", huge)[0] == 400


def test_the_interface_has_its_fields(results, serve):
    told = serve(results).ask("a1", model="m", client_ip="203.0.113.9", unknown_field=[1])
    assert set(told) == FIELDS
    assert (told["action"], told["would"], told["mode"]) == ("allow", "verify", "shadow")


def test_labels_and_policies_count_without_a_restart_and_a_bad_policy_never_replaces_a_good_one(
    results, serve, policy
):
    path = policy("suspend")
    one = serve(results, "--mode", "enforce", "--policy", path)
    assert one.ask("a1")["action"] == "suspend"
    add(results, honest("a1"))
    eventually(lambda: one.ask("a1")["action"] == "allow")
    assert one.ask("a2")["action"] == "suspend"
    path.write_text('format = "stillwatch-policy-1"\nname = "bad"\nversion = "x"\n')
    eventually(lambda: "stillwatch_guard_stale 1.0" in one.post("/metrics", None, "GET")[2])
    assert one.ask("a2")["policy"] == "test@1"
    add(results, honest("a2"))
    eventually(lambda: one.ask("a2")["action"] == "allow")
    policy("throttle")
    eventually(lambda: one.ask("a3")["action"] == "throttle")
    assert "stillwatch_guard_stale 0.0" in one.post("/metrics", None, "GET")[2]


def test_killed_at_any_moment_it_starts_again_with_what_it_used_last_and_its_log_holds(
    results, serve, policy, tmp_path
):
    path, state = policy("suspend"), tmp_path / "state"
    one = serve(results, "--mode", "enforce", "--policy", path, "--state", state)
    for n in range(20):
        assert one.ask(f"a{n % 10}")["action"] == "suspend"
    time.sleep(0.5)
    one.process.send_signal(signal.SIGKILL)
    one.process.wait()
    path.write_text("not a policy")
    (results / "members.parquet").write_bytes(b"PAR1")
    add(results, honest("a2"))
    one = serve(results, "--mode", "enforce", "--policy", path, "--state", state)
    assert one.ask("a1")["action"] == "suspend"
    assert one.ask("a2")["action"] == "allow"
    assert one.ask("somebody")["action"] == "allow"
    one.end()
    lines, faults = every(state, None)
    assert not faults
    assert sum(line.kind == "decision" for line in lines) >= 20


def test_a_guard_that_never_had_usable_files_does_not_start(results, serve, policy):
    path = policy("suspend")
    path.write_text("not a policy")
    with pytest.raises(RuntimeError, match="the policy is no TOML"):
        serve(results, "--policy", path)


@pytest.fixture
def reloading(results, tmp_path, policy):
    places = GuardPaths(results=results, state=tmp_path / "state", policy=policy("verify"))
    places.state.mkdir()
    core = Core(make(results, places.read_policy()), "enforce")
    reloader = Reloader(core, places)

    def look():
        reloader.look()
        return reloader.look()

    yield core, reloader, look
    gc.unfreeze()


def ask(core, account):
    return core.decide({"account_id": account}).action


def test_half_of_one_scan_and_half_of_another_never_act(results, reloading, write_results, tmp_path):
    core, reloader, look = reloading
    other = write_results(tmp_path / "other", {"C1": {f"honest{n}": 0.99 for n in range(5)}})
    shutil.copy(other / "members.parquet", results / "members.parquet")
    assert not look()
    assert "is not the file that the scan wrote" in reloader.faults
    assert ask(core, "honest1") == "allow"
    assert ask(core, "a1") == "verify"


@pytest.mark.parametrize("harm", ["absent", "empty", "cut", "no manifest value", "record changed"])
def test_files_that_change_under_it_into_something_unusable_leave_it_as_it_was(results, reloading, harm):
    core, reloader, look = reloading
    members = results / "members.parquet"
    if harm == "absent":
        shutil.rmtree(results)
    elif harm == "empty":
        members.write_bytes(b"")
    elif harm == "cut":
        members.write_bytes(members.read_bytes()[:-100])
    elif harm == "no manifest value":
        (results / "manifest.json").write_text('{"outputs": 3}')
    else:
        add(results, honest("a9"))
        path = results / "record.jsonl"
        path.write_text(path.read_text().replace("a9", "a8"))
    assert not look()
    assert reloader.faults
    assert ask(core, "a1") == "verify"
    assert ask(core, "somebody") == "allow"


@pytest.mark.parametrize("is_usable", [True, False])
def test_collections_of_cycles_leave_the_names_of_members_out_and_an_old_snapshot_is_freed(
    results, reloading, write_results, is_usable
):
    core, _reloader, look = reloading
    before = weakref.ref(core.snapshot.index)
    write_results(results, {"C1": {f"b{n}": 0.95 for n in range(10)}})
    if not is_usable:
        (results / "members.parquet").write_bytes(b"")
    assert look() is is_usable
    assert gc.isenabled()
    if is_usable:
        collected = {id(one) for one in gc.get_objects()}
        assert not {id(one.accounts) for one in core.snapshot.campaigns} & collected
        assert before() is None


def test_results_replaced_again_and_again_give_no_wrong_decision_and_no_gap(
    results, reloading, write_results
):
    core, reloader, _look = reloading
    reloader.start()
    rounds = 0
    until = time.monotonic() + 3.0
    while time.monotonic() < until:
        rounds += 1
        write_results(results, {"C1": {f"a{n}": 0.95 for n in range(10 + rounds % 3)}})
        for n in range(200):
            assert ask(core, f"a{n % 10}") == "verify"
            assert ask(core, f"honest{n}") == "allow"
    eventually(lambda: not reloader.faults and reloader.reloads)
    reloader.close()


def test_an_undo_and_the_kill_switch_count_though_the_results_cannot_be_read(results, reloading):
    from stillwatch.policy.rollout import kill, undo

    core, _reloader, look = reloading
    state = _reloader.places.state
    (results / "members.parquet").write_bytes(b"")
    undo(state, core.snapshot.policy, "ann", "")
    look()
    assert ask(core, "a1") == "allow"
    assert core.decide({"account_id": "a1"}).would == "verify"
    kill(state, "ann", "", stop=True)
    look()
    assert core.decide({"account_id": "a1"}).mode == "off"
    kill(state, "ann", "", stop=False)
    look()
    assert core.decide({"account_id": "a1"}).mode == "shadow"


def test_on_a_full_disk_decisions_are_made_and_nothing_is_carried_out_until_they_can_be_written(
    results, tmp_path, monkeypatch
):
    from stillwatch.guard import audit as module
    from stillwatch.guard.audit import Audit

    monkeypatch.setattr(module, "PAUSE_S", 0.02)
    monkeypatch.setattr(module, "RETRY_S", 0.02)
    full = [True]
    write = record.append

    def append(path, entries):
        if full[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(path, entries)

    monkeypatch.setattr(record, "append", append)
    audit = Audit(tmp_path / "state")
    core = Core(make(results, replace(standard(), deadline_ms=10_000)), "enforce", audit)
    core.decide({"account_id": "a1"})
    eventually(lambda: not audit.is_up)
    began = time.perf_counter()
    decision = core.decide({"account_id": "a1"})
    assert time.perf_counter() - began < 0.05
    assert (decision.action, decision.would, decision.mode) == ("allow", "verify", "shadow")
    full[0] = False
    eventually(lambda: audit.is_up)
    assert core.decide({"account_id": "a1"}).action == "verify"
    audit.close()
    lines, faults = every(tmp_path / "state", None)
    assert not faults
    assert [line.body["action"] for line in lines if line.kind == "decision"] == ["verify", "allow", "verify"]


def test_every_decision_that_is_no_plain_allow_is_in_the_log_and_a_changed_line_is_found(results, tmp_path):
    from stillwatch.guard.audit import Audit

    audit = Audit(tmp_path / "state")
    core = Core(make(results, replace(standard(), deadline_ms=10_000)), "enforce", audit)
    decision = core.decide({"account_id": "a1"})
    for n in range(5):
        core.decide({"account_id": f"honest{n}"})
    audit.close()
    lines, faults = every(tmp_path / "state", None)
    assert not faults
    held = {line.kind: line.body for line in lines}
    assert held["decision"]["decision_id"] == decision.decision_id
    assert held["decision"]["rule"]
    assert held["decision"]["campaign"] == "C1"
    assert held["allowed"] == {"policy": "standard@1", "number": 5}
    (day,) = (tmp_path / "state" / "decisions").glob("*.jsonl")
    day.write_text(day.read_text().replace('"verify"', '"suspend"'))
    assert every(tmp_path / "state", None)[1]


def test_what_was_used_last_is_kept_in_the_state(results, tmp_path):
    from stillwatch.guard.reload import first

    places = GuardPaths(results=results, state=tmp_path / "state")
    first(places)
    assert (places.state / GOOD / "policy.toml").exists()
    assert (
        ask(
            Core(make(places.state / GOOD, read_policy(places.state / GOOD / "policy.toml")), "enforce"), "a1"
        )
        == "verify"
    )
    assert [one.name for one in places.state.iterdir()] == [GOOD]
