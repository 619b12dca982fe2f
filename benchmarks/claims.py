"""Claims of 2026 on students of marked answers, on the smallest student: one that counts.

    python benchmarks/claims.py [SERVED [ASKED [KEYS]]]

A teacher draws answers of 60 words from a language of 240 words, five of which may follow each, with fixed
probabilities. A student counts which word followed which two in SERVED (2,000) answers, beside a base that
knows the five and not their probabilities, and gives ASKED (500) answers of its own. Three tables, medians
over KEYS (3):

1. radioactivity: log10 p of the student's text by the marked share of what it learnt from;
2. antidistillation fingerprinting (2602.03812), with a proxy that knows the teacher's law, beside a green
   list: bits by which a marked word departs from the teacher's law (Kullback and Leibler), against log10 p at
   10 % marked;
3. trace rewriting (2602.15143): every word of a finished answer is replaced by the one of the five that the
   key prefers. log10 p from few answers, after the campaign rewords what it took, and false alarms among keys
   never used.
"""

import sys
from pathlib import Path

import numpy as np

from stillwatch.prove.case import Case, Pair
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named
from stillwatch.prove.tests.radioactivity_text import radioactivity_text
from stillwatch.prove.windows import bits_of, seeds

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "prove"))
from talking import tokenize

SERVED, ASKED, KEYS = (int(one) for one in [*sys.argv[1:], *("2000", "500", "3")[len(sys.argv) - 1 :]])
WORDS, LENGTH = 240, 60
STEPS = np.arange(1, 6)
LAW = np.array([0.4, 0.25, 0.15, 0.12, 0.08])
PRIOR = 5.0  # answers' worth of the base in each context
SHARES = (0.0, 0.01, 0.05, 0.1, 0.5, 1.0)


def scores(name, key, context):
    """The key's score of each of the five words after contexts, shape (texts, 5)."""
    some = np.repeat(seeds(context, key), 5).astype(np.uint64)
    words = (context[:, 1:] + STEPS) % WORDS
    return mark_named(name).score(bits_of(some, words.ravel())).reshape(-1, 5)


def gumbel(law, some):
    """The word that the key draws: its score is -ln(1-u)."""
    noise = np.log1p(-np.exp(-some)) / law
    return (noise == noise.max(axis=1, keepdims=True)).astype(float)


def greenlist(strength):
    def reshape(law, some):
        p = law * np.exp(strength * some)
        return p / p.sum(axis=1, keepdims=True)

    return reshape


def fingerprint(strength):
    """As the mark of that name, by a proxy that has the teacher's law."""

    def reshape(law, some):
        p = law * np.exp(strength * LAW * (some - (LAW * some).sum(axis=1, keepdims=True)))
        return p / p.sum(axis=1, keepdims=True)

    return reshape


def preferred(law, some):
    """Rewriting: the word that the key likes best, whatever the law."""
    del law
    return (some == some.max(axis=1, keepdims=True)).astype(float)


def texts(rng, number, law, name="gumbel", key=None, reshape=None):
    """Texts as words by number, shape (texts, words), and the mean departure in bits of a marked word
    from the law.
    """
    out = np.empty((number, LENGTH), np.int64)
    out[:, :2] = rng.integers(0, WORDS, (number, 2))
    bits = []
    for at in range(2, LENGTH):
        context = out[:, at - 2 : at]
        usual = law(context)
        p = usual if reshape is None else reshape(usual, scores(name, key, context))
        if reshape is not None:
            bits.append(np.where(p > 0, p * np.log2(np.maximum(p, 1e-300) / usual), 0).sum(axis=1).mean())
        chosen = (p.cumsum(axis=1) < rng.random((number, 1)) * p.sum(axis=1, keepdims=True)).sum(axis=1)
        out[:, at] = (context[:, 1] + STEPS[np.minimum(chosen, 4)]) % WORDS
    return out, float(np.mean(bits)) if bits else 0.0


def teacher(context):
    return np.tile(LAW, (len(context), 1))


def learnt(some):
    """A student's law from what it counted."""
    counts = np.full((WORDS, WORDS, 5), PRIOR / 5)
    first, second, third = some[:, :-2].ravel(), some[:, 1:-1].ravel(), some[:, 2:].ravel()
    follows = (third - second) % WORDS - 1
    fits = (follows >= 0) & (follows < 5)
    np.add.at(counts, (first[fits], second[fits], follows[fits]), 1)
    law = counts / counts.sum(axis=2, keepdims=True)
    return lambda context: law[context[:, 0], context[:, 1]]


def pairs(some, campaign=""):
    return [Pair(prompt="", answer=" ".join(f"w{word}" for word in one), campaign=campaign) for one in some]


def log10_p(said, served, unmarked, ring, decoys=0):
    """Of a student's text, in contexts that were served, beside unmarked answers of the teacher; and its
    rank among decoys.
    """
    case = Case(
        keyring=ring,
        answers=pairs(said),
        served=[*pairs(served, "c"), *pairs(unmarked)],
        tokenize=tokenize,
        decoys=decoys,
    )
    return radioactivity_text.test(case)[0]


def trial(seed, name, reshape, share, reword=0.0, asked=ASKED, decoys=0):
    """One key, one student: its finding, and the bits that the mark cost."""
    rng = np.random.default_rng(seed)
    ring, issued = Keyring(master=rng.bytes(32)).issue(
        name, "c", since="2026-01-01T00:00:00Z", width=2, strength=1.0
    )
    marked, bits = texts(rng, max(round(share * SERVED), 1), teacher, name, ring.key_of(issued), reshape)
    plain, _ = texts(rng, SERVED, teacher)
    taken = np.concatenate((marked if share else marked[:0], plain[: SERVED - round(share * SERVED)]))
    if reword:  # words drawn anew, one in so many; what follows is as it was where it still may be
        again = rng.random(taken.shape) < reword
        anew, _ = texts(rng, len(taken), teacher)
        taken = np.where(again, anew, taken)
    said, _ = texts(rng, asked, learnt(taken))
    return log10_p(said, marked, plain[:500], ring, decoys), bits


def median(*some):
    return float(np.median([one[0].log10_p for one in some]))


print(
    f"radioactivity, log10 p by marked share: {'':8}" + "".join(f"{100 * share:>9g} %" for share in SHARES),
    flush=True,
)
for name, reshape in (("gumbel", gumbel), ("greenlist", greenlist(2.0))):
    found = [median(*(trial(seed, name, reshape, share) for seed in range(KEYS))) for share in SHARES]
    print(f"{name:48}" + "".join(f"{one:>11.1f}" for one in found), flush=True)

print(f"\n{'at 10 % marked':24}{'strength':>10}{'bits a word':>14}{'log10 p':>10}", flush=True)
for name, make, strengths in (
    ("greenlist", greenlist, (0.5, 1.0, 2.0, 4.0)), ("fingerprint", fingerprint, (2.0, 4.0, 8.0, 16.0, 32.0)),
):  # fmt: skip
    for strength in strengths:
        some = [trial(seed, name, make(strength), 0.1) for seed in range(KEYS)]
        print(
            f"{name:24}{strength:>10g}{np.mean([bits for _, bits in some]):>14.3f}{median(*some):>10.1f}",
            flush=True,
        )

print(
    f"\n{'rewritten traces':34}"
    + "".join(f"{f'{n} answers':>13}" for n in (5, 20, 100))
    + "   decoys as high, of 999",
    flush=True,
)
for what, share, reword in (
    ("all answers, as served", 1.0, 0.0),
    ("a tenth of them", 0.1, 0.0),
    ("all, a quarter reworded", 1.0, 0.25),
    ("all, half reworded", 1.0, 0.5),
    ("all, all reworded", 1.0, 1.0),
    ("none (innocent)", 0.0, 0.0),
):
    some = {
        n: [trial(seed, "gumbel", preferred, share, reword, n, 999) for seed in range(KEYS)]
        for n in (5, 20, 100)
    }
    ranks = [round(one.rank_p * 1_000) - 1 for one, _ in some[100]]
    print(
        f"{what:34}"
        + "".join(f"{median(*one):>13.1f}" for one in some.values())
        + f"   {', '.join(map(str, ranks))}",
        flush=True,
    )
