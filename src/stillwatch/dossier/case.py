"""Input of a dossier: the tables of one campaign in the form of a package, and what may be disclosed of its
members and values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stillwatch.claims.numbers import Number, number
from stillwatch.claims.statements import of_campaign
from stillwatch.errors import InputError, Problem, StateError, unknown
from stillwatch.export.content import ExportedCampaign, read_content
from stillwatch.export.terms import Terms
from stillwatch.package.alone import overview_of
from stillwatch.package.levels import KEPT, rows_of
from stillwatch.package.make import read_results

ATTRIBUTION = "attribution.json"  # file with the attribution of a campaign, where one was made
READABLE = frozenset(
    {"campaigns", "members", "evidence", "timeline", "hypotheses", "capabilities", "explanations", "glance"}
)
"""Tables that a dossier reads; prompts, links, leads and the quarantine are excluded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignCase:
    """One campaign: rows by table, without sentences, account names and shared values.

    Of `tables`, `overview` has one row about the whole scan. `mine` are the campaign's own rows; `shown` is
    what may be disclosed of members and values; `withheld` is the number of values that may not. `digest`
    identifies the results. `attribution` is the campaign's part of `attribution.json`; None without one.
    """

    name: str
    row: Mapping[str, Any]
    tables: Mapping[str, list[dict[str, Any]]]
    mine: Mapping[str, list[Mapping[str, Any]]]
    version: str
    digest: str
    shown: ExportedCampaign
    withheld: int
    attribution: Mapping[str, Any] | None

    def number(self, table: str, take: str, column: str = "", **more: Any) -> Number:  # noqa: ANN401
        """A number of this campaign (`claims.numbers.number`); raises `StateError` where the table does not
        give it.
        """
        more[_of(table)] = self.name
        one = number(self.tables, table, take, column, **more)
        if one is None:
            raise StateError(
                Problem(
                    fact=f"`{table}` of the results gives no `{column or take}` of `{self.name}`",
                    fix="stillwatch scan LOGS --out RESULTS",
                )
            )
        return one

    def maybe(self, table: str, take: str, column: str = "", **more: Any) -> Number | None:  # noqa: ANN401
        """A number of this campaign (`claims.numbers.number`); None where the table does not give it."""
        more[_of(table)] = self.name
        return number(self.tables, table, take, column, **more)


def _of(table: str) -> str:
    """The column of a table that names the campaign."""
    return "group_id" if table in ("explanations", "glance") else "campaign_id"


def read_case(results: Path, campaign: str, attribution: Path | None, producer: str) -> CampaignCase:
    """Read the case of a campaign.

    Args:
        results: the results folder.
        campaign: the campaign's id.
        attribution: folder or file of an attribution of these results; None without one.
        producer: name of the provider.

    Raises:
        StateError: where `results` is not a results folder or was changed since the scan.
        UsageError: for a campaign that does not exist.
        InputError: for an attribution of other results.
    """
    whole = read_results(results)
    names = whole.tables["campaigns"].column("campaign_id").to_pylist()
    if campaign not in names:
        raise unknown("campaign of these results", campaign, names)
    tables = {
        name: [
            {column: value for column, value in row.items() if column in KEPT}
            for row in rows_of(whole.tables[name])
        ]
        for name in sorted(READABLE & whole.tables.keys())
    }
    inputs = tuple(sorted(set(whole.manifest["inputs"].values())))
    of_scan = tables | {"overview": [overview_of(whole.overview, inputs)]}
    terms = Terms(with_accounts=False, producer=producer)
    content = read_content(results, terms)
    return CampaignCase(
        name=campaign,
        row=next(row for row in tables["campaigns"] if row["campaign_id"] == campaign),
        tables=of_scan,
        mine=of_campaign(tables, campaign),
        version=str(whole.manifest["version"]),
        digest=whole.digest,
        shown=next(one for one in content.campaigns if one.name == campaign),
        withheld=sum(one.campaign == campaign for one in content.withheld),
        attribution=None
        if attribution is None
        else _attributed(attribution, campaign, whole.outputs["campaigns.parquet"]),
    )


def _attributed(path: Path, campaign: str, digest: str) -> Mapping[str, Any]:
    """The campaign's part of `attribution.json`."""
    file = path / ATTRIBUTION if path.is_dir() else path
    try:
        whole = json.loads(file.read_bytes())
        of = whole["results"]["campaigns_sha256"]
        found = [one for one in whole["campaigns"] if one["campaign_id"] == campaign]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            Problem(
                fact=f"`{path}` is no attribution",
                where=str(file),
                found=type(error).__name__,
                expected=f"a folder with `{ATTRIBUTION}`",
                fix="stillwatch attribute RESULTS --actors FILE --out DIR",
            )
        ) from None
    if of != digest or not found:
        raise InputError(
            Problem(
                fact=f"`{path}` is an attribution of other results",
                where=str(file),
                expected=f"one that names `{campaign}` of these results",
                fix="stillwatch attribute RESULTS --actors FILE --out DIR",
            )
        )
    return dict(found[0])
