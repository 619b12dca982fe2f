"""Which accounts send prompts that are nearly the same?"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="min-hash bands of the prompt",
    innocent=("a class with one assignment; popular questions; evaluation suites",),
    evaded_by="paraphrase that leaves fewer than half of the three-word runs",
    source="Broder 1997; Indyk and Motwani 1998",
    reads=(
        "observations.band_0",
        "observations.band_1",
        "observations.band_2",
        "observations.band_3",
        "observations.words",
    ),
    graphs=("behaviour", "words"),
    is_content=True,
    proposes_only=True,
)
def prompt_near_duplicate(observations: ir.Table) -> ir.Value:
    """The four band digests of the prompt; null for a prompt of fewer than 8 words."""
    return ibis.array(
        [(observations.words >= 8).ifelse(observations[f"band_{band}"], None) for band in range(4)]
    )
