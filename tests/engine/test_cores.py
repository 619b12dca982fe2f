import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORK = """
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from stillwatch.engine.cores import end_with_parent

def work(folder):
    import os
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(600)

if __name__ == "__main__":
    import sys
    with ProcessPoolExecutor(2, get_context("spawn"), initializer=end_with_parent) as pool:
        list(pool.map(work, [sys.argv[1]] * 2))
"""


def alive(process):
    try:
        return "Z" not in Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


@pytest.mark.parametrize("with_what", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_a_run_that_is_killed(with_what, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(WORK)
    told = tmp_path / "told"
    told.mkdir()
    run = subprocess.Popen([sys.executable, program, told], stderr=subprocess.DEVNULL)
    for _try in range(300):
        if len(workers := [int(p.name) for p in told.iterdir()]) == 2:
            break
        time.sleep(0.1)
    assert len(workers) == 2
    os.kill(run.pid, with_what)
    run.wait(10)
    for _try in range(150):
        if not any(map(alive, workers)):
            return
        time.sleep(0.1)
    raise AssertionError(f"{[w for w in workers if alive(w)]} work on for nobody")
