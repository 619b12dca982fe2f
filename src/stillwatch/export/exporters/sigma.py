"""Sigma rules (specification 2.1): one base rule and one correlation rule for each shared value.

Fields are the columns of Stillwatch's `exchanges`. A correlation matches where at least `CROWD` accounts show
the value within a day, so that a single honest account with the value does not match.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from stillwatch.export.content import CROWD, ExportContent, ExportedCampaign, ExportedIndicator, read_content
from stillwatch.export.registry import exporter
from stillwatch.export.terms import Terms
from stillwatch.export.values import day, own_uuid

FIELDS = {
    "client_prefix": "client_ip|cidr",
    "signup_address": "client_ip",
    "tls_fingerprint": "tls_fingerprint",
    "user_agent": "user_agent",
}
"""Field of an exchange, with its Sigma modifier, for each kind of value that exchanges show."""
TIMESPAN = "1d"  # time within which a correlation rule counts
LEVELS = ((91, "high"), (50, "medium"), (0, "low"))
"""Smallest confidence (0 to 100) of each level."""
LOG_SOURCE = {"product": "stillwatch", "service": "exchanges"}  # `logsource` of every rule
# `falsepositives` of every rule.
FALSE_POSITIVES = ("Accounts of one organisation behind one address or with one program",)


@exporter(title="Sigma rules with correlations", names_accounts=False)
def sigma(results: Path, out: Path, terms: Terms) -> None:
    """Write `rules.yml`."""
    content = read_content(results, terms)
    rules = [
        rule
        for one in content.campaigns
        for what, its in one.each()
        if what.kind in FIELDS
        for rule in _rules(what, its, content)
    ]
    with (out / "rules.yml").open("w", encoding="utf-8") as file:
        yaml.safe_dump_all(rules, file, sort_keys=False, allow_unicode=True, explicit_start=True, width=1000)


def _rules(
    what: ExportedIndicator, one: ExportedCampaign, content: ExportContent
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The base rule and the correlation rule of an indicator."""
    name = own_uuid("sigma", content.terms.producer, one.key, what.kind, what.value)
    always = {
        "status": "deprecated" if one.is_revoked else "experimental",
        "author": content.terms.producer,
        "date": day(one.first_seen),
        "modified": day(one.modified),
        "tags": [
            f"tlp.{content.terms.tlp.replace('+', '-')}",
            *(f"atlas.{t.technique.lower()}" for t in one.techniques),
        ],
    }
    kind = what.kind.replace("_", " ")
    base = {
        "title": f"{kind} of {one.title}",
        "id": name,
        "name": f"stillwatch_{name.replace('-', '_')}",
        **always,
        "description": f"Valid until {day(one.expires)}. {what.members:,} members show the value, and "
        f"{what.others:,} other accounts.",
        "logsource": LOG_SOURCE,
        "detection": {"selection": {FIELDS[what.kind]: _value(what)}, "condition": "selection"},
        "falsepositives": list(FALSE_POSITIVES),
        "level": "informational",
    }
    correlation = {
        "title": f"Several accounts with the {kind} of {one.title}",
        "id": own_uuid("sigma correlation", name),
        **always,
        "description": f"Valid until {day(one.expires)}. Confidence {what.confidence} of 100.",
        "correlation": {
            "type": "value_count",
            "rules": [base["name"]],
            "timespan": TIMESPAN,
            "condition": {"field": "account_id", "gte": CROWD},
        },
        "falsepositives": list(FALSE_POSITIVES),
        "level": next(level for least, level in LEVELS if what.confidence >= least),
    }
    return base, correlation


def _value(what: ExportedIndicator) -> str:
    """The value with `*`, `?` and backslashes escaped for Sigma; CIDR ranges contain none of them."""
    return re.sub(r"[\\*?]", r"\\\g<0>", what.value)
