"""Members and shared values as one CSV table."""

from __future__ import annotations

import csv as writer
from pathlib import Path

from stillwatch.export.content import read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import stamp, tlp_label

# Columns of the file, in order.
COLUMNS = (
    "campaign",
    "campaign_key",
    "campaign_kind",
    "kind",
    "value",
    "pseudonym",
    "probability",
    "confidence",
    "members",
    "others",
    "valid_from",
    "valid_until",
    "status",
    "marking",
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""First characters that a spreadsheet reads as the start of a formula (OWASP, CSV injection)."""


@exporter(
    title="CSV, one row a member and one a shared value, with probability and expiry", names_accounts=True
)
def csv(results: Path, out: Path, terms: Terms) -> None:
    """Write `indicators.csv`."""
    with (out / "indicators.csv").open("w", encoding="utf-8", newline="") as file:
        table = writer.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        for one in read_content(results, terms).campaigns:
            always = {
                "campaign": one.name,
                "campaign_key": one.key,
                "campaign_kind": one.kind,
                "valid_from": stamp(one.first_seen),
                "valid_until": stamp(one.expires),
                "status": one.status,
                "marking": tlp_label(terms.tlp),
            }
            for who in one.members:
                table.writerow(
                    always | {
                        "kind": "account", "value": cell(who.name), "pseudonym": who.pseudonym,
                        "probability": f"{who.probability:.4f}", "confidence": who.confidence,
                    }
                )  # fmt: skip
            for what, its in one.each(own=True):
                table.writerow(
                    always
                    | {
                        "status": its.status,
                        "kind": what.kind,
                        "value": cell(what.value),
                        "probability": f"{what.probability:.4f}",
                        "confidence": what.confidence,
                        "members": what.members,
                        "others": what.others,
                    }
                )


def cell(text: str) -> str:
    """The text, with an apostrophe in front where a spreadsheet would evaluate it."""
    return f"'{text}" if text.startswith(FORMULA) else text
