"""Do marks in finished text leave everything alone but English prose, and how many places are left to mark?

    python scripts/harm_of_marks.py [ANSWERS [REAL]]

Makes so many answers (2,000) of the kinds in tests/prove/answers.py, with REAL (200) files of the standard
library as unfenced code, marks them under two keys, and prints by kind: answers, answers whose code, data,
quotation or foreign text was changed, answers marked in their prose, places used and left alone. Exits with 1
where anything was changed that must not be.
"""

import sys
import time
from collections import Counter, defaultdict
from pathlib import Path

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.text import canaries, choices

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prove import answers as made

ANSWERS = int(sys.argv[1]) if len(sys.argv) > 1 else 2_000
REAL = int(sys.argv[2]) if len(sys.argv) > 2 else 200
ring = Keyring(master=bytes(32))
keys = [(ring.key("choices", name, 1), ring.key("canaries", name, 1)) for name in "ab"]


def stands(kept: tuple[str, ...], text: str) -> bool:
    """Whether pieces stand in a text in order."""
    at = 0
    for piece in kept:
        at = text.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


rows: dict[str, Counter[str]] = defaultdict(Counter)
seconds = []
for turn, one in enumerate(made.answers(ANSWERS, real=REAL)):
    row = rows[one.kind]
    row["answers"] += 1
    for choice, canary in keys:
        began = time.perf_counter()
        marked = choices.apply(one.text, choice)
        seconds.append(time.perf_counter() - began)
        row["marked"] += marked != one.text
        row["broken"] += not stands(one.kept, canaries.apply(marked, canary, turn))
        row["unstable"] += choices.apply(marked, choice) != marked
    for reason, count in choices.capacity([one.text]).items():
        row["used" if not reason else "left alone"] += count
names = ("answers", "broken", "unstable", "marked", "used", "left alone")
print("kind".ljust(22) + "".join(f"{name:>12}" for name in names))
for kind, row in sorted(rows.items()):
    print(kind.ljust(22) + "".join(f"{row[name]:>12,}" for name in names))
total = sum(rows.values(), Counter())
print("all".ljust(22) + "".join(f"{total[name]:>12,}" for name in names))
seconds.sort()
print(
    f"milliseconds an answer: median {1e3 * seconds[len(seconds) // 2]:.1f}, 99 of 100 below "
    f"{1e3 * seconds[int(0.99 * len(seconds))]:.1f}"
)
sys.exit(1 if total["broken"] or total["unstable"] else 0)
