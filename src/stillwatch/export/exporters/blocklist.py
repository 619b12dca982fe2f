"""Values to block, one a line, with a score (0 to 1) and the date of expiry."""

from __future__ import annotations

from pathlib import Path

from stillwatch.export.content import read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import active, day, tlp_label

HEADER = "# value\tkind\tscore\texpires"  # first line of the list, with the names of its columns
UNBLOCKED = ("user_agent",)
"""Kinds that are not exported for blocking, since a sender can change them at no cost."""


@exporter(title="plain block list: value, kind, score and expiry, separated by tabs", names_accounts=True)
def blocklist(results: Path, out: Path, terms: Terms) -> None:
    """Write `blocklist.txt`."""
    content = read_content(results, terms)
    best: dict[tuple[str, str], tuple[float, str]] = {}
    unfit = 0
    for one in active(content.campaigns):
        expires = day(one.expires)
        entries = [(what.kind, what.value, what.confidence) for what in one.indicators]
        if terms.with_accounts:
            entries += [("account", who.name, who.confidence) for who in one.members]
        for kind, value, confidence in entries:
            place = (kind, value)
            if kind not in UNBLOCKED and is_plain(value):
                best[place] = max(best.get(place, (0.0, "")), (confidence / 100, expires))
            unfit += not is_plain(value)
    lines = [f"# {tlp_label(terms.tlp)}", HEADER]
    if unfit:
        lines.append(f"# left out, since they do not fit on a line: {unfit}")
    lines += [
        f"{value}\t{kind}\t{score:.2f}\t{expires}" for (kind, value), (score, expires) in sorted(best.items())
    ]
    (out / "blocklist.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def is_plain(value: str) -> bool:
    """Whether a value can be written on one line without being read as a comment or being changed by
    trimming.
    """
    return bool(value) and value.isprintable() and not value.startswith("#") and value == value.strip()
