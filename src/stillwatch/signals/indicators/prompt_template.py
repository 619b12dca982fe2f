"""Which accounts use one template, wherever it stands in the prompt?"""

from __future__ import annotations

import ibis.expr.types as ir

from stillwatch.signals.registry import indicator


@indicator(
    measures="winnowed four-word phrases of the prompt",
    innocent=("a framework, a tool or a form letter that many strangers use",),
    evaded_by="paraphrase of every phrase of the template",
    source="Schleimer, Wilkerson and Aiken 2003 (winnowing)",
    reads=("observations.phrases",),
    graphs=("behaviour", "words"),
    is_content=True,
)
def prompt_template(observations: ir.Table) -> ir.Value:
    """The digests of the prompt's phrases, as an array."""
    return observations.phrases
