"""What a campaign obtained: exchanges and tokens by capability, their price, and a student's possible gain.

Three kinds of number are kept apart. *Measured*: exchanges and tokens of a results folder, with the
interval of the campaign's count. *Computed*: their price under list prices that are shown. *Estimated*: a
student's gain, from a curve measured in the lab or from published runs, as an interval for a new run and
with its assumptions; never a single number.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem, UsageError
from stillwatch.report.reading import read


@dataclass(frozen=True, slots=True)
class PublishedRun:
    """A published distillation: exchanges in its training set, the student's points (0 to 100), its name
    and its source.
    """

    exchanges: int
    points: float
    what: str
    source: str


# Students of about seven billion parameters on AIME 2024; results with other sizes, recipes and benchmarks
# differ by tens of points.
PUBLISHED: tuple[PublishedRun, ...] = (
    PublishedRun(17_000, 20.0, "Bespoke-Stratos-7B", "bespokelabs.ai, January 2025"),
    PublishedRun(114_000, 31.3, "OpenThinker-7B", "Guha and others 2025, OpenThoughts, arXiv 2506.04178"),
    PublishedRun(800_000, 55.5, "R1-Distill-Qwen-7B", "DeepSeek-AI 2025, arXiv 2501.12948"),
    PublishedRun(1_000_000, 50.7, "OpenThinker2-7B", "Guha and others 2025, arXiv 2506.04178"),
    PublishedRun(1_200_000, 69.0, "OpenThinker3-7B", "Guha and others 2025, arXiv 2506.04178"),
)
REASONING = ("reasoning", "coding")  # capabilities whose exchanges are compared with published runs
LEFT_OUT = (
    "discounts, cached and batch prices",
    "exchanges that are not attributed to the campaign, and those of leads",
    "the campaign's own cost of accounts and the provider's cost of serving",
    "what the answers are worth to whoever trains on them",
)
"""What the figure in dollars leaves out; printed with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """Dollars per million tokens read and written; `source` names the price list."""

    read: float
    written: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """Values assumed where the log has none.

    `input_tokens` and `output_tokens` are per exchange; `used` is the least and the greatest share of the
    answers that a student was trained on, both in [0, 1]. Raises `UsageError` where `used` is not an
    interval within [0, 1].
    """

    input_tokens: float
    output_tokens: float
    used: tuple[float, float]

    def __post_init__(self) -> None:
        """Check the interval."""
        low, high = self.used
        if not 0 <= low <= high <= 1:
            swapped = f"--used {high:g} {low:g}" if 0 <= high <= low <= 1 else "--used 0.1 1"
            raise UsageError(
                Problem(
                    fact="`--used` is no interval of shares",
                    found=f"{low:g} to {high:g}",
                    expected="the least share, then the greatest, from 0 to 1",
                    fix=f"stillwatch taken RESULTS {swapped}",
                )
            )


def taken(results: Path, prices: Prices, assumed: Assumptions, curve: Path | None = None) -> dict[str, Any]:
    """What each campaign of a results folder obtained, as JSON; `lines` puts it into sentences.

    Args:
        results: the results folder.
        prices: dollars per million tokens.
        assumed: values where the log has none.
        curve: `curve.json` of `stillwatch lab curve`; None leaves the gain by the lab's curve out.

    Raises:
        StateError: for a results folder with a missing or damaged file.
        InputError: for a file that is not an extraction curve.
    """
    folder = read(results)
    lab = _curve(curve) if curve else None
    rows = _capabilities(results)
    campaigns = []
    for campaign in folder.campaigns:
        name = campaign["campaign_id"]
        mine = [row for row in rows if row["campaign_id"] == name]
        scale = (
            campaign["exchanges_low"] / max(campaign["exchanges"], 1),
            campaign["exchanges_high"] / max(campaign["exchanges"], 1),
        )
        parts = [
            _part(row, scale, prices, assumed, lab) for row in sorted(mine, key=lambda row: -row["exchanges"])
        ]
        campaigns.append(
            {
                "campaign_id": name,
                "kind": campaign["kind"],
                "exchanges": campaign["exchanges"],
                "exchanges_low": campaign["exchanges_low"],
                "exchanges_high": campaign["exchanges_high"],
                "tokens": sum(one["input_tokens"] + one["output_tokens"] for one in parts),
                "usd_low": sum(one["usd_low"] for one in parts),
                "usd_high": sum(one["usd_high"] for one in parts),
                "capabilities": parts,
                "published": _published(
                    sum(row["exchanges"] for row in mine if row["capability"] in REASONING),
                    scale,
                    assumed.used,
                ),
            }
        )
    return {
        "results": results.name,
        "prices": asdict(prices),
        "assumed": asdict(assumed),
        "campaigns": campaigns,
        "left_out": list(LEFT_OUT),
        "curve": None
        if lab is None
        else {"way": lab["way"], "from": min(lab["points"])[0], "to": max(lab["points"])[0]},
        "runs": [asdict(run) for run in PUBLISHED],
    }


def _capabilities(results: Path) -> list[dict[str, Any]]:
    """The rows of the table `capabilities`."""
    table = pq.read_table(results / "capabilities.parquet")
    return table.to_pylist()


def _part(
    row: Mapping[str, Any],
    scale: tuple[float, float],
    prices: Prices,
    assumed: Assumptions,
    lab: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What one capability's exchanges are worth: tokens, money, and the gain of a student."""
    n = row["exchanges"]
    counted = row.get("input_tokens") is not None and row.get("output_tokens") is not None
    input_tokens = row["input_tokens"] if counted else round(n * assumed.input_tokens)
    output_tokens = row["output_tokens"] if counted else round(n * assumed.output_tokens)
    usd = (input_tokens * prices.read + output_tokens * prices.written) / 1e6
    return {
        "capability": row["capability"],
        "exchanges": n,
        "exchanges_low": round(n * scale[0]),
        "exchanges_high": round(n * scale[1]),
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "tokens": "counted" if counted else "assumed",
        "usd": usd,
        "usd_low": usd * scale[0],
        "usd_high": usd * scale[1],
        "gap_closed": _gap(lab, n, scale, assumed.used) if lab else None,
    }


def _curve(path: Path) -> dict[str, Any]:
    """The extraction curve of `stillwatch lab curve`: a student's share of the teacher's accuracy (low,
    value, high) by number of answers.
    """
    try:
        whole = json.loads(path.read_text(encoding="utf-8"))
        rows = [row for row in whole["rows"] if row["capability"] == "all"]
        ways = {row["way"] for row in rows}
        way = "reasoning" if "reasoning" in ways else sorted(ways)[0]
        points = sorted(
            (
                row["answers"],
                *(row["accuracy"][end] / row["teacher"]["value"] for end in ("low", "value", "high")),
            )
            for row in rows
            if row["way"] == way
        )
        if not points:
            raise ValueError("no rows over all capabilities")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            Problem(
                fact="this is no extraction curve",
                where=str(path),
                found=str(error),
                expected="curve.json of `stillwatch lab curve`",
            )
        ) from None
    return {"way": way, "points": points}


def _gap(
    lab: Mapping[str, Any], n: int, scale: tuple[float, float], used: tuple[float, float]
) -> dict[str, Any]:
    """Interval of the share of the teacher's accuracy that a student reaches with the fewest to the most
    answers it may have used.

    `beyond` says that these numbers lie outside the curve, whose ends are then used.
    """
    points = np.array(lab["points"], float)
    x = np.log(points[:, 0])
    at = np.log(np.maximum([n * scale[0] * used[0], n * scale[1] * used[1]], 1.0))
    low = float(np.interp(at[0], x, points[:, 1]))
    high = float(np.interp(at[1], x, points[:, 3]))
    return {
        "low": min(max(low, 0.0), 1.0),
        "high": min(max(high, 0.0), 1.0),
        "beyond": bool(at[1] > x[-1] or at[0] < x[0]),
    }


def _published(n: int, scale: tuple[float, float], used: tuple[float, float]) -> dict[str, Any] | None:
    """90 % prediction interval of the points of a new run with a student of seven billion parameters; None
    for no exchanges.

    It comes from the regression of the published runs' points on log10 of exchanges, at both ends of the
    number that may have been used.
    """
    from scipy.stats import t

    if not n:
        return None
    x = np.log10([run.exchanges for run in PUBLISHED])
    y = np.array([run.points for run in PUBLISHED])
    slope, start = np.polyfit(x, y, 1)
    rest = y - (start + slope * x)
    freedom = len(x) - 2
    sd = float(np.sqrt(rest @ rest / freedom))
    ends = np.log10(np.maximum([n * scale[0] * used[0], n * scale[1] * used[1]], 1.0))
    width = (
        t.ppf(0.95, freedom)
        * sd
        * np.sqrt(1 + 1 / len(x) + (ends - x.mean()) ** 2 / ((x - x.mean()) @ (x - x.mean())))
    )
    low, high = start + slope * ends[0] - width[0], start + slope * ends[1] + width[1]
    return {
        "exchanges": n,
        "low": float(np.clip(low, 0, 100)),
        "high": float(np.clip(high, 0, 100)),
        "slope": float(slope),
        "beyond": bool(ends[1] > x.max() or ends[0] < x.min()),
        "runs": len(x),
    }


def lines(whole: Mapping[str, Any]) -> Sequence[str]:
    """The content of `taken` as sentences, up to two per campaign."""
    out = []
    for one in whole["campaigns"]:
        out.append(
            f"{one['campaign_id']} ({one['kind']}): {one['exchanges']:,} exchanges ({one['exchanges_low']:,} "
            f"to {one['exchanges_high']:,}), "
            f"{one['tokens']:,} tokens, {one['usd_low']:,.0f} to {one['usd_high']:,.0f} dollars at "
            f"{whole['prices']['source']}"
            f"{_assumed_tokens(one, whole['assumed'])}"
        )
        published = one["published"]
        if published:
            out.append(
                f"  published runs: a student of seven billion parameters trained on "
                f"{100 * whole['assumed']['used'][0]:g} to "
                f"{100 * whole['assumed']['used'][1]:g} % of {published['exchanges']:,} such exchanges "
                f"would have {published['low']:.0f} to {published['high']:.0f} points "
                f"on AIME 2024 (90 % for a new run, {published['runs']} "
                f"runs{', beyond their range' if published['beyond'] else ''})"
            )
    if out:
        out.append(f"the figure in dollars leaves out: {'; '.join(whole['left_out'])}")
    return out


def _assumed_tokens(campaign: Mapping[str, Any], assumed: Mapping[str, Any]) -> str:
    """A clause on the exchanges whose tokens are assumed; "" where none are."""
    number = sum(part["exchanges"] for part in campaign["capabilities"] if part["tokens"] == "assumed")
    if not number:
        return ""
    return (
        f"; tokens of {number:,} of its exchanges are assumed, {assumed['input_tokens']:g} read and "
        f"{assumed['output_tokens']:g} written each"
    )
