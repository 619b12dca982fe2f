"""Do the members all work through the same list, as a class or an evaluation suite does?"""

from __future__ import annotations

import numpy as np

from stillwatch.signals.group_tests.work_queue import crowd, repeated
from stillwatch.signals.registry import Columns, Finding, Mask, group_test
from stillwatch.stats.codes import codes

FEWEST = 8
COMMON = 0.05


@group_test(
    family="purpose",
    rows=repeated,
    sample_null=crowd,
    measures="share of a member's exchanges whose text another given member sent too",
    null="none is tested: this speaks against a candidate only. Who divides a list does not repeat it, so above 5 % "
    "evenness of volumes is that of the list and is not counted",
    innocent=("a class with one assignment", "an evaluation suite that many run"),
    evaded_by="an operator who has every account send the same texts, at the price of paying for each many times",
    source="design, innocent look-alikes",
    reads=("observations.text_key",),
    alone=True,
)
def common_list(rows: Columns, member: Mask) -> Finding | None:
    account, item = np.asarray(rows["account"], np.int64)[member], np.asarray(rows["item"], np.int64)[member]
    size = codes(account)[1]
    volume = np.bincount(account, weights=np.asarray(rows["exchanges"], float)[member])
    sent = np.maximum(np.bincount(account), 1)
    exchanges = float((volume / sent).sum())
    if size < FEWEST or exchanges == 0:
        return None
    holders = np.bincount(codes(item[item != 0])[0]).astype(float)
    overlap = float((holders * (holders - 1)).sum()) / ((size - 1) * exchanges)
    if overlap <= COMMON:
        return None
    return Finding(
        log_e=0.0,
        value=f"{100 * overlap:.0f} %",
        accounts=size,
        exchanges=int(exchanges),
        statement=f"{100 * overlap:.0f} % of a member's exchanges have a text that any other given member sent too: they work "
        "through one list, and do not divide it",
        silences=("division", "load", "timing"),
    )
