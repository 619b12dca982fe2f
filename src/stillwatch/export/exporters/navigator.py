"""A layer of the ATLAS Navigator: techniques that the campaigns show, coloured by confidence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stillwatch.export import atlas
from stillwatch.export.content import CONFIDENCE, ExportedCampaign, read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import active, day, json_bytes, tlp_label

VERSIONS = {"layer": "4.3", "navigator": "4.6.4"}
"""Format of the layers that MITRE ships for ATLAS."""
DOMAIN = "atlas-atlas"  # name of the ATLAS matrix in the ATT&CK Navigator


@exporter(title="layer of the ATLAS and ATT&CK Navigator", names_accounts=False)
def navigator(results: Path, out: Path, terms: Terms) -> None:
    """Write `layer.json`."""
    content = read_content(results, terms)
    shown = active(content.campaigns)
    layer = {
        "name": "Model extraction campaigns",
        "description": f"Techniques that {len(shown)} campaign{'' if len(shown) == 1 else 's'} of "
        f"{terms.producer} show.",
        "versions": VERSIONS,
        "domain": DOMAIN,
        "techniques": _techniques(shown),
        "gradient": {"colors": ["#ffffff", "#c8e6c9"], "minValue": 0, "maxValue": CONFIDENCE},
        "metadata": [
            {"name": "atlas_data_version", "value": atlas.VERSION},
            {"name": "marking", "value": tlp_label(terms.tlp)},
            *({"name": f"valid until, {one.title}", "value": day(one.expires)} for one in shown),
            *({"name": "revoked", "value": one.title} for one in content.campaigns if one.is_revoked),
        ],
    }
    (out / "layer.json").write_bytes(json_bytes(layer))


def _techniques(shown: list[ExportedCampaign]) -> list[dict[str, Any]]:
    """One entry for each technique, with the highest confidence of the campaigns that show it; and one for
    each parent of a sub-technique, which expands it in the Navigator.
    """
    found: dict[str, dict[str, Any]] = {}
    for one in shown:
        for technique in one.techniques:
            if technique.parent_name:
                found.setdefault(
                    technique.parent,
                    {"techniqueID": technique.parent, "tactic": technique.tactic, "showSubtechniques": True},
                )
            entry = found.setdefault(
                technique.technique,
                {
                    "techniqueID": technique.technique,
                    "tactic": technique.tactic,
                    "score": 0,
                    "comment": "",
                    "enabled": True,
                },
            )
            entry["score"] = max(entry["score"], one.confidence)
            entry["comment"] = "\n".join(part for part in (entry["comment"], one.title) if part)
    return [found[name] for name in sorted(found)]
