"""How often is an innocent convicted who repeats marked text that stood before it, by form of quoting?

python scripts/quoting_innocents.py --innocents 500 --fuzzed 300
python scripts/quoting_innocents.py --kept pairs.parquet     what it costs: windows of real answers that are
left out
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import numpy as np

from stillwatch.prove.case import SuspectCase
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import provenance_tests
from stillwatch.prove.seen import own
from stillwatch.prove.tests import radioactivity_text
from stillwatch.prove.windows import cut, identities, stand_in

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prove import later_forms
from tests.prove import quoting as q

TESTS = {test.name: test for test in provenance_tests()}
LEVELS = (0.05, 0.01, 0.001)
A_KEY = 20  # innocents that quote texts of one keyring, each in another form


@lru_cache(2)
def marked(seed: int, rows: int) -> tuple[Keyring, list[str], list[str]]:
    """A keyring, and texts under its two keys: windows, and choices."""
    ring = q.ring_of(seed, "greenlist", "choices")
    rng = np.random.default_rng(seed)
    green, chosen = (ring.key_of(one) for one in ring.issued)
    return (
        ring,
        [q.marked_prose(rng, green, 40) for _ in range(rows)],
        [q.choosy_prose(rng, chosen, 9) for _ in range(rows)],
    )


def p_values(at: int, seed: int, form: Callable[[str], str], rows: int) -> tuple[float, float]:
    """log10 p of one innocent's windows and choices; `A_KEY` innocents in turn have one keyring."""
    ring, texts, choosy = marked(seed + at // A_KEY, rows)
    rng = np.random.default_rng((seed, at))
    (one,) = TESTS["radioactivity_text"].test(q.quoting(rng, ring, form, rows=rows, text=texts.__getitem__))
    (other,) = TESTS["keyed_choices"].test(q.quoting(rng, ring, form, rows=rows, text=choosy.__getitem__))
    return one.log10_p, other.log10_p


def kept(path: Path, most: int = 4_000) -> None:
    """Print how many different windows of real answers are left, of those that stand in no prompt token
    by token.
    """
    pairs = q.pairs_of(path, most)
    case = SuspectCase(keyring=q.ring_of(1, "greenlist"), answers=pairs, tokenize=q.tokenize, decoys=0)
    before = cut((q.tokenize(pair.answer).ids for pair in pairs), 2)
    before = before.keep(~stand_in(before, cut((q.tokenize(pair.prompt).ids for pair in pairs), 2)))
    unread = sum(seen.is_unread for seen in own(case, pairs))
    left = len(np.unique(identities(radioactivity_text.read(case, 2).windows)))
    print(
        f"{len(pairs):,} answers: {unread} rows unread; different windows "
        f"{len(np.unique(identities(before))):,}, left {left:,}"
    )


def main() -> None:
    """Print rejections by level for every form in turn, and for forms within forms at random."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--innocents", type=int, default=500)
    asked.add_argument("--fuzzed", type=int, default=300)
    asked.add_argument("--rows", type=int, default=8)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--kept", type=Path)
    told = asked.parse_args()
    if told.kept:
        kept(told.kept)
        return
    every = list((q.FORMS | q.LATER | later_forms.FORMS | later_forms.THIRD).items())
    forms = [every[at % len(every)] for at in range(told.innocents)]
    fuzz = np.random.default_rng(told.seed)
    fuzzed = [(q, later_forms)[at % 2].fuzzed(fuzz) for at in range(told.fuzzed)]
    for name, some in (("forms in turn", forms), ("forms within forms", fuzzed)):
        p = np.array(
            [p_values(at, told.seed * 100_000, form, told.rows) for at, (_, form) in enumerate(some)]
        )
        for at, test in enumerate(("radioactivity_text", "keyed_choices")):
            shares = ", ".join(
                f"{100 * np.mean(p[:, at] <= np.log10(level)):.1f} % at {level:g}" for level in LEVELS
            )
            worst = int(np.argmin(p[:, at]))
            print(
                f"{name}, {test}: {len(p)} innocents, rejected {shares}; lowest log10 p {p[worst, at]:.1f} "
                f"({some[worst][0]})",
                flush=True,
            )


if __name__ == "__main__":
    main()
