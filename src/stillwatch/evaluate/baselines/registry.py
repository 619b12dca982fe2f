"""Input and output of a baseline, and the search for baselines.

A baseline is one module in this package that defines one function of the module's own name. It takes a
world's `Traffic` and returns one score per account, shape (accounts,): the higher, the more suspect. A
method that scores groups gives each account the highest score of its groups. NaN where a method has no
score for an account.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _

from stillwatch.detect.propose import propose
from stillwatch.detect.weigh import links
from stillwatch.errors import Problem, UsageError
from stillwatch.evaluate import baselines as package
from stillwatch.evaluate.world import opened
from stillwatch.stats.arrays import Floats, Ints

# Columns of `exchanges` that baselines may read.
COLUMNS = (
    "account_id",
    "timestamp",
    "prompt",
    "system_prompt",
    "client_ip",
    "asn",
    "user_agent",
    "tls_fingerprint",
    "model",
    "max_tokens",
    "output_tokens",
    "finish_reason",
    "temperature",
)
MOST_TEXTS = 60  # prompts of one account that are embedded, spread evenly over its exchanges
# Hashed word pairs, dimensions of an embedding, and prompts from which it is learnt.
GRAMS, DIMENSIONS, LEARNED = 2**15, 64, 20_000
HELPERS = ("registry", "features", "dense")  # modules of this folder that are no baselines


@dataclass(kw_only=True)
class Traffic:
    """Input of a baseline: exchanges in time order, account details, links and proposed groups.

    `account` is the account number of each exchange, an index into `names`; `at` its time in seconds since
    1970; `rows` its other columns. `details` are the accounts with a payment fingerprint. `links` are rows
    of account and value for everything that accounts can share. `groups` are the groups that Stillwatch
    proposes from them, as account numbers.
    """

    names: list[str]
    account: Ints
    at: Floats
    rows: pa.Table
    details: pa.Table
    links: pa.Table
    groups: Sequence[Ints]

    @cached_property
    def counts(self) -> Ints:
        """Exchanges of each account, shape (accounts,)."""
        return np.bincount(self.account, minlength=len(self.names)).astype(np.int64)

    @cached_property
    def sampled(self) -> Ints:
        """Rows that are embedded, in order: at most `MOST_TEXTS` of each account, spread evenly over its
        exchanges.
        """
        order = np.argsort(self.account, kind="stable")
        begin = np.concatenate([[0], np.cumsum(self.counts)[:-1]])
        place = np.empty(len(order), np.int64)
        place[order] = np.arange(len(order)) - begin[self.account[order]]
        every = np.maximum(self.counts[self.account] / MOST_TEXTS, 1.0)
        kept = (place / every).astype(np.int64) != ((place - 1) / every).astype(np.int64)
        return np.flatnonzero(kept | (place == 0))

    @cached_property
    def vectors(self) -> Floats:
        """Unit vectors of the `sampled` prompts, shape (sampled, `DIMENSIONS`): hashed words and word
        pairs, reduced by truncated SVD (LSA).
        """
        from sklearn.decomposition import TruncatedSVD
        from sklearn.feature_extraction.text import HashingVectorizer
        from sklearn.preprocessing import normalize

        texts = self.rows.column("prompt").fill_null("").take(pa.array(self.sampled)).to_pylist()
        grams = HashingVectorizer(n_features=GRAMS, ngram_range=(1, 2), alternate_sign=False).transform(texts)
        some = np.random.default_rng(0).permutation(len(texts))[:LEARNED]
        reduce = TruncatedSVD(DIMENSIONS, random_state=0, n_iter=3).fit(grams[some])
        return np.asarray(normalize(reduce.transform(grams)), np.float64)

    def of_accounts(self, most: int = MOST_TEXTS) -> list[Ints]:
        """For each account the rows of `vectors` that are its own, in time order, at most `most`."""
        owner = self.account[self.sampled]
        order = np.argsort(owner, kind="stable")
        ends = np.cumsum(np.bincount(owner, minlength=len(self.names)))
        return [part[:most] for part in np.split(order, ends[:-1])]

    def spread(self, of_groups: Sequence[float]) -> Floats:
        """Highest of the groups' scores for each account, shape (accounts,); NaN outside all groups.

        `of_groups` has one score per group, in the order of `groups`.
        """
        scores = np.full(len(self.names), np.nan)
        for group, number in zip(self.groups, of_groups, strict=True):
            scores[group] = np.fmax(scores[group], number)
        return scores


Baseline = Callable[[Traffic], Floats]


def read_traffic(world: Path) -> Traffic:
    """Read a simulated world as the input of baselines."""
    rows = pq.read_table(world / "exchanges", columns=list(COLUMNS)).sort_by("timestamp")
    encoded = rows.column("account_id").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    with opened(world) as one:
        edges = links(one.summaries, lambda expression: expression.to_pyarrow(), first=False)
        edges = edges.filter(pc.is_in(edges.column("account_id"), encoded.dictionary))
        cards = one.summaries.accounts.select("account_id", "payment_fingerprint").filter(
            _.payment_fingerprint.notnull()
        )
        details = cards.to_pyarrow()
    place = {name: number for number, name in enumerate(names)}
    groups = [
        np.array(sorted(place[a] for a in candidate.accounts), np.int64) for candidate in propose(edges)
    ]
    return Traffic(
        names=names,
        account=encoded.indices.to_numpy().astype(np.int64),
        at=rows.column("timestamp").to_numpy().astype("datetime64[us]").astype(np.int64) / 1e6,
        rows=rows.drop_columns(["account_id"]),
        details=details,
        links=edges,
        groups=groups,
    )


def all_baselines() -> dict[str, Baseline]:
    """Baselines by name, sorted by name; raises `UsageError` where scikit-learn is missing."""
    try:
        importlib.import_module("sklearn")
    except ImportError as error:
        raise UsageError(
            Problem(
                fact="baselines need scikit-learn",
                found="it is not installed",
                fix="pip install 'stillwatch[evaluate]'",
            )
        ) from error
    names = sorted(info.name for info in pkgutil.iter_modules(package.__path__) if info.name not in HELPERS)
    return {name: getattr(importlib.import_module(f"{package.__name__}.{name}"), name) for name in names}
