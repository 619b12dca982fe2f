"""The classes `Results` and `Campaign`: tables of a results folder, and their display in a notebook."""

from __future__ import annotations

import html
import shutil
import tempfile
from collections.abc import Collection
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

import pyarrow.compute as pc

from stillwatch.contract import results as contract
from stillwatch.contract.table import TableSchema
from stillwatch.errors import unknown
from stillwatch.export.registry import export
from stillwatch.export.terms import VALID_DAYS, Terms, Tlp
from stillwatch.library.table import Table
from stillwatch.report import page
from stillwatch.report.cards import CampaignCard, card, cards, verdict
from stillwatch.report.reading import ResultTables as Folder
from stillwatch.report.reading import read
from stillwatch.results.folder import TABLES, check_results, read_json, read_table

# Attributes of the frame in which a notebook shows a page.
FRAME = 'style="width:100%;height:40em;border:1px solid #ccc" sandbox="allow-scripts"'
PART_OF_CAMPAIGN = {
    "members": contract.MEMBERS, "exchanges": contract.ATTRIBUTED, "evidence": contract.EVIDENCE,
    "timeline": contract.TIMELINE, "links": contract.LINKS, "hypotheses": contract.HYPOTHESES,
    "claims": contract.CLAIMS, "capabilities": contract.SOUGHT, "explanations": contract.EXPLANATIONS,
    "glance": contract.GLANCE,
}  # fmt: skip
"""Tables with rows of single campaigns, keyed by the attribute of `Campaign` that returns them."""


class Results:
    """The results of one scan.

    Tables are attributes of type `Table`. `scan(..., out=None)` writes results to a temporary folder, which
    is removed when this object is closed or garbage-collected; `save` copies them to another folder.

    The constructor raises `StateError` where `folder` is no results folder.

    Example:
        >>> import stillwatch
        >>> result = stillwatch.open_results("results/")
        >>> result.campaigns.to_pandas()["campaign_id"].tolist()
        ['C1']
    """

    def __init__(self, folder: Path, owned: tempfile.TemporaryDirectory[str] | None = None) -> None:
        check_results(folder)
        self.folder = folder
        self._owned = owned

    @cached_property
    def campaigns(self) -> Table:
        """One row for each campaign, the largest first."""
        return self.table("campaigns")

    @cached_property
    def members(self) -> Table:
        """One row for each account of each campaign, with its probability of membership."""
        return self.table("members")

    @cached_property
    def evidence(self) -> Table:
        """One row for each piece of evidence of each campaign, with its `log10_likelihood_ratio` and a
        sentence.
        """
        return self.table("evidence")

    @cached_property
    def exchanges(self) -> Table:
        """One row for each exchange that is attributed to a campaign."""
        return self.table("exchanges")

    @cached_property
    def leads(self) -> Table:
        """One row for each suspicious group that an innocent explanation fits as well, in descending order
        of what is at stake.
        """
        return self.table("leads")

    def table(self, name: str) -> Table:
        """A table of the folder by name, such as `timeline`. Raises `UsageError` for an unknown name and
        `StateError` for a missing or damaged file.
        """
        schema = next((one for one in TABLES if one.name == name), None)
        if schema is None:
            raise unknown("table of results", name, [one.name for one in TABLES])
        return self._read(schema)

    @cached_property
    def overview(self) -> dict[str, Any]:
        """Contents of `overview.json`: counts, signals used, signals not used with the reason, and inputs."""
        return read_json(self.folder, "overview.json")

    @property
    def report(self) -> Path:
        """Path of the report, `report.html`."""
        return self.folder / page.NAME

    def campaign(self, name: str) -> Campaign:
        """The campaign called `name`, such as `C1`. Raises `UsageError` for a name that is not in
        `campaigns`.
        """
        return Campaign(self, name)

    def save(self, folder: str | Path) -> Results:
        """Copy the results into the new folder `folder`; returns the results there. Raises
        `FileExistsError` where it exists.
        """
        target = Path(folder)
        shutil.copytree(self.folder, target)
        return Results(target)

    def export(
        self,
        name: str,
        out: str | Path,
        *,
        with_accounts: bool | None = None,
        tlp: Tlp = "amber+strict",
        valid_days: int = VALID_DAYS,
        revoke: Collection[str] = (),
        producer: str = "unnamed provider",
    ) -> list[Path]:
        """Write the results to the new folder or file `out` with the exporter called `name`, such as `stix`;
        returns the paths of the files.

        The other arguments are the options of `stillwatch export`. Raises `UsageError` for an unknown
        exporter, for an invalid argument, and where `out` exists.
        """
        terms = Terms(
            with_accounts=with_accounts,
            tlp=tlp,
            valid_days=valid_days,
            revoked=frozenset(revoke),
            producer=producer,
        )
        return export(self.folder, name, Path(out), terms)

    def close(self) -> None:
        """Remove the temporary folder of these results; does nothing where they lie in another folder."""
        if self._owned is not None:
            self._owned.cleanup()

    def __enter__(self) -> Results:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @cached_property
    def page_data(self) -> Folder:
        """Contents of the folder as the report reads them."""
        return read(self.folder)

    def _read(self, schema: TableSchema) -> Table:
        """A table of the results, in its order."""
        rows = read_table(self.folder, schema)
        if schema is contract.CAMPAIGNS:
            rows = rows.sort_by([("exchanges", "descending"), ("campaign_id", "ascending")])
        if schema is contract.LEADS:
            rows = rows.sort_by("rank")
        return Table(schema.name, rows)

    def __repr__(self) -> str:
        found, _meaning = verdict(self.page_data, cards(self.page_data))
        return f"{found}\n{self.report}"

    def _repr_html_(self) -> str:
        """What a notebook shows: the verdict and the table of campaigns."""
        found, meaning = verdict(self.page_data, cards(self.page_data))
        return (
            f"<p><b>{html.escape(found)}</b></p><p>{html.escape(meaning)}</p>{self.campaigns._repr_html_()}"
        )


class Campaign:
    """One campaign of the results.

    `facts` holds its row of `campaigns` and derived values. Its rows of the other tables are attributes:
    `members`, `exchanges`, `evidence`, `timeline`, `links`, `hypotheses`, `claims`, `capabilities`,
    `explanations`, `glance`. A notebook shows the campaign's card of the report.

    The constructor raises `UsageError` where `results` have no campaign called `name`.

    Example:
        >>> import stillwatch
        >>> campaign = stillwatch.open_results("results/").campaign("C1")
        >>> campaign.facts["kind"]
        'harvest'
        >>> len(campaign.members) == campaign.facts["accounts"]
        True
    """

    def __init__(self, results: Results, name: str) -> None:
        rows = {row["campaign_id"]: row for row in results.page_data.campaigns}
        if name not in rows:
            raise unknown("campaign of these results", name, rows)
        self.name = name
        self._results = results
        self._card: CampaignCard = card(results.page_data, rows[name], "campaign")

    @property
    def facts(self) -> dict[str, Any]:
        """The campaign's row of `campaigns`, with `meaning` (of its kind, as text), `days` (from first to
        last exchange) and `share_before` (share of its exchanges before `detected_at`, 0 to 1; None where
        `detected_at` is null or no timeline was written).
        """
        one = self._card
        return {**one.row, "meaning": one.meaning, "days": one.days, "share_before": one.share_before}

    @property
    def nearest_explanation(self) -> dict[str, Any] | None:
        """The innocent explanation that fits the campaign best, with the evidence that it cannot produce;
        None where the results have no row of `explanations` for the campaign.
        """
        one = self._card.nearest
        return None if one is None else {key: value for key, value in asdict(one).items() if key != "bar"}

    def table(self, name: str) -> Table:
        """The campaign's rows of the table `name`. Raises `UsageError` for a name that is not in
        `PART_OF_CAMPAIGN`.
        """
        if name not in PART_OF_CAMPAIGN:
            raise unknown("table of a campaign", name, PART_OF_CAMPAIGN)
        rows = self._results.table(PART_OF_CAMPAIGN[name].name).to_arrow()
        key = "group_id" if "group_id" in rows.column_names else "campaign_id"
        return Table(name, rows.filter(pc.equal(rows[key], self.name)))

    @property
    def members(self) -> Table:
        """The campaign's accounts, in descending order of membership probability."""
        rows = self.table("members").to_arrow()
        order = [("score", "descending"), ("exchanges", "descending"), ("account_id", "ascending")]
        return Table("members", rows.sort_by(order))

    @property
    def exchanges(self) -> Table:
        """The exchanges that are attributed to the campaign."""
        return self.table("exchanges")

    @property
    def evidence(self) -> Table:
        """The campaign's evidence, in descending order of `log10_likelihood_ratio`."""
        return Table(
            "evidence", self.table("evidence").to_arrow().sort_by([("log10_likelihood_ratio", "descending")])
        )

    @property
    def timeline(self) -> Table:
        """Exchanges and evidence of the campaign by hour."""
        return self.table("timeline")

    @property
    def links(self) -> Table:
        """Values that the campaign's accounts share, such as an address or a payment fingerprint."""
        return self.table("links")

    @property
    def hypotheses(self) -> Table:
        """Rival hypotheses on the campaign's purpose."""
        return self.table("hypotheses")

    @property
    def claims(self) -> Table:
        """Claims about the campaign, each with its grounds."""
        return self.table("claims")

    @property
    def capabilities(self) -> Table:
        """Exchanges and tokens of the campaign by capability (the kind of answer that prompts ask for)."""
        return self.table("capabilities")

    @property
    def explanations(self) -> Table:
        """Every innocent explanation that was tried, with the evidence that it cannot produce; the one that
        fits best is first.
        """
        rows = self.table("explanations").to_arrow()
        return Table("explanations", rows.sort_by([("log10_e", "ascending"), ("explanation", "ascending")]))

    @property
    def glance(self) -> Table:
        """Counts that a reader can check by hand; `speaks` says whether each is for or against control of
        the accounts by one operator.
        """
        return self.table("glance")

    def __repr__(self) -> str:
        row = self._card.row
        return (
            f"{self.name}: {row['kind']}, {row['accounts']:,} accounts, {row['exchanges']:,} exchanges, "
            f"q {row['q_value']:.1g}"
        )

    def _repr_html_(self) -> str:
        """The campaign's card of the report, in an iframe, so that styles of notebook and card do not mix."""
        return (
            f"<iframe {FRAME} "
            f'srcdoc="{html.escape(page.render_campaign(self._results.page_data, self._card))}"></iframe>'
        )


def open_results(folder: str | Path) -> Results:
    """The results of an earlier scan. Raises `StateError` where `folder` is no results folder.

    Example:
        >>> import stillwatch
        >>> for campaign in stillwatch.open_results("results/").campaigns:
        ...     print(campaign["campaign_id"], campaign["kind"])
        C1 harvest
    """
    return Results(Path(folder))
