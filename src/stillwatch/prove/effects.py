"""Effect of a mark on a student trained on marked answers, as measured in the lab.

Effects are in standard deviations per window, by marked share of the training data; the lowest that any of
the lab's students showed (docs/methods/prove.md and docs/methods/lab.md have the commands and the models). A
refutation says that a student would have shown at least this. Between two measured shares the lower effect
of both is assumed, below the least share an effect in proportion to it, and above the largest none.
"""

from __future__ import annotations

from stillwatch.prove.power import Assumed

# Effect by mark, kind of access and share of marked answers in training. With text, places that the suspect
# may have read are left out, as they are in a verdict.
MEASURED: dict[tuple[str, str], dict[float, float]] = {
    ("gumbel", "text"): {0.1: 0.0285},
    ("gumbel", "text_beside_teacher"): {0.1: 0.0463},
    ("gumbel", "open"): {0.02: 0.0022, 0.05: 0.0261, 0.1: 0.0291, 0.5: 0.0201},
    ("gumbel", "open_beside_teacher"): {0.02: 0.0359, 0.05: 0.1569, 0.1: 0.3085, 0.5: 0.2078},
}
ANSWERS = 20_000  # answers from which the lab's students learnt, marked and unmarked
SOURCE = "the lowest of the lab's students of half a million parameters"  # where the effects come from
GIVEN = "given on the command line"  # where an effect comes from that the user states


def measured(mark: str, access: str, share: float, marked: int | None = None) -> Assumed | None:
    """The effect of a mark at a marked share of training; None where it was not measured.

    `access` is `open` (weights) or `text` (answers alone), each also with the suffix `_beside_teacher` (the
    teacher is available). `marked` is the number of marked answers that were served: where it is smaller than
    the share of the lab's `ANSWERS`, the effect is that of the share that so many were there, since a student
    that had fewer marked answers shows less of them, whatever their share.
    """
    some = MEASURED.get((mark, access), {})
    source = SOURCE
    known = share
    if marked is not None and marked < share * ANSWERS:
        known = marked / ANSWERS
        source = f"{SOURCE}, for {marked:,} marked answers"
    above = min((one for one in some if one >= known), default=None)
    if above is None:
        return None
    below = max((one for one in some if one <= known), default=None)
    effect = some[above] * known / above if below is None else min(some[below], some[above])
    return Assumed(share=share, effect=effect, source=source)
