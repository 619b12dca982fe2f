"""A line of a record is bound to the line before it, and no crash or full disk breaks the chain."""

import errno
import json
import os
import subprocess
import sys
import threading

import pytest

from stillwatch.memory import record
from stillwatch.memory.record import RecordEntry, append, read

pytestmark = pytest.mark.issue(26)


def line(number, kind="label"):
    return RecordEntry(at=f"2026-11-28T12:00:{number:02}Z", kind=kind, author="ann", body={"number": number})


def test_lines_come_back_as_they_were_written(tmp_path):
    path = tmp_path / "record.jsonl"
    append(path, [line(1), line(2)])
    append(path, [line(3)])
    found = read(path)
    assert [one.body["number"] for one in found.entries] == [1, 2, 3]
    assert not found.faults
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("harm", ["change", "remove", "swap", "insert"])
def test_a_line_that_was_changed_left_out_or_put_in_is_named(tmp_path, harm):
    path = tmp_path / "record.jsonl"
    append(path, [line(n) for n in range(1, 6)])
    lines = path.read_text().splitlines(keepends=True)
    if harm == "change":
        lines[2] = lines[2].replace('"number": 3', '"number": 9')
    elif harm == "remove":
        del lines[2]
    elif harm == "swap":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        lines.insert(2, lines[0])
    path.write_text("".join(lines))
    assert any("line 3" in fault or "line 2" in fault for fault in read(path).faults)


def test_a_line_cut_short_by_a_crash_is_counted_and_the_chain_goes_on(tmp_path):
    path = tmp_path / "record.jsonl"
    append(path, [line(1), line(2)])
    path.write_bytes(path.read_bytes()[:-20])
    append(path, [line(3)])
    found = read(path)
    assert [one.body["number"] for one in found.entries] == [1, 3]
    assert found.faults == ["record.jsonl: line 2 is cut short or no line of a record"]


def test_a_line_longer_than_the_tail_is_found(tmp_path):
    path = tmp_path / "record.jsonl"
    long = RecordEntry(at="2026", kind="label", author="ann", body={"accounts": ["a" * 100] * 3000})
    append(path, [line(1), long])
    append(path, [line(2)])
    assert not read(path).faults
    assert len(read(path).entries) == 3


def test_writers_in_several_threads_make_one_chain(tmp_path):
    path = tmp_path / "record.jsonl"
    threads = [
        threading.Thread(target=lambda: [append(path, [line(n)]) for n in range(20)]) for _ in range(4)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    found = read(path)
    assert len(found.entries) == 80
    assert not found.faults


def test_on_a_full_disk_no_half_line_is_left(tmp_path, monkeypatch):
    path = tmp_path / "record.jsonl"
    append(path, [line(1)])

    def full(_handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(record.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        append(path, [line(2)])
    monkeypatch.undo()
    append(path, [line(3)])
    found = read(path)
    assert [one.body["number"] for one in found.entries] == [1, 3]
    assert not found.faults


def test_a_label_is_not_lost_where_a_scan_replaces_the_folder_meanwhile(tmp_path):
    from stillwatch.results.folder import whole_or_nothing, write_manifest

    out = tmp_path / "results"
    with whole_or_nothing(out) as folder:
        write_manifest(folder, [], {}, 0)
    append(out / "record.jsonl", [line(0)])
    stop = threading.Event()
    written = []

    def label():
        while not stop.is_set():
            written.append(append(out / "record.jsonl", [line(len(written) + 1)]))

    thread = threading.Thread(target=label)
    thread.start()
    for _time in range(30):
        with whole_or_nothing(out) as folder:
            write_manifest(folder, [], {}, 0)
    stop.set()
    thread.join()
    found = read(out / "record.jsonl")
    assert not found.faults
    assert [one.body["number"] for one in found.entries] == list(range(len(written) + 1))
    assert not list(out.glob("*.kept"))


def test_killed_writers_leave_a_chain_that_holds(tmp_path):
    path = tmp_path / "record.jsonl"
    program = (
        "import sys\nfrom pathlib import Path\nfrom stillwatch.memory.record import RecordEntry, append\n"
        "n = 0\nwhile True:\n    n += 1\n    append(Path(sys.argv[1]), [RecordEntry(at='t', kind='k', author='a', "
        "body={'n': n})])\n"
        "    print(n, flush=True)\n"
    )
    whole = 0
    for _time in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, env=os.environ
        ) as writer:
            for _line in range(15):
                writer.stdout.readline()
                whole += 1
            writer.kill()
    found = read(path)
    assert len(found.entries) >= whole
    assert not [fault for fault in found.faults if "not as it was written" in fault]
    assert all(json.dumps(dict(one.body)) for one in found.entries)
