"""Whether the suspect's weights, given text that was served, favour tokens that the key prefers."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.case import SuspectCase
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.keyring import Issued
from stillwatch.prove.registry import ProvenanceTest, marks
from stillwatch.prove.seen import own, repeated, spoken
from stillwatch.prove.weighing import Findings, Weighed
from stillwatch.prove.windows import contexts_of, cut
from stillwatch.stats.arrays import Floats, Ints

TOP = 64  # likeliest tokens that are weighed at each place
SMOOTH = (
    0.1  # added to the norm of the difference from the teacher, so that small differences are not inflated
)
MOST_DECOYS = 999  # most unused keys that are scored; bounds the time


def missing(case: SuspectCase) -> str:
    """What the case lacks of weights, the marking tokeniser, and answers served under a key; "" where
    nothing.
    """
    if case.model is None:
        return "the suspect's weights"
    if case.tokenize is None:
        return "the tokeniser under which answers were marked"
    some = any(one.mark in marks() and case.served_to(one.campaign) for one in case.keyring.issued)
    return "" if some else "answers served under a key of a mark set while sampling"


def read(case: SuspectCase, issued: Issued) -> Weighed:
    """The `TOP` likeliest tokens at the first place of each context in a campaign's served answers, with
    weights.

    A context is read once, and not where its words stood earlier in the text, in any form, so that the
    prediction comes from training and not from the text. With the teacher, the weight compares the
    suspect's probability with the teacher's; without it, the weight is p(1-p), the derivative of a
    probability by its logit.
    """
    assert case.model is not None
    assert case.tokenize is not None
    met: set[int] = set()
    contexts, tokens, weights = [], [], []
    served = case.served_to(issued.campaign)
    for pair, seen in zip(served, own(case, served), strict=True):
        answered = case.tokenize(pair.answer)
        asked, said = list(case.tokenize(pair.prompt).ids), list(answered.ids)
        ids = asked + said
        some = cut([ids], issued.width)
        if not len(some) or seen.is_unread:
            continue
        spent = repeated(spoken(pair.answer), answered, issued.width, seen)
        likely, p = case.model.nearest(ids, TOP)
        usual = case.teacher.nearest(ids, TOP) if case.teacher is not None else None
        for at, name in enumerate(contexts_of(some).tolist()):
            if name in met:
                continue
            met.add(name)
            if at >= len(asked) and not spent[at - len(asked)]:  # the context lies within the answer
                there = at + issued.width - 1
                contexts.append(some.contexts[at])
                tokens.append(likely[there])
                weights.append(
                    _lean(
                        likely[there], p[there], None if usual is None else (usual[0][there], usual[1][there])
                    )
                )
    if not contexts:
        return Weighed(np.empty((0, issued.width), np.int64), *(np.empty(0, np.int64),) * 2, np.empty(0))
    place = np.repeat(np.arange(len(contexts)), len(tokens[0]))
    return Weighed(np.array(contexts, np.int64), place, np.concatenate(tokens), np.concatenate(weights))


def _lean(tokens: Ints, p: Floats, usual: tuple[Ints, Floats] | None) -> Floats:
    """Weights of tokens at one place from the suspect's probabilities `p`, compared with the teacher's
    (`usual`: tokens and probabilities) where known.

    Where the teacher is certain, or the suspect far from it, the difference is an error of learning rather
    than a mark; such places get small weights.
    """
    if usual is None:
        return p * (1 - p)
    order = np.argsort(usual[0])
    at = np.clip(np.searchsorted(usual[0][order], tokens), 0, len(order) - 1)
    gap = p - np.where(usual[0][order][at] == tokens, usual[1][order][at], 0.0)
    return gap * (1 - float(usual[1] @ usual[1])) / (SMOOTH + float(np.sqrt(gap @ gap)))


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding per key of a sampling mark under which answers are available."""
    kept: dict[tuple[str, int], Findings] = {}
    out = []
    said = (
        "reading contexts that were served, the suspect leans {effect} standard deviations to the key's "
        "choice in each of {windows} tokens that it might have said"
    )
    for issued in case.keyring.issued:
        mark = marks().get(issued.mark)
        if mark is None or not case.served_to(issued.campaign):
            continue
        name = (issued.campaign, issued.width)
        if name not in kept:
            decoys = min(case.decoys, MOST_DECOYS)
            kept[name] = Findings("radioactivity_open", case.keyring, read(case, issued), decoys, said)
        out.append(kept[name].of(issued, mark))
    return out


radioactivity_open = ProvenanceTest(
    name="radioactivity_open",
    asks="do the suspect's weights, reading what was served, lean to the tokens that the key prefers?",
    null="the weights are independent of the key: the score of each context and token, each taken once, is "
    "drawn afresh",
    assumes=("the key was never published", "tokens of suspect and mark are the same"),
    keyed=True,
    removed_by=(
        "paraphrase of what was harvested",
        "neutralisation with weights from before and after",
        "much further training on unmarked text",
    ),
    source="Sander and others 2024, open model, reading mode; here probabilities in place of the likeliest "
    "token, with Chernoff's bound",
    missing=missing,
    test=test,
)
