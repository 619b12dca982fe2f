"""Whether the suspect prefers answers that were served to twins that were not."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.finding import SuspectFinding, signed
from stillwatch.prove.likeness import likeness
from stillwatch.prove.registry import ProvenanceTest
from stillwatch.prove.seen import TextBefore, own, words


def missing(case: SuspectCase) -> str:
    """What the case lacks; "" where nothing.

    The test needs twins (for a prompt, the answer that was served and one drawn in the same way and kept
    back), and the suspect's weights or answers.
    """
    if not any(pair.unserved for pair in case.served):
        return "unserved twins of served answers"
    if case.model is None and not case.answers:
        return "the suspect's weights or its answers"
    return ""


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding: signed ranks of the difference between served answer and twin.

    The difference is in log-likelihood with the suspect's weights, else in likeness to the suspect's
    answer.
    """
    twins = [pair for pair in case.served if pair.unserved and pair.unserved != pair.answer]
    if case.model is not None:
        model = case.model
        gaps = np.array([
            model.log_likelihood(pair.prompt, pair.answer) - model.log_likelihood(pair.prompt, pair.unserved)
            for pair in twins
        ])  # fmt: skip
        how = "likelier under the suspect's weights"
    else:
        said = {
            pair.prompt: (pair, seen)
            for pair, seen in zip(case.answers, own(case, case.answers), strict=True)
        }
        twins = [pair for pair in twins if pair.prompt in said and not said[pair.prompt][1].is_unread]
        gaps = np.array([_nearer(*said[pair.prompt], pair) for pair in twins])
        how = "nearer to the suspect's answer"
    gaps = gaps[gaps != 0]
    log_p, log_e = signed(rankdata(np.abs(gaps)), np.sign(gaps)) if len(gaps) else (0.0, 0.0)
    share = float(np.mean(gaps > 0)) if len(gaps) else 0.5
    return [
        SuspectFinding(
            test="dataset_inference",
            subject="what was served",
            keyed=True,
            units=len(gaps),
            effect=2 * share - 1,
            log10_p=log_p / np.log(10),
            log_e=log_e,
            statement=f"of {len(gaps):,} twins, the answer that was served is {how} in {100 * share:.1f} %",
        )
    ]


def _nearer(said: PromptAnswer, seen: TextBefore, twin: PromptAnswer) -> float:
    """Likeness of the suspect's answer to the served answer minus that to its twin, without runs of words
    that the suspect had before it.
    """
    answer = words(said.answer)
    again = {word for word, is_repeated in zip(answer, seen.repeats(answer), strict=True) if is_repeated}

    def was_read(run: tuple[str, ...]) -> bool:
        """Whether the run of words stands in the prompt or the answer before it, or was seen elsewhere."""
        some = words(" ".join(run))
        return not again.isdisjoint(some) or seen.holds(some)

    return likeness(said.answer, twin.answer, was_read) - likeness(said.answer, twin.unserved, was_read)


dataset_inference = ProvenanceTest(
    name="dataset_inference",
    asks="does the suspect prefer answers that were served to twins drawn alike and never sent?",
    null="which of two answers drawn alike was sent was our coin: for who saw neither, each sign is fair",
    assumes=(
        "twins were drawn by the same sampler, under the same mark or none, and a coin chose which was sent",
    ),
    keyed=True,
    removed_by=(
        "paraphrase of what was harvested, in part",
        "few passes over much data: single answers are hardly remembered",
    ),
    source="Maini and others 2021, Dataset inference; twins as in STAMP (2504.13416); signed ranks with "
    "Chernoff's bound (Wilcoxon 1945)",
    missing=missing,
    test=test,
)
