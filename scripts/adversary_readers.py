"""Does a hostile sender lose a row, crash a reader, or stall it, in a stated time of trying?

    python scripts/adversary_readers.py [SECONDS] [SEED] [NAME]     (default 600; formats with NAME in theirs)

Writes logs as an operator would who wants to vanish (`tests/adversary/senders.py`), in every reader's format
in turn, plain and in the envelopes of shippers, reads and sketches them, and prints each finding with the
seed that shows it again, and how many hostile senders each format had at least.
"""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.adversary.reading import findings
from tests.adversary.senders import FORMS, RECORDS, Log, log_of, shipped_log_of

SECONDS = float(sys.argv[1]) if len(sys.argv) > 1 else 600.0
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 0
ONLY = sys.argv[3] if len(sys.argv) > 3 else ""
ROWS = 60
LOGS = [
    (form, make)
    for make in (log_of, shipped_log_of)
    for form in (RECORDS if make is shipped_log_of else FORMS)
    if ONLY in form
]


def main() -> None:
    """Round after round, until the time is over."""
    began = time.monotonic()
    rounds = found = 0
    senders: Counter[str] = Counter()

    def counted(rng: random.Random, form: str, rows: int) -> Log:
        log: Log = make(rng, form, rows)
        senders[form] += log.hostile
        return log

    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() - began < SECONDS:
            for form, make in LOGS:
                seed = f"{SEED} {rounds} {form} {make.__name__}"
                try:
                    told = findings(random.Random(seed), form, Path(folder), ROWS, make=counted)
                except Exception as error:  # noqa: BLE001  every escape is a finding
                    told = [f"{form}: {type(error).__name__}: {str(error)[:200]}"]
                found += len(told)
                for one in told:
                    print(f"seed {seed!r}: {one}", flush=True)
            rounds += 1
    rarest, fewest = min(senders.items(), key=lambda one: one[1])
    print(
        f"{rounds:,} rounds of {len(LOGS)} kinds of log, {rounds * len(LOGS) * ROWS:,} rows, at least "
        f"{fewest:,} hostile senders a format (`{rarest}`): {found} findings"
    )
    sys.exit(found > 0)


if __name__ == "__main__":
    main()
