"""Which accounts send one system prompt?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="the keyed digest of the system prompt with its slots masked",
    innocent=("users of one open-source tool",),
    evaded_by="a system prompt of its own for every account",
    source="Anthropic, February 2026 (identical patterns)",
    reads=("observations.system_key",),
    graphs=("behaviour", "words", "client"),
    is_content=True,
)
def system_prompt(observations: ir.Table) -> ir.Value:
    """The digest of the system prompt; null where there is none."""
    return observations.system_key.nullif(0).cast("string")
