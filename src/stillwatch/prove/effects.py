"""How strong a trace does a mark leave, as the lab measured it?

Standard deviations a window at a marked share of training, from `stillwatch lab traces`; see docs/methods/marks.md for
the command and the models. Between the shares that were measured, in proportion to the nearest lower one.
"""

from __future__ import annotations

from stillwatch.prove.power import Assumed

MEASURED: dict[tuple[str, str], dict[float, float]] = {}
SOURCE = "measured in the lab on models of half a million parameters"


def measured(mark: str, access: str, share: float) -> Assumed | None:
    """What the lab measured for a mark with open weights (`open`) or text alone (`text`), each also `_beside_teacher`; none where it did not."""
    some = MEASURED.get((mark, access))
    if not some:
        return None
    nearest = max((one for one in some if one <= share), default=min(some))
    return Assumed(share=share, effect=some[nearest] * share / nearest, source=SOURCE)
