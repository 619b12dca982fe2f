"""Do the suspect's own answers bear the mark of what a campaign was served?"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from stillwatch.prove.case import Case, OpenModel, Tokenize
from stillwatch.prove.finding import Finding
from stillwatch.prove.keyring import Issued
from stillwatch.prove.registry import ProvenanceTest, marks
from stillwatch.prove.weighing import Findings, Weighed, counted, differing
from stillwatch.prove.windows import Windows, cut, has_context_of, stand_in

Array = npt.NDArray[np.float64]
TOP = 64  # tokens of the teacher's that are looked at in each place


def missing(case: Case) -> str:
    """Answers, the tokeniser that marked, and a key of a sampling mark."""
    if not case.answers:
        return "answers of the suspect"
    if case.tokenize is None:
        return "the tokeniser under which answers were marked"
    return (
        ""
        if any(one.mark in marks() for one in case.keyring.issued)
        else "a key of a mark set while sampling"
    )


def scored(case: Case, issued: Issued) -> Weighed:
    """The windows that count for a key: not in any prompt, in contexts that were served if those are known.

    What is usual in a context is told by the teacher, where it is at hand; else by unmarked answers; else by nobody.
    """
    assert case.tokenize is not None
    tokenize = case.tokenize
    asked = cut((tokenize(pair.prompt) for pair in case.answers), issued.width)
    served = case.served_to(issued.campaign)
    known = cut((tokenize(pair.answer) for pair in served), issued.width) if served else None

    def fit(some: Windows) -> npt.NDArray[np.bool_]:
        return ~stand_in(some, asked) & (has_context_of(some, known) if known is not None else True)

    if case.teacher is None:
        said = cut((tokenize(pair.answer) for pair in case.answers), issued.width)
        usual = cut((tokenize(pair.answer) for pair in case.unmarked()), issued.width)
        return counted(said.keep(fit(said)), usual.keep(~stand_in(usual, asked)))
    said, mine, theirs = _beside(case, case.teacher, tokenize, issued.width)
    mask = fit(said)
    return differing(said.keep(mask), mine[mask], theirs[mask])


def _beside(case: Case, teacher: OpenModel, tokenize: Tokenize, width: int) -> tuple[Windows, Array, Array]:
    """Every place of the answers with what was said there (weight 1) and what the teacher would have said (its probabilities)."""
    contexts, tokens, mine, theirs = [], [], [], []
    for pair in case.answers:
        asked, said = list(tokenize(pair.prompt)), np.array(tokenize(pair.answer), np.int64)
        if len(said) <= width:
            continue
        likely, p = teacher.nearest([*asked, *said.tolist()], TOP)
        likely, p = likely[len(asked) + width - 1 :], p[len(asked) + width - 1 :]
        here = cut([said.tolist()], width).contexts
        contexts += [here, np.repeat(here, likely.shape[1], axis=0)]
        tokens += [said[width:], likely.ravel()]
        mine += [np.ones(len(here)), np.zeros(likely.size)]
        theirs += [np.zeros(len(here)), p.ravel()]
    if not contexts:
        return Windows(np.empty((0, width), np.int64), np.empty(0, np.int64)), np.empty(0), np.empty(0)
    return (
        Windows(np.concatenate(contexts), np.concatenate(tokens)),
        np.concatenate(mine),
        np.concatenate(theirs),
    )


def test(case: Case) -> list[Finding]:
    """One finding per key of a sampling mark."""
    kept: dict[tuple[str, int], Findings] = {}
    out = []
    said = "{windows} different windows of the suspect's answers score {effect} standard deviations each under the key"
    for issued in case.keyring.issued:
        mark = marks().get(issued.mark)
        if mark is None:
            continue
        name = (issued.campaign if case.served_to(issued.campaign) else "", issued.width)
        if name not in kept:
            kept[name] = Findings("radioactivity_text", case.keyring, scored(case, issued), case.decoys, said)
        out.append(kept[name].of(issued, mark))
    return out


radioactivity_text = ProvenanceTest(
    name="radioactivity_text",
    asks="do the suspect's answers carry a campaign's watermark, though nobody marked them?",
    null="the suspect's answers are independent of the key: bits of different windows are independent and uniform",
    assumes=("the key was never published, and no marked answer stood in the suspect's prompts", "answers were not marked by us on their way"),
    keyed=True,
    removed_by=("paraphrase of what was harvested", "neutralisation when the suspect answers", "much further training on unmarked text"),
    source="Sander and others 2024, Watermarking makes language models radioactive, NeurIPS: closed model, supervised; with weights and Chernoff's bound",
    missing=missing,
    test=test,
)  # fmt: skip
