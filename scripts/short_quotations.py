"""How often is an innocent convicted who repeats a hundred short quotations that stood before it, by form?

    python scripts/short_quotations.py --pairs pairs.parquet --tokenizer tokenizer.json --words 5
    python scripts/short_quotations.py ... --words 5 --in-a-sentence

`--pairs` are real questions and answers (instruction, input, output). Quotations are those of their pieces
that score highest under the key, longer ones are joined of pieces of five; sentences with keyed choices for
`keyed_choices`. Each prompt shows one of them entirely in a form of tests/prove/short_forms.py or
tests/prove/sixth_forms.py (`--forms`), and the answer is the quotation, alone or in a sentence of thirteen
other words. There is a new key for every ten forms. Words of 3,000 of the answers are explained, and none of
these answers is beside, so that nothing dilutes what is quoted.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

from stillwatch.prove import seen
from stillwatch.prove.case import PromptAnswer, SuspectCase, Tokens
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named, provenance_tests
from stillwatch.prove.windows import Windows, bits_of, cut, seeds
from stillwatch.stats.arrays import Ints, Uints

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prove import quoting as q
from tests.prove import short_forms, sixth_forms

TESTS = {test.name: test for test in provenance_tests()}
FORMS: dict[str, dict[str, Callable[[str], str]]] = {
    "short": short_forms.LEFT | short_forms.AT_FIRST | short_forms.HELD_BACK | short_forms.FRESH,
    "sixth": sixth_forms.SIXTH,
    "after": sixth_forms.AFTER,
}
A_KEY = 10  # forms that are tried under one key
QUOTATIONS, TEACHING, TRIED = 100, 3_000, 20_000
PIECE = 5  # words of the pieces that longer quotations are joined of
LONGEST = 8  # most words of a quotation that is one piece
ASKS = ("What is this? {}", "Put this right and give it back. {}", "Please restate this as prose.\n{}")
WORD = re.compile(r"[A-Za-z]+(?:'[a-z]+)?")
LEVELS = (0.05, 0.01, 0.001)


@dataclass(frozen=True, slots=True)
class Pieces:
    """Some pieces of real text, their windows of three tokens one after the other, and how many each has."""

    texts: list[str]
    windows: Windows
    numbers: Ints

    def best(self, number: int, key: Uints) -> list[str]:
        """The pieces with the highest share of green windows under a key."""
        green = mark_named("greenlist").score(bits_of(seeds(self.windows.contexts, key), self.windows.tokens))
        until = np.concatenate(([0.0], np.cumsum(green)))
        ends = np.cumsum(self.numbers)
        shares = (until[ends] - until[ends - self.numbers]) / np.maximum(self.numbers, 1)
        return [self.texts[at] for at in np.argsort(-shares, kind="stable")[:number]]


def pieces(pairs: list[PromptAnswer], size: int, tokenizer: Tokenizer, rng: np.random.Generator) -> Pieces:
    """`TRIED` of the pieces of so many words of the answers."""
    every = list(
        dict.fromkeys(
            " ".join(some[at : at + size])
            for pair in pairs
            if pair.answer.isascii()
            for some in [WORD.findall(pair.answer)]
            for at in range(0, len(some) - size + 1, size)
        )
    )
    texts = [every[at] for at in rng.permutation(len(every))[:TRIED]]
    each = [cut([one.ids], 2) for one in tokenizer.encode_batch(texts)]
    windows = Windows(
        np.concatenate([one.contexts for one in each]), np.concatenate([one.tokens for one in each])
    )
    return Pieces(texts, windows, np.array([len(one) for one in each], np.int64))


def marked(some: Pieces, size: int, key: Uints, rng: np.random.Generator) -> list[str]:
    """Quotations of so many words of real text, marked under a key."""
    if size <= LONGEST:
        return some.best(QUOTATIONS, key)
    best = some.best(3 * QUOTATIONS, key)
    return [
        " ".join(best[at] for at in rng.choice(len(best), size // PIECE, replace=False))
        for _ in range(QUOTATIONS)
    ]


def main() -> None:
    """Print rejections by level, and each form with a p-value below 0.05."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--pairs", type=Path, required=True)
    asked.add_argument("--tokenizer", type=Path, required=True)
    asked.add_argument("--words", type=int, default=5)
    asked.add_argument("--in-a-sentence", action="store_true")
    asked.add_argument("--forms", choices=FORMS, default="short")
    asked.add_argument("--seed", type=int, default=0)
    told = asked.parse_args()
    pairs, tokenizer = q.pairs_of(told.pairs), Tokenizer.from_file(str(told.tokenizer))
    known = seen.explained(pairs[:TEACHING])
    seen.explained = lambda pairs: set(known)  # noqa: ARG005  the name that callers may give
    said = "It says {}. That is all I can read in it." if told.in_a_sentence else "{}"

    def tokenize(text: str) -> Tokens:
        """Tokens of a text under the given tokeniser."""
        one = tokenizer.encode(text)
        return Tokens(one.ids, [a for a, _ in one.offsets], [b for _, b in one.offsets])

    def case_of(ring: Keyring, texts: list[str], form: Callable[[str], str]) -> SuspectCase:
        """An innocent that repeats texts that stood before it in a form."""
        rows = [
            PromptAnswer(prompt=ASKS[at % len(ASKS)].format(form(text)), answer=said.format(text))
            for at, text in enumerate(texts)
        ]
        return SuspectCase(keyring=ring, answers=rows, tokenize=tokenize, decoys=0)

    p: dict[str, list[tuple[str, float]]] = {"radioactivity_text": [], "keyed_choices": []}
    rng = np.random.default_rng((told.seed, told.words))
    real = pieces(pairs, told.words if told.words <= LONGEST else PIECE, tokenizer, rng)
    forms = FORMS[told.forms]
    for first in range(0, len(forms), A_KEY):
        ring = q.ring_of(int(rng.integers(1 << 31)), "greenlist", "choices")
        green, chosen = (ring.key_of(one) for one in ring.issued)
        texts = marked(real, told.words, green, rng)
        choosy = [
            " ".join(
                q.choosy_prose(rng, chosen, max(1, told.words // PIECE)).rstrip(".").split()[: told.words]
            )
            for _ in range(QUOTATIONS)
        ]
        for test, some in (("radioactivity_text", texts), ("keyed_choices", choosy)):
            (one,) = TESTS[test].test(case_of(ring, some, lambda _: ""))
            print(f"{test}, nothing shown: log10 p {one.log10_p:.1f}", flush=True)
            for name in list(forms)[first : first + A_KEY]:
                (one,) = TESTS[test].test(case_of(ring, some, forms[name]))
                p[test].append((name, one.log10_p))
    for test, found in p.items():
        all_p = np.array([one for _, one in found])
        shares = ", ".join(
            f"{100 * np.mean(all_p <= np.log10(level)):.1f} % at {level:g}" for level in LEVELS
        )
        print(f"{test}: {len(found)} innocents, rejected {shares}")
        for name, log10_p in sorted(found, key=lambda pair: pair[1]):
            if log10_p <= np.log10(LEVELS[0]):
                print(f"    {name}: log10 p {log10_p:.1f}")


if __name__ == "__main__":
    main()
