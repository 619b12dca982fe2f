"""What a planted campaign would have cost its operator.

Prices are list prices from public pages (`SOURCES`, read in November 2026); operators who buy in bulk or
resell pay less. They serve to compare evasions with each other, not to estimate a real campaign's budget.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from stillwatch.simulate.campaigns import CampaignPlan

# Price of one unit in US dollars, as published in `SOURCES`.
USD = {
    "input token": 2.00e-6,
    "output token": 10.00e-6,
    "verified account": 0.50,
    "card": 2.00,
    "residential byte": 5.00e-9,
    "paraphrase": 0.0008,  # 150 tokens read and 150 written by a small model
}
# Where each price is published.
SOURCES = {
    "input token": "docs.venice.ai/models/claude-sonnet-5-5: $2.00 per million tokens read",
    "output token": "docs.venice.ai/models/claude-sonnet-5-5: $10.00 per million tokens written",
    "verified account": "cotsi.org/methodology: around $0.50 a text-message verification; $0.08 to $4.93 by "
    "country",
    "card": "docs.yativo.com/payments/virtual-cards/create-card: $2 for every newly issued card",
    "residential byte": "proxynade.net/blogs/how-per-gb-proxy-pricing-works: $0.89 to $5.00 per GB",
    "paraphrase": "a small model at $0.80 and $4.00 per million tokens (skills.sh, Claude cost tuning)",
}
BYTES_A_TOKEN, OVERHEAD = 4, 3000  # bytes of text per token; bytes of headers and handshake per request


def costs(world: Path, plan: CampaignPlan) -> dict[str, float]:
    """What one planted campaign used and its cost in dollars at the prices of `USD`, cover traffic
    included.

    `usd_per_1000` is the whole cost per 1,000 exchanges that belong to the campaign, so cover traffic
    raises it. `days` runs from the first to the last exchange of its accounts.
    """
    truth = pq.read_table(world / "truth.parquet", columns=["account_id", "campaign_id"])
    mine = truth.filter(pc.equal(truth.column("campaign_id"), plan.name))
    names = pc.unique(mine.column("account_id"))
    rows = ds.dataset(world / "exchanges").to_table(
        columns=["timestamp", "input_tokens", "output_tokens"], filter=pc.field("account_id").isin(names)
    )
    cards = pq.read_table(world / "accounts.parquet", columns=["account_id", "payment_fingerprint"])
    paid = cards.filter(pc.is_in(cards.column("account_id"), names)).column("payment_fingerprint")
    read, written = (_sum(rows.column(name)) for name in ("input_tokens", "output_tokens"))
    span = pc.min_max(rows.column("timestamp")).as_py()
    parts = {
        "answers": read * USD["input token"] + written * USD["output token"],
        "accounts": len(names) * USD["verified account"],
        "cards": pc.count_distinct(paid).as_py() * USD["card"],
        "addresses": (
            (BYTES_A_TOKEN * (read + written) + OVERHEAD * rows.num_rows) * USD["residential byte"]
            if plan.network == "residential"
            else 0.0
        ),
        "paraphrase": mine.num_rows * plan.paraphrased * USD["paraphrase"],
    }
    return {
        "accounts": float(len(names)),
        "exchanges": float(mine.num_rows),
        "cover_exchanges": float(rows.num_rows - mine.num_rows),
        "days": (span["max"] - span["min"]).total_seconds() / 86400,
        "usd": sum(parts.values()),
        "usd_per_1000": 1000 * sum(parts.values()) / max(mine.num_rows, 1),
        **{f"usd_{name}": value for name, value in parts.items()},
    }


def _sum(column: pa.ChunkedArray) -> float:
    """Sum of a column; 0 for an empty one."""
    return float(pc.sum(column).as_py() or 0)
