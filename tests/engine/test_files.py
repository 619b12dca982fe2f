"""Files are written whole, with the modes that the umask leaves; some are on no disk; locks end with
their process.
"""

import os
import stat
import subprocess
import sys
import threading

import pytest

from stillwatch.engine.files import atomic, in_memory, lock

pytestmark = pytest.mark.issue(21)


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022])
@pytest.mark.parametrize("private", [False, True])
def test_a_file_has_the_mode_that_the_umask_leaves_and_a_private_one_is_its_owners(tmp_path, mask, private):
    before = os.umask(mask)
    try:
        with atomic(tmp_path / "one", private=private) as path:
            path.write_text("x")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "one").stat().st_mode) == (0o600 if private else 0o666 & ~mask)


def test_the_umask_is_never_changed_not_even_for_a_moment(tmp_path, monkeypatch):
    """Another thread may be creating a file at that moment."""
    monkeypatch.setattr(os, "umask", lambda _mask: pytest.fail("the umask was changed"))
    with atomic(tmp_path / "one") as path:
        path.write_text("x")


def test_nothing_is_left_of_a_file_that_failed(tmp_path):
    def fail():
        with atomic(tmp_path / "one") as path:
            path.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_is_in_memory_is_read_like_a_file_and_is_on_no_disk(tmp_path):
    with in_memory(tmp_path / "a.jsonl", b"text\n") as path:
        assert path.name == "a.jsonl"
        assert path.read_bytes() == path.read_bytes() == b"text\n"
        assert path.stat().st_size == 5
        assert path.is_symlink()
        child = subprocess.run(
            [sys.executable, "-c", f"print(open({str(path)!r}).read(), end='')"], capture_output=True
        )
        assert child.stdout == b"text\n"
    assert list(tmp_path.iterdir()) == []


def test_what_was_in_memory_is_gone_with_its_process(tmp_path):
    program = f"""
import os
from pathlib import Path
from stillwatch.engine.files import in_memory
with in_memory(Path({str(tmp_path)!r}) / "a.jsonl", b"text") as path:
    os.kill(os.getpid(), 9)
"""
    subprocess.run([sys.executable, "-c", program], check=False)
    (left,) = tmp_path.iterdir()
    assert left.is_symlink()
    assert not left.exists()


def test_a_lock_is_refused_to_another_and_free_once_its_process_is_killed(tmp_path):
    program = f"""
import sys, time
from pathlib import Path
from stillwatch.engine.files import lock
held = lock(Path({str(tmp_path / "lock")!r}))
print("held", flush=True)
time.sleep(60)
"""
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError):
            lock(tmp_path / "lock")
    finally:
        process.kill()
        process.wait()
    with lock(tmp_path / "lock"):
        pass


def test_a_lock_can_be_waited_for(tmp_path):
    order = []
    first = lock(tmp_path / "lock")

    def second():
        with lock(tmp_path / "lock", wait=True):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    order.append("first")
    first.close()
    thread.join(10)
    assert order == ["first", "second"]
