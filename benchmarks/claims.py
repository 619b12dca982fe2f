"""Claims of 2026 on students of marked answers, tried at the smallest size: marks while sampling, and traces that are rewritten.

    python benchmarks/claims.py [ANSWERS [ASKED [STEPS]]]

A teacher of one capability (sorting) is taught, and a base of its form; each student learns from ANSWERS (1,500) of its answers, in STEPS (250)
from the base, and answers ASKED (500) new prompts. First table: marks set while sampling, half of the answers marked. Second: the provider
rewrites every free word of the finished trace as a key says (after 2602.15143, which has a model rewrite); the campaign trains on that as it
is, or rewords it first; p by the binomial law over different contexts of the student's answers to few prompts, beside keys never used.
"""

import hashlib
import hmac
import sys

import numpy as np
from scipy.stats import binom

from stillwatch.lab import models, school, traces
from stillwatch.lab.removal import reworded
from stillwatch.lab.tasks import OPENINGS, TAILS, VERBS, is_right
from stillwatch.prove.registry import mark_named

ANSWERS, ASKED, STEPS = (int(one) for one in [*sys.argv[1:], *("1500", "500", "250")[len(sys.argv) - 1 :]])
LISTS = ("lists",)
SIZE = models.Size(width=48, layers=2, heads=4)
MARKS = (
    ("gumbel", 1.0),
    ("greenlist", 2.0),
    ("greenlist", 4.0),
    ("fingerprint", 10.0),
    ("fingerprint", 200.0),
)
FREE = (OPENINGS, VERBS, TAILS)
QUERIES = (5, 20, 100)
DECOYS = 2_000
LEVEL = 1e-3

teacher = school.teach(0, steps=500, capabilities=LISTS, size=SIZE)
base = school.teach(9, steps=200, capabilities=LISTS, size=SIZE, form_only=True)
prompts = tuple(task.prompt for task in school.prompts(7, ANSWERS + ASKED, LISTS))
lesson = school.Lesson(steps=STEPS, size=SIZE)


def right(asked, said):
    return f"{100 * np.mean([is_right(prompt, one) for prompt, one in zip(asked, said, strict=True)]):.1f} %"


def keyed(key, before, kind):
    """The word of a list that a key has after another word."""
    digest = hmac.digest(key, f"{before}\n{kind}".encode(), "sha256")
    return FREE[kind][int.from_bytes(digest[:8]) % len(FREE[kind])]


def rewritten(said, key):
    """A finished answer with every free word of its trace as the key says."""
    out = [""]
    for word in said.split():
        kind = next((at for at, some in enumerate(FREE) if word in some), None)
        out.append(word if kind is None else keyed(key, out[-1], kind))
    return " ".join(out[1:])


def log10_p(said, key):
    """Of different contexts, how many have the key's word, against one in as many as the list has."""
    first = {}
    for one in said:
        some = one.split()
        for before, word in zip(["", *some], some, strict=False):
            kind = next((at for at, free in enumerate(FREE) if word in free), None)
            if kind is not None:
                first.setdefault((before, kind), word)
    hits = sum(keyed(key, before, kind) == word for (before, kind), word in first.items())
    return float(binom.logsf(hits - 1, len(first), 1 / min(map(len, FREE))) / np.log(10))


print(
    f"{'mark':20}{'teacher right':>15}{'student right':>15}{'text, teacher':>15}{'weights, teacher':>18}   (log10 p)",
    flush=True,
)
for name, strength in MARKS:
    trial = traces.Trial(
        mark=name, strength=strength, share=0.5, seed=3, answers=ANSWERS, asked=ASKED, prompts=prompts
    )
    ring, (issued,) = traces.keyring_of(3, name, 2, strength)
    proxy = base if mark_named(name).needs_proxy else None
    pairs = traces.served(teacher, trial, ring, issued, proxy)
    student = traces.student_of(pairs, trial, lesson, base)
    found = traces.found(teacher, student, pairs, trial, ring, proxy=proxy, decoys=99)
    marked = [pair for pair in pairs if pair.campaign]
    said = models.answer(student, trial.suspects()[:200], seed=4)
    print(
        f"{name + f' {strength:g}':20}{right([pair.prompt for pair in marked], [pair.answer for pair in marked]):>15}"
        f"{right(trial.suspects()[:200], said):>15}{found['text_beside_teacher'].log10_p:>15.1f}{found['open_beside_teacher'].log10_p:>18.1f}",
        flush=True,
    )

rng = np.random.default_rng(5)
asked, later = list(prompts[:ANSWERS]), list(prompts[ANSWERS:])
key = hashlib.sha256(b"a key of the benchmark").digest()
decoys = [hashlib.sha256(f"decoy {at}".encode()).digest() for at in range(DECOYS)]
plain = models.answer(teacher, asked, seed=3)
served = [rewritten(one, key) for one in plain]
print(
    f"\n{'rewritten traces':26}{'student right':>15}"
    + "".join(f"{f'{n} prompts':>13}" for n in QUERIES)
    + "   decoys at 1e-3"
)
for what, learnt in (
    ("as served", served),
    ("reworded half first", [reworded(one, 0.5, rng) for one in served]),
    ("reworded all first", [reworded(one, 1.0, rng) for one in served]),
    ("not rewritten (innocent)", plain),
):
    student = models.copy_of(base)
    models.train(student, list(zip(asked, learnt, strict=True)), steps=STEPS, seed=3)
    said = models.answer(student, later, seed=4)
    false = sum(log10_p(said[: QUERIES[1]], one) <= np.log10(LEVEL) for one in decoys)
    told = "".join(f"{log10_p(said[:n], key):>13.1f}" for n in QUERIES)
    print(f"{what:26}{right(later, said):>15}{told}   {false} of {DECOYS:,}", flush=True)
