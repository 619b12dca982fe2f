"""Do the suspect's own answers bear the mark of what a campaign was served?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from stillwatch.prove.case import Case, OpenModel, Tokenize
from stillwatch.prove.finding import Finding
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


@dataclass(frozen=True, slots=True)
class Said:
    """The suspect's windows that stand in no prompt, and what is usual: told by the teacher place by place, or by unmarked text."""

    windows: Windows
    usual: Windows | None = None
    mine: Array | None = None
    theirs: Array | None = None


def read(case: Case, width: int) -> Said:
    """The answers, read once for all keys of a width; with the teacher at hand it says what is usual, else unmarked answers do."""
    assert case.tokenize is not None
    tokenize = case.tokenize
    asked = cut((tokenize(pair.prompt) for pair in case.answers), width)
    if case.teacher is None:
        said = cut((tokenize(pair.answer) for pair in case.answers), width)
        usual = cut((tokenize(pair.answer) for pair in case.unmarked()), width)
        return Said(said.keep(~stand_in(said, asked)), usual.keep(~stand_in(usual, asked)))
    said, mine, theirs = _beside(case, case.teacher, tokenize, width)
    mask = ~stand_in(said, asked)
    return Said(said.keep(mask), mine=mine[mask], theirs=theirs[mask])


def scored(said: Said, known: Windows | None) -> Weighed:
    """The windows that count for a key, weighed: in contexts that were served, if those are known."""
    some = said.windows
    mask = has_context_of(some, known) if known is not None else np.ones(len(some), bool)
    if said.mine is None or said.theirs is None:
        return counted(some.keep(mask), said.usual)
    return differing(some.keep(mask), said.mine[mask], said.theirs[mask])


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
    assert case.tokenize is not None
    said: dict[int, Said] = {}
    kept: dict[tuple[str, int], Findings] = {}
    out = []
    words = "{windows} different windows of the suspect's answers score {effect} standard deviations each under the key"
    for issued in case.keyring.issued:
        mark = marks().get(issued.mark)
        if mark is None:
            continue
        width, served = issued.width, case.served_to(issued.campaign)
        if width not in said:
            said[width] = read(case, width)
        name = (issued.campaign if served else "", width)
        if name not in kept:
            known = cut(map(case.tokenize, (pair.answer for pair in served)), width) if served else None
            windows = scored(said[width], known)
            kept[name] = Findings("radioactivity_text", case.keyring, windows, case.decoys, words)
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
