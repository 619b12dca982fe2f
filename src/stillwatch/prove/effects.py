"""Effect of a mark on a student trained on marked answers, as measured in the lab.

Effects are in standard deviations per window, by marked share of the training data; measured by `stillwatch
lab traces` (docs/methods/lab.md has the command and the models). Between the measured shares the effect is
proportional to the share, from the nearest lower one.
"""

from __future__ import annotations

from stillwatch.prove.power import Assumed

# Effect by mark, kind of access and share of marked answers in training.
MEASURED: dict[tuple[str, str], dict[float, float]] = {
    ("gumbel", "text"): {0.02: 0.0083, 0.05: 0.0466, 0.1: 0.0648, 0.5: 0.0459},
    ("gumbel", "text_beside_teacher"): {0.02: 0.0154, 0.05: 0.0684, 0.1: 0.0982, 0.5: 0.0692},
    ("gumbel", "open"): {0.02: 0.0022, 0.05: 0.0261, 0.1: 0.0291, 0.5: 0.0201},
    ("gumbel", "open_beside_teacher"): {0.02: 0.0359, 0.05: 0.1569, 0.1: 0.3085, 0.5: 0.2078},
}
ANSWERS = 20_000  # answers from which the lab's students learnt, marked and unmarked
SOURCE = "measured in the lab on models of half a million parameters"  # where the effects come from


def measured(mark: str, access: str, share: float, marked: int | None = None) -> Assumed | None:
    """The measured effect of a mark at a marked share of training; None where it was not measured.

    `access` is `open` (weights) or `text` (answers alone), each also with the suffix `_beside_teacher` (the
    teacher is available). `marked` is the number of marked answers that were served: where it is smaller than
    the share of the lab's `ANSWERS`, the effect is that of the share that so many were there, since a student
    that had fewer marked answers shows less of them, whatever their share.
    """
    some = MEASURED.get((mark, access))
    if not some:
        return None
    source = SOURCE
    known = share
    if marked is not None and marked < share * ANSWERS:
        known = marked / ANSWERS
        source = f"{SOURCE}, for {marked:,} marked answers"
    nearest = max((one for one in some if one <= known), default=min(some))
    return Assumed(share=share, effect=some[nearest] * known / nearest, source=source)
