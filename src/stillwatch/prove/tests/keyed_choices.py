"""Whether the suspect chooses between equivalent words as the key does."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.case import SuspectCase
from stillwatch.prove.finding import SuspectFinding, histogram, rank_p, signed
from stillwatch.prove.registry import ProvenanceTest
from stillwatch.prove.seen import followed, own, spoken, words
from stillwatch.prove.text import choices
from stillwatch.prove.windows import Windows


def missing(case: SuspectCase) -> str:
    """What the case lacks of answers and a `choices` key; "" where nothing."""
    if not case.answers:
        return "answers of the suspect"
    return "" if any(one.mark == choices.NAME for one in case.keyring.issued) else "a key of `choices`"


def _unseen(case: SuspectCase) -> tuple[Windows, int]:
    """The suspect's choices that it cannot have read, in any form, and the number of the others.

    A pair of words is left out of an answer where either form stood in what that answer had before it, and
    in passages that repeat that. It is left out of every answer in a context in which it occurs in any
    prompt; at the beginning of an answer, where there is no word before, in any context.
    """
    forms = {tuple(words(form)): at for at, pair in enumerate(choices.PAIRS) for form in pair}
    read = followed((text for pair in case.answers for text in pair.read), forms)
    anywhere = {number for number, _ in read}
    kept: list[choices.ChoicePlace] = []
    every = 0
    for pair, seen in zip(case.answers, own(case, case.answers), strict=True):
        places = list(choices.places(pair.answer))
        every += len(places)
        held = {
            at for at in {one.pair for one in places} if any(map(seen.holds, map(words, choices.PAIRS[at])))
        }
        said, begins, ends = spoken(pair.answer)
        again = seen.repeats(said) | seen.aligned(said)
        for one in places:
            before = int(np.searchsorted(ends, one.start, "right"))
            is_read = (one.pair, said[before - 1]) in read if before else one.pair in anywhere
            after = int(np.searchsorted(begins, one.end, "left"))
            if one.pair not in held and not is_read and not again[before:after].any():
                kept.append(one)
    return choices.windows(kept), every - len(kept)


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding per key; each pair after each word is one fair coin under the null.

    A coin's weight is how far the suspect's choices lean to one side, divided by the square root of their
    number.
    """
    some, left_out = _unseen(case)
    contexts, place = np.unique(some.contexts, axis=0, return_inverse=True)
    times = np.bincount(place.ravel(), minlength=len(contexts))
    second = np.bincount(place.ravel(), weights=some.tokens, minlength=len(contexts))
    lean = (2 * second - times) / np.sqrt(np.maximum(times, 1))
    coins = Windows(contexts, np.zeros(len(contexts), np.int64))
    n = np.count_nonzero(lean)
    spread = float(np.sqrt(lean @ lean))
    others = np.array([
        float(lean @ (2 * choices.wanted(coins, key) - 1))
        for key in case.keyring.decoys(choices.NAME, case.decoys if n else 0)
    ])  # fmt: skip
    out = []
    for issued in case.keyring.issued:
        if issued.mark != choices.NAME:
            continue
        sides = 2 * choices.wanted(coins, case.keyring.key_of(issued)) - 1
        log_p, log_e = signed(np.abs(lean), np.sign(lean) * sides)
        hits = int(np.count_nonzero(lean * sides > 0))
        out.append(
            SuspectFinding(
                test="keyed_choices",
                subject=issued.name,
                keyed=True,
                units=int(n),
                effect=float(lean @ sides) / spread / np.sqrt(n) if n else 0.0,
                log10_p=log_p / np.log(10),
                rank_p=rank_p(float(lean @ sides), others) if n else None,
                decoys=len(others),
                decoy_z=histogram(others / spread) if n else (),
                log_e=log_e,
                statement=f"in {hits:,} of {n:,} contexts the suspect leans to the one of two equal words "
                f"that the key chose; {left_out:,} choices are not counted, since the suspect may have read "
                f"them",
            )
        )
    return out


keyed_choices = ProvenanceTest(
    name="keyed_choices",
    asks="does the suspect choose between equal words as the key would?",
    null="the suspect's answers are independent of the key: each context's coin is fair and its own",
    assumes=(
        "the key was never published",
        "the file has all that stood before the suspect when it answered",
        "answers were not marked by us on their way",
    ),
    keyed=True,
    removed_by=("paraphrase", "a fixed house style imposed on what was harvested"),
    source="keyed synonyms as in Topkara and others 2006; exact by the key's own coins",
    missing=missing,
    test=test,
)
