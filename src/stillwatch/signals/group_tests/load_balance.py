"""Are the members' volumes more even than independent users' would be?"""

from __future__ import annotations

import ibis.expr.types as ir
import numpy as np
from ibis import _

from stillwatch.contract.summaries import Summaries
from stillwatch.signals.registry import Columns, Finding, Mask, NoFinding, Outcome, group_test
from stillwatch.stats.dispersion import even_counts_log_e
from stillwatch.stats.evalues import mean_log_e
from stillwatch.stats.factorize import codes

FEWEST_ACCOUNTS = 10  # members that the test needs
FEWEST_EXCHANGES_EACH = 6.0  # exchanges per member, on average, that are needed


def daily(summaries: Summaries) -> ir.Table:
    """Account × day: number of exchanges in each half of the data (`proposing`, `tested`)."""
    activity = summaries.activity.mutate(day=(_.hour.epoch_seconds() // 86400).cast("int64"))
    return activity.group_by(["account_id", "day"]).agg(
        proposing=_.exchanges.sum(where=_.half == 0).fill_null(0),
        tested=_.exchanges.sum(where=_.half == 1).fill_null(0),
    )


def customers(rng: np.random.Generator, accounts: int) -> tuple[Columns, Mask]:
    """A draw under the null: customers with rates of a gamma law of shape 4, the most even that it allows."""
    n, days = accounts * 2, 4
    rates = rng.gamma(4.0, 3.0, n)
    proposing, tested = (rng.poisson(np.repeat(rates, days)) for _half in range(2))
    account, day = np.repeat(np.arange(n), days), np.tile(np.arange(days), n)
    return {"account": account, "day": day, "proposing": proposing, "tested": tested}, account < accounts


@group_test(
    family="load",
    rows=daily,
    sample_null=customers,
    measures="volumes evened out over accounts by a scheduler",
    null="given the members' rates their counts are Poisson or more clustered, and the rates differ as "
    "independent draws from "
    "a gamma law whose coefficient of variation is at least 1/2; rates of customers differ by far more",
    innocent=("a batch job sharded over one company's accounts", "a class that works through one list"),
    evaded_by="uneven volumes, at the price of more accounts",
    source="Anthropic, February 2026 (load balancing); Wasserman, Ramdas and Balakrishnan 2020 (universal "
    "inference)",
    reads=("observations.timestamp",),
    alone=True,
)
def load_balance(rows: Columns, member: Mask) -> Outcome:
    """Whether members' daily volumes are more even than chance, or why that cannot be tested."""
    account, _accounts = codes(np.asarray(rows["account"])[member])
    day, days = codes(np.asarray(rows["day"])[member])
    proposing, tested = (np.asarray(rows[half], np.int64)[member] for half in ("proposing", "tested"))
    spans = [np.bincount(account, weights=tested).astype(np.int64)] if len(account) else []
    spans += [tested[(day == one) & (proposing > 0)] for one in range(days)]
    parts = [
        counts
        for counts in spans
        if len(counts) >= FEWEST_ACCOUNTS and counts.mean() >= FEWEST_EXCHANGES_EACH
    ]
    if not parts:
        return NoFinding(
            f"on no day and not over all days do {FEWEST_ACCOUNTS} members have a mean of "
            f"{FEWEST_EXCHANGES_EACH:.0f} exchanges in the half of the hours that is tested"
        )
    logs = np.array([even_counts_log_e(counts) for counts in parts])
    best = parts[int(logs.argmax())]
    excess = max(float(best.var() - best.mean()), 0.0) ** 0.5 / float(best.mean())
    return Finding(
        log_e=mean_log_e(logs),
        value=f"{100 * excess:.0f} %",
        accounts=len(best),
        exchanges=int(best.sum()),
        statement=f"{len(best)} members sent {best.mean():.1f} exchanges each in the hours tested, and "
        f"beyond chance they differ "
        f"by {100 * excess:.0f} % of that; independent customers differ by 50 % at the least",
    )
