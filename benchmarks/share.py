"""How long does a match of 25,000 with 1,000,000 values take on this machine? Prints a table; wall and
processor seconds.

PYTHONPATH=src python benchmarks/share.py [SERVED] [ASKED]
"""

import sys
import time

from stillwatch.share import matching, oprf


def main() -> None:
    served, asked = (int(word) for word in (*sys.argv[1:], "1000000", "25000")[:2])
    theirs = [("payment_fingerprint", f"card_{number:09d}") for number in range(served)]
    mine = [
        ("payment_fingerprint", f"card_{number:09d}")
        for number in range(served - asked // 2, served + asked - asked // 2)
    ]
    oprf.random_scalar()  # loads the library

    def timed(what, function):
        wall, busy = time.perf_counter(), time.process_time()
        result = function()
        print(f"| {what} | {time.perf_counter() - wall:.1f} | {time.process_time() - busy:.1f} |", flush=True)
        return result

    print(f"| {asked:,} x {served:,} values | wall s | processor s |\n|---|---|---|")
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


main()
