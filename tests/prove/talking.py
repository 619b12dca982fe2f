"""A small language whose students can be made at once: a share of their places has what the key prefers."""

import json

import numpy as np

from stillwatch.prove.case import Tokens
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named
from stillwatch.prove.windows import bits_of, seeds

WORDS = 90


def tokenize(text):
    words = text.split()
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    return Tokens(
        [int(word[1:]) for word in words],
        [int(end) - len(word) for end, word in zip(ends, words, strict=True)],
        ends.tolist(),
    )


def issued(*names):
    ring = Keyring(master=bytes(range(32)))
    for name in names:
        mark, campaign = name.split("/")
        ring, _ = ring.issue(mark, campaign, since="2026-01-01T00:00:00Z", width=2, strength=1.0)
    return ring


def talk(rng, texts, key=None, share=0.0, length=60):
    """Texts of a language where five words may follow each; a share of places has the key's best of them."""
    score = mark_named("gumbel").score
    out = []
    for _ in range(texts):
        ids = [int(v) for v in rng.integers(0, WORDS, 2)]
        while len(ids) < length:
            some = (ids[-1] + rng.permutation(np.arange(1, 6))) % WORDS
            if rng.random() < share:
                seed = np.full(5, seeds(np.array([ids[-2:]]), key)[0], np.uint64)
                some = some[np.argsort(-score(bits_of(seed, some)))]
            ids.append(int(some[0]))
        out.append(" ".join(f"w{one}" for one in ids))
    return out


def write(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path
