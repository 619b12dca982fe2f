"""Do marks set while sampling harm answers, and from how many tokens are they seen?

    python benchmarks/marks.py TEACHER [ANSWERS [PROXY]]

Right answers by capability (programs must pass their tests, JSON must parse to the same call), unmarked and
marked on the same prompts; then the share of texts of so many tokens whose mark is seen at p <= 1e-6, among
answers of one request after another. Marks that need a proxy student are tried where its folder is given.
"""

import json
import sys
from pathlib import Path

import numpy as np

from stillwatch.lab import models, school, traces
from stillwatch.prove.registry import mark_named
from stillwatch.prove.serving import row
from stillwatch.prove.weighing import counted, tails, total
from stillwatch.prove.windows import cut

TEACHER, ANSWERS = Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 2_500
PROXY = models.load(Path(sys.argv[3])) if len(sys.argv) > 3 else None
LENGTHS = (50, 100, 200, 400, 800)
teacher = models.load(TEACHER)
tasks = school.prompts(77, ANSWERS)
asked = [task.prompt for task in tasks]
calls = [at for at, task in enumerate(tasks) if task.capability == "tools"]


def parses(said):
    try:
        json.loads(said.rpartition("answer ")[2])
    except ValueError:
        return False
    return True


names = list(school.ALL)
print(f"{ANSWERS:,} answers".ljust(24) + "".join(f"{name:>12}" for name in names) + f"{'JSON parses':>14}")
for name, strength in (
    (None, 0.0),
    ("gumbel", 1.0),
    ("tournament", 1.0),
    ("greenlist", 2.0),
    ("greenlist", 4.0),
    ("fingerprint", 60.0),
    ("fingerprint", 200.0),
):
    rows, ring, issued = None, None, None
    mark = mark_named(name) if name else None
    if mark and mark.needs_proxy and PROXY is None:
        continue
    if name:
        ring, (issued,) = traces.keyring_of(5, name, 2, strength)
        rows = [row(ring, issued) for _ in asked]
    said = models.answer(teacher, asked, seed=3, rows=rows, proxy=PROXY)
    right = school.accuracy(tasks, said)
    whole = np.mean([parses(said[at]) for at in calls])
    told = name + (f" {strength:g}" if mark.strength != 1 else "") if mark else "unmarked"
    print(told.ljust(24) + "".join(f"{100 * right[one]:>11.1f}%" for one in names) + f"{100 * whole:>13.1f}%")
    if mark:
        stream = [teacher.encode(one) for one in said]
        line = []
        for length in LENGTHS:
            seen, tried, at = 0, 0, 0
            while at < len(stream) and tried < 200:
                part, tokens = [], 0
                while at < len(stream) and tokens < length:
                    part.append(stream[at])
                    tokens += len(stream[at])
                    at += 1
                some = counted(cut(part, 2))
                seen += tails(mark, total(mark, ring.key_of(issued), some), some.weights)[0] <= np.log(1e-6)
                tried += 1
            line.append(f"{length} tokens {100 * seen / max(tried, 1):.0f}%")
        print(f"{'':24}seen at 1e-6: " + ", ".join(line))
