"""A table on the page that compares campaigns and leads by the facts that distinguish a campaign from an
innocent group.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stillwatch.contract.table import TableRow
from stillwatch.report import wording
from stillwatch.report.reading import ResultTables
from stillwatch.report.trial import NOTHING_LOG10

MAX_CAMPAIGNS, MAX_LEADS = 4, 3  # groups that are compared; chosen: what fits the width of a page
MAX_NAMED = 3  # explanations that are named where several leave nothing; chosen
# least share of accounts with one value for which their number is given; below it, the number of different
# values is given; chosen
LEAST_SHARE_NAMED = 0.2
FEWEST_DAYS_IN_MONTHS = 91  # least days of an age that is given in months
DAYS_IN_MONTH = 30.4  # mean number of days


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFact:
    """One fact of one group.

    `speaks` is `for` or `against` one party's control, `neither`, or `unknown` where nothing is known.
    """

    words: str
    speaks: str = "neither"


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedGroup:
    """One group: its id on the page, name, kind, and facts in the order of `Comparison.rows`."""

    anchor: str
    name: str
    kind: str
    cells: Sequence[ComparedFact]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The groups compared; `more` is the number of groups left out."""

    rows: Sequence[str]
    columns: Sequence[ComparedGroup]
    more: int


def compare(results: ResultTables) -> Comparison | None:
    """The largest campaigns and the leads with the highest rank; None where there is neither, or no facts
    were written.
    """
    leads = sorted(
        results.tables["leads"].to_pylist() if "leads" in results.tables else (), key=lambda row: row["rank"]
    )
    some_campaigns, some_leads = results.campaigns[:MAX_CAMPAIGNS], leads[:MAX_LEADS]
    if not (some_campaigns or some_leads) or not ("common" in results.tables or "glance" in results.tables):
        return None
    groups = [
        (f"campaign-{i}", row["campaign_id"], row["kind"], row) for i, row in enumerate(some_campaigns, 1)
    ]
    groups += [(f"lead-{i}", row["lead_id"], "lead", row) for i, row in enumerate(some_leads, 1)]
    facts = {name: _facts(results, name, row) for _anchor, name, _kind, row in groups}
    rows = [words for words in ORDER if any(words in values for values in facts.values())]
    rows = (
        rows
        if len(rows) > len(ALWAYS)
        else [*rows, *_traits(results, [name for _anchor, name, _kind, _row in groups], facts)]
    )
    return Comparison(
        rows=rows,
        columns=[
            ComparedGroup(
                anchor=anchor,
                name=name,
                kind=kind,
                cells=[
                    facts[name].get(words, ComparedFact(words="not known", speaks="unknown"))
                    for words in rows
                ],
            )
            for anchor, name, kind, _row in groups
        ],
        more=len(results.campaigns) + len(leads) - len(groups),
    )


def _facts(results: ResultTables, name: str, row: TableRow) -> dict[str, ComparedFact]:
    """The facts of one group, by title of their row."""
    speaks = {one["trait"]: one["speaks"] for one in results.rows("glance", name) or ()}
    facts = {
        "accounts": ComparedFact(words=wording.count(row["accounts"])),
        "exchanges": ComparedFact(words=wording.count(row["exchanges"])),
    }
    for one in results.rows("common", name) or ():
        if one["trait"] in WORDS:
            title, said = WORDS[one["trait"]]
            facts[title] = ComparedFact(words=said(one), speaks=_speaks(one, speaks))
    if "most of the activity" in facts:
        facts.setdefault("texts that they share", ComparedFact(words="none"))
    facts["nearest innocent explanation"] = ComparedFact(words=_nearest(results, name, row))
    facts["what that leaves unexplained"] = _remains(results, name, row)
    return facts


def _traits(
    results: ResultTables, names: Sequence[str], facts: Mapping[str, dict[str, ComparedFact]]
) -> list[str]:
    """Titles of rows from the first facts, for folders whose scan did not write `common`; adds the cells to
    `facts`.
    """
    traits: dict[str, None] = {}
    for name in names:
        for one in results.rows("glance", name) or ():
            traits[wording.spaced(one["trait"])] = None
            facts[name][wording.spaced(one["trait"])] = ComparedFact(
                words=wording.prose(one["statement"]), speaks=one["speaks"]
            )
    return list(traits)


def _speaks(one: TableRow, speaks: Mapping[str, str]) -> str:
    """Direction of a trait in the first facts; `neither` where these lack it."""
    return speaks.get(one["trait"], "neither")


def _nearest(results: ResultTables, name: str, row: TableRow) -> str:
    """The nearest explanation. Where several leave nothing, those whose marks the fewest accounts carry, as
    the most specific ones, and the number of the others.
    """
    if not row["explanation"]:
        return "none was tried"
    enough = [one for one in results.rows("explanations", name) or () if one["log10_e"] < NOTHING_LOG10]
    if len(enough) < 2:
        return wording.spaced(str(row["explanation"]))
    order = sorted(enough, key=lambda one: (one["marked"], one["explanation"] != row["explanation"]))
    first = [wording.spaced(str(one["explanation"])) for one in order[:MAX_NAMED]]
    more = len(enough) - len(first)
    return f"{', '.join(first)}, and {wording.count(more)} more" if more else wording.listed(first)


def _remains(results: ResultTables, name: str, row: TableRow) -> ComparedFact:
    """The evidence that the nearest explanation leaves, by which a group is a campaign or a lead."""
    tried = {one["explanation"]: one["log10_e"] for one in results.rows("explanations", name) or ()}
    log10 = tried.get(row["explanation"], row.get("log10_e"))
    if log10 is None:
        return ComparedFact(words="not known", speaks="unknown")
    if log10 < NOTHING_LOG10:
        return ComparedFact(words="nothing", speaks="against")
    return ComparedFact(words=f"{wording.odds(log10)}", speaks="for" if "campaign_id" in row else "against")


def _cards(one: TableRow) -> str:
    """How many different cards accounts have, as text."""
    if one["different"] == one["known"]:
        return f"{_of(one['different'], one['known'])} different"
    return f"{wording.counted(one['different'], 'card')} for {wording.counted(one['known'], 'account')}"


def _one(one: TableRow) -> str:
    """Number of accounts with the most frequent value where it reaches `LEAST_SHARE_NAMED`, else the number
    of different values.
    """
    if one["most"] >= LEAST_SHARE_NAMED * one["known"] and one["most"] > 1:
        return f"{wording.part(one['most'], one['known'])} share one"
    return f"{_of(one['different'], one['known'])} different"


def _of(some: int, whole: int) -> str:
    """Some of a whole, as text."""
    return f"{wording.count(some)} of {wording.count(whole)}"


def _texts(one: TableRow) -> str:
    """How many texts are sent by many accounts, as text."""
    if one["different"]:
        return f"{wording.counted(one['different'], 'text')} sent by half or more"
    return f"at most {wording.count(one['most'])} sent the same"


def _span(one: TableRow) -> str:
    """The days within which accounts were created, as text."""
    return f"within {wording.counted(round(one['high_days']), 'day')}"


def _age(one: TableRow) -> str:
    """The age of accounts, in days or months, as text."""
    unit, words = (1.0, "day") if one["high_days"] < FEWEST_DAYS_IN_MONTHS else (DAYS_IN_MONTH, "month")
    low, high = round(one["low_days"] / unit), round(one["high_days"] / unit)
    return wording.counted(high, words) if low == high else f"{low} to {wording.counted(high, words)}"


def _nights(one: TableRow) -> str:
    """How many accounts rest at night, as text."""
    return f"{wording.part(one['most'], one['known'])} rest at night"


def _owners(one: TableRow) -> str:
    """How many accounts have a declared owner in common, as text."""
    if one["different"] == one["known"]:
        return "none in common"
    return f"{wording.counted(one['different'], 'owner')} of {wording.counted(one['known'], 'account')}"


WORDS: Mapping[str, tuple[str, Callable[[TableRow], str]]] = {
    "client_prefix": ("address range", _one),
    "asn": ("network (AS)", _one),
    "email_domain": ("mail domain", _one),
    "span": ("most of the activity", _span),
    "texts": ("texts that they share", _texts),
    "payment_fingerprint": ("payment cards", _cards),
    "signup_address": ("sign-up addresses", _one),
    "age": ("age of the accounts", _age),
    "nights": ("who rests at night", _nights),
    "user_agent": ("client program", _one),
    "owner": ("declared owners", _owners),
}
"""Title of each trait's row, and the function that words its cell; in the order of the rows."""
# Rows that every comparison has.
ALWAYS = ("accounts", "exchanges", "nearest innocent explanation", "what that leaves unexplained")
# All rows of a comparison, in order.
ORDER = (*ALWAYS[:2], *(title for title, _said in WORDS.values()), *ALWAYS[2:])
