"""How long does a match of 25,000 with 1,000,000 values take on this machine?

python benchmarks/share.py whole [--served 1000000] [--asked 25000]    two processes, `match serve` and `match
ask`, from files to the number in common, with nothing prepared
python benchmarks/share.py steps [--served 1000000] [--asked 25000]    each step of both sides, in one process

Both print wall and processor seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from stillwatch.share import matching, oprf
from stillwatch.share.sets import KindValue, write_set

T = TypeVar("T")
STILLWATCH = (sys.executable, "-m", "stillwatch")
HEAD = "| {} | wall s | processor s |\n|---|---|---|"


def sets(served: int, asked: int) -> tuple[list[KindValue], list[KindValue]]:
    """The served and the asked values, half of which are in both."""
    first = served - asked // 2
    theirs = [("payment_fingerprint", f"card_{number:09d}") for number in range(served)]
    return theirs, [("payment_fingerprint", f"card_{number:09d}") for number in range(first, first + asked)]


def processor_s(process: int) -> float:
    """Processor time that a process and its ended children have used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def whole(served: int, asked: int) -> None:
    """Both commands, each as a process, from the start of the first to the end of the second."""
    theirs, mine = sets(served, asked)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_set(place / "theirs.csv", theirs)
        write_set(place / "mine.csv", mine)
        del theirs, mine
        state = ("--state", str(place / "state"))
        token = subprocess.check_output([*STILLWATCH, "share", "peer", "lab-b", *state])
        (place / "token").write_bytes(token)
        (place / "token").chmod(0o600)
        began = time.perf_counter()
        server = subprocess.Popen(
            [*STILLWATCH, "match", "serve", str(place / "theirs.csv"), *state, "--json"],
            stdout=subprocess.PIPE,
        )
        try:
            assert server.stdout is not None
            facts = json.loads(server.stdout.readline())
            prepared, prepared_cpu = time.perf_counter() - began, processor_s(server.pid)
            before = os.times()
            answer = json.loads(
                subprocess.check_output(
                    [
                        *STILLWATCH, "match", "ask", str(place / "mine.csv"), "--url", facts["url"],
                        "--token-file", str(place / "token"), "--purpose", "measurement", "--json",
                    ]
                )
            )  # fmt: skip
            after = os.times()
            end = time.perf_counter() - began
            asking = sum(after[2:4]) - sum(before[2:4])
            serving = processor_s(server.pid)
        finally:
            server.terminate()
            server.wait(20)
        assert answer["in_common"] == asked // 2, answer
        print(HEAD.format(f"{asked:,} x {served:,} values, two processes"))
        print(f"| `match serve`: read and prepare | {prepared:.1f} | {prepared_cpu:.1f} |")
        print(
            f"| `match ask`, with the server | {end - prepared:.1f} | {serving - prepared_cpu + asking:.1f} |"
        )
        print(f"| whole | {end:.1f} | {serving + asking:.1f} |")


def steps(served: int, asked: int) -> None:
    """The steps of the protocol, one after another."""
    theirs, mine = sets(served, asked)
    oprf.random_scalar()  # loads the library

    def timed(what: str, function: Callable[[], T]) -> T:
        wall, busy = time.perf_counter(), time.process_time()
        result = function()
        print(f"| {what} | {time.perf_counter() - wall:.1f} | {time.process_time() - busy:.1f} |", flush=True)
        return result

    print(HEAD.format(f"{asked:,} x {served:,} values"))
    prepared = timed("prepare the larger set", lambda: matching.prepare(theirs))
    session = matching.ask(mine)
    elements = timed("blind", session.elements)
    timed("commit", lambda: session.tree.root)
    seed = b"\x07" * matching.SEED
    answered = timed("evaluate", lambda: matching.answer(prepared, elements, seed))
    places = timed("unblind and compare", lambda: matching.matched(session, answered, prepared.tags))
    openings = timed("open", lambda: matching.openings(session, places, seed))
    root = session.tree.root
    timed(
        "check openings", lambda: all(matching.is_opening(one, prepared, root, len(mine)) for one in openings)
    )
    assert len(places) == asked // 2


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=["whole", "steps"])
    parser.add_argument("--served", type=int, default=1_000_000)
    parser.add_argument("--asked", type=int, default=25_000)
    given = parser.parse_args()
    (whole if given.what == "whole" else steps)(given.served, given.asked)


if __name__ == "__main__":
    main()
