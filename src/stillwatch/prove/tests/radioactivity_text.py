"""Whether the suspect's own answers bear the mark of answers served to a campaign."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.prove.case import OpenModel, PromptAnswer, SuspectCase, Tokenize
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.registry import ProvenanceTest, marks
from stillwatch.prove.seen import Elsewhere, contexts_held, own, spoken
from stillwatch.prove.weighing import Findings, Weighed, counted, differing
from stillwatch.prove.windows import Windows, cut, has_context_of, stand_in
from stillwatch.stats.arrays import Floats

TOP = 64  # likeliest tokens of the teacher that are used at each place


def missing(case: SuspectCase) -> str:
    """What the case lacks of answers, the marking tokeniser, and a key of a sampling mark; "" where
    nothing.
    """
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
class NewWindows:
    """The suspect's windows that it cannot have read, and what is usual in them.

    `seen` is the number of windows left out. `usual` are windows of unmarked text. With the teacher, `mine`
    and `theirs` are the suspect's and the teacher's use of each window; else they are None.
    """

    windows: Windows
    seen: int = 0
    usual: Windows | None = None
    mine: Floats | None = None
    theirs: Floats | None = None


def read(case: SuspectCase, width: int) -> NewWindows:
    """Windows of the answers for all keys of a context width; the teacher gives what is usual where
    available, else unmarked answers do.

    A place is left out where its context stood, in any form, in what the answering model had before it.
    This depends neither on the key nor on the token at the place. A window that occurs in any other prompt
    is left out too.
    """
    assert case.tokenize is not None
    tokenize = case.tokenize
    asked = list(dict.fromkeys(text for pair in case.answers for text in pair.read))
    tokens = cut((tokenize(text).ids for text in asked), width)
    if case.teacher is not None:
        said, mine, theirs, seen = _beside(case, case.teacher, tokenize, width)
        mask = ~stand_in(said, tokens)
        return NewWindows(said.keep(mask), seen, mine=mine[mask], theirs=theirs[mask])
    elsewhere = Elsewhere(asked)
    said, every = _unseen(case, case.answers, elsewhere, width)
    usual, _ = _unseen(case, case.unmarked(), elsewhere, width)
    kept = said.keep(~stand_in(said, tokens))
    return NewWindows(kept, every - len(kept), usual.keep(~stand_in(usual, tokens)))


def _unseen(
    case: SuspectCase, pairs: Sequence[PromptAnswer], elsewhere: Elsewhere, width: int
) -> tuple[Windows, int]:
    """Windows of answers that the answering model cannot have read, and the number of all windows."""
    assert case.tokenize is not None
    kept: list[Windows] = [cut([], width)]
    every = 0
    for pair, seen in zip(pairs, own(case, pairs), strict=True):
        tokens = case.tokenize(pair.answer)
        some = cut([tokens.ids], width)
        every += len(some)
        if not seen.is_unread and len(some):
            said = spoken(pair.answer)
            held = contexts_held(said, tokens, width, seen) | elsewhere.windows_held(said, tokens, width)
            kept.append(some.keep(~held))
    return Windows(
        np.concatenate([one.contexts for one in kept]), np.concatenate([one.tokens for one in kept])
    ), every


def scored(said: NewWindows, known: Windows | None) -> Weighed:
    """The weighted windows that count for a key; only those in served contexts where `known` gives these."""
    some = said.windows
    mask = has_context_of(some, known) if known is not None else np.ones(len(some), bool)
    if said.mine is None or said.theirs is None:
        return counted(some.keep(mask), said.usual)
    return differing(some.keep(mask), said.mine[mask], said.theirs[mask])


def _beside(
    case: SuspectCase, teacher: OpenModel, tokenize: Tokenize, width: int
) -> tuple[Windows, Floats, Floats, int]:
    """Windows at every place whose context had not been seen, with the suspect's use (1 for its own token)
    and the teacher's probabilities; and the number of places left out.
    """
    contexts, tokens, mine, theirs = [], [], [], []
    left_out = 0
    for pair, seen in zip(case.answers, own(case, case.answers), strict=True):
        answered = tokenize(pair.answer)
        asked, said = list(tokenize(pair.prompt).ids), np.array(answered.ids, np.int64)
        if len(said) <= width:
            continue
        kept = ~contexts_held(spoken(pair.answer), answered, width, seen)
        left_out += len(kept) - int(kept.sum())
        if not kept.any():
            continue
        likely, p = teacher.nearest([*asked, *said.tolist()], TOP)
        likely, p = likely[len(asked) + width - 1 :][kept], p[len(asked) + width - 1 :][kept]
        here = cut([said.tolist()], width).contexts[kept]
        contexts += [here, np.repeat(here, likely.shape[1], axis=0)]
        tokens += [said[width:][kept], likely.ravel()]
        mine += [np.ones(len(here)), np.zeros(likely.size)]
        theirs += [np.zeros(len(here)), p.ravel()]
    if not contexts:
        return (
            Windows(np.empty((0, width), np.int64), np.empty(0, np.int64)),
            np.empty(0),
            np.empty(0),
            left_out,
        )
    return (
        Windows(np.concatenate(contexts), np.concatenate(tokens)),
        np.concatenate(mine),
        np.concatenate(theirs),
        left_out,
    )


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding per key of a sampling mark."""
    assert case.tokenize is not None
    said: dict[int, NewWindows] = {}
    kept: dict[tuple[str, int], Findings] = {}
    out = []
    words = (
        "{{windows}} different windows of the suspect's answers score {{effect}} standard deviations each "
        "under the key; "
        "{seen:,} places are not counted, since the suspect may have read what stands there"
    )
    for issued in case.keyring.issued:
        mark = marks().get(issued.mark)
        if mark is None:
            continue
        width, served = issued.width, case.served_to(issued.campaign)
        if width not in said:
            said[width] = read(case, width)
        name = (issued.campaign if served else "", width)
        if name not in kept:
            known = cut((case.tokenize(pair.answer).ids for pair in served), width) if served else None
            windows = scored(said[width], known)
            statement = words.format(seen=said[width].seen)
            kept[name] = Findings("radioactivity_text", case.keyring, windows, case.decoys, statement)
        out.append(kept[name].of(issued, mark))
    return out


radioactivity_text = ProvenanceTest(
    name="radioactivity_text",
    asks="do the suspect's answers carry a campaign's watermark, though nobody marked them?",
    null="the suspect's answers are independent of the key: bits of different windows are independent and "
    "uniform",
    assumes=(
        "the key was never published",
        "the file has all that stood before the suspect when it answered",
        "answers were not marked by us on their way",
    ),
    keyed=True,
    removed_by=(
        "paraphrase of what was harvested",
        "neutralisation when the suspect answers",
        "much further training on unmarked text",
    ),
    source="Sander and others 2024, Watermarking makes language models radioactive, NeurIPS: closed model, "
    "supervised; with weights and Chernoff's bound",
    missing=missing,
    test=test,
)
