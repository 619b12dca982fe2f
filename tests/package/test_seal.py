"""A log of seals shows what was changed, left out or written anew."""

import json
from datetime import UTC, datetime, timedelta
from multiprocessing import Process

import pytest

from stillwatch.errors import InputError, StateError
from stillwatch.package.canonical import canonical
from stillwatch.package.check import Trust
from stillwatch.package.merkle import Tree, consistent
from stillwatch.package.seal import _digest, check_log, is_log, read, seal
from stillwatch.package.signing import public_pem, signer

pytestmark = pytest.mark.issue(27)
NOBODY = Trust()
DAY = datetime(2026, 5, 1, tzinfo=UTC)


@pytest.fixture
def days(tmp_path, key):
    """A folder of three days, sealed after each; the log, and the head after each day."""
    folder, log, heads = tmp_path / "summaries", tmp_path / "seals.jsonl", []
    for day in range(3):
        (folder / f"date={day}").mkdir(parents=True)
        for table in ("activity", "sightings"):
            (folder / f"date={day}" / table).write_text(f"{table} of day {day}")
        told = seal([folder], log, signer(key), DAY + timedelta(days=day))
        assert told["added"] == 2
        heads.append(tmp_path / f"head-{day}.json")
        heads[-1].write_text(json.dumps(told))
    return folder, log, heads


def test_a_log_that_grew_begins_with_every_head_that_was_kept(days, key, tmp_path):
    folder, log, heads = days
    assert is_log(log)
    for head in heads:
        assert check_log(log, NOBODY, head).faults == []
    (tmp_path / "public.pem").write_bytes(public_pem(signer(key).public))
    assert check_log(log, Trust(public=tmp_path / "public.pem"), None).faults == []
    told = seal([folder], log, None, DAY + timedelta(days=9))
    assert (told["added"], told["changed"]) == (0, [])
    (folder / "date=0/activity").write_text("another")
    told = seal([folder], log, None, DAY + timedelta(days=9))
    assert (told["added"], told["changed"]) == (1, ["summaries/date=0/activity"])
    assert check_log(log, NOBODY, heads[0]).faults == []


def test_the_proofs_in_heads_suffice_without_the_entries(days):
    """A witness who keeps heads alone can tell that each begins with the one before."""
    _folder, log, _heads = days
    size, root = 0, Tree([]).root
    for held in read(log.read_bytes(), "log").heads:
        head = held["head"]
        assert consistent(
            size, root, head["size"], bytes.fromhex(head["root"]), [bytes.fromhex(p) for p in held["proof"]]
        )
        size, root = head["size"], bytes.fromhex(head["root"])
    assert size == 6


def test_a_flipped_byte_anywhere_in_a_log_is_found(days, run):
    _folder, log, _heads = days
    content = log.read_bytes()
    for place in range(0, len(content), 7):
        log.write_bytes(content[:place] + bytes([content[place] ^ 1 << place % 7]) + content[place + 1 :])
        faults = check_log(log, NOBODY, None).faults
        assert [fault.file for fault in faults[:1]] == [log.name], place
    code, out, _err = run("verify", log)
    assert code == 1
    assert f"CHANGED      {log.name}" in out
    log.write_bytes(content)
    assert run("verify", log)[0] == 0


@pytest.mark.parametrize("change", ["first", "last line", "entry", "swap"])
def test_lines_left_out_or_moved_are_found(days, change):
    _folder, log, _heads = days
    lines = log.read_bytes().splitlines(keepends=True)
    kept = {
        "first": lines[1:],
        "last line": lines[:-1],
        "entry": [*lines[:4], *lines[5:]],
        "swap": [lines[1], lines[0], *lines[2:]],
    }[change]
    log.write_bytes(b"".join(kept))
    assert check_log(log, NOBODY, None).faults
    with pytest.raises(StateError, match="the log of seals was changed"):
        seal([log.parent / "summaries"], log, None)
    assert log.read_bytes() == b"".join(kept)


def test_a_log_written_anew_or_cut_at_a_head_agrees_with_itself_and_not_with_a_head_that_was_kept(
    days, tmp_path, run
):
    folder, log, heads = days
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:6]))  # two days of three
    assert check_log(log, NOBODY, heads[1]).faults == []
    assert [fault.what for fault in check_log(log, NOBODY, heads[2]).faults] == [
        "it does not begin with the entries of the head that was kept"
    ]
    log.unlink()
    (folder / "date=1/sightings").write_text("what was wished")
    seal([folder], log, None, DAY)
    verdict = check_log(log, NOBODY, None)
    assert verdict.faults == []
    assert any("--head" in note for note in verdict.notes)
    assert run("verify", log, "--head", heads[1])[0] == 1
    code, _out, err = run("verify", log, "--head", folder / "date=0/activity")
    assert code == 1
    assert "no head of a log" in err


def forged(log, change):
    """The log with a change, and with digests of lines that agree with it, as one who knows the form
    makes them.
    """
    body = b""
    for line in log.read_bytes().splitlines():
        held = json.loads(line)
        change(held)
        if "head" in held:
            held["sha256"] = _digest(body, held)
        body += canonical(held) + b"\n"
    log.write_bytes(body)


def other_content(held):
    if "entry" in held and held["entry"]["name"].endswith("date=1/activity"):
        held["entry"]["sha256"] = "00" * 32


def no_proof(held):
    held.pop("proof", None)
    if "head" in held:
        held["proof"] = []


def other_time(held):
    if "head" in held and held["head"]["size"] == 4:
        held["head"]["at"] = "2026-05-03T00:00:00Z"  # the time of the next


def smaller(held):
    if "head" in held and held["head"]["size"] == 6:
        held["head"]["size"] = 2


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (other_content, "the head in line 6 is not of the entries before it"),
        (no_proof, "the head in line 6 does not follow from the one before it"),
        (other_time, "the signature in line 6 is of another head"),
        (smaller, "the head in line 9 is not of the entries before it"),
    ],
)
def test_a_change_by_one_who_recomputes_the_digests_of_lines_is_found(days, change, told):
    _folder, log, _heads = days
    forged(log, change)
    assert told in [fault.what for fault in check_log(log, NOBODY, None).faults]


def test_heads_of_another_key_or_of_none_are_named(days, tmp_path):
    folder, log, _heads = days
    (tmp_path / "other.pem").write_bytes(public_pem(signer(tmp_path / "other").public))
    assert len(check_log(log, Trust(public=tmp_path / "other.pem"), None).faults) == 3
    seal([folder], log, signer(tmp_path / "other"), DAY + timedelta(days=5))
    assert len(check_log(log, Trust(public=tmp_path / "other.pem"), None).faults) == 3


def test_a_head_that_is_dated_back_is_found(days):
    folder, log, _heads = days
    seal([folder], log, None, DAY - timedelta(days=1))
    assert any("dated before" in fault.what for fault in check_log(log, NOBODY, None).faults)


def test_what_does_not_exist_is_refused_and_the_log_itself_is_never_sealed(tmp_path, run):
    (tmp_path / "a").write_text("a")
    with pytest.raises(InputError, match="does not exist"):
        seal([tmp_path / "a", tmp_path / "absent"], tmp_path / "log", None)
    assert not (tmp_path / "log").exists()
    for _time in range(2):
        code, out, _err = run("seal", tmp_path, "--log", tmp_path / "log.jsonl", "--json")
        assert code == 0
    assert json.loads(out)["head"]["size"] == 1
    (tmp_path / "empty").write_bytes(b"")
    assert run("verify", tmp_path / "empty")[0] == 0


def grow(folder, log, number):
    for n in range(5):
        path = folder / f"{number}-{n}"
        path.write_text(path.name)
        seal([path], log, None)


def test_two_processes_that_seal_at_once_lose_nothing(tmp_path):
    log = tmp_path / "log.jsonl"
    workers = [Process(target=grow, args=(tmp_path, log, number)) for number in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    held = read(log.read_bytes(), log.name)
    assert (len(held.entries), len(held.heads)) == (10, 10)
    assert check_log(log, NOBODY, None).faults == []
