"""PRADA, SEAT and the MMD window test under the protocol in which their figures were published, with other
texts.

    python scripts/real_prompts.py CORPORA real.parquet
    python benchmarks/windows.py real.parquet

Protocol (of the MMD window test, arXiv 2606.05725): windows of 1,500 requests of which a share is an
attacker's; the alarm's threshold is the 95th percentile over windows of honest requests alone. The published
attacks are old task attacks; here the attacker's requests are those of public distillation sets, the honest
ones what users sent. The embedding is LSA, learned on honest requests that no window holds, where the paper
has a sentence encoder.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.preprocessing import normalize

from stillwatch.evaluate.baselines.mmd_window import Discrepancy
from stillwatch.evaluate.baselines.prada import abnormality
from stillwatch.evaluate.baselines.seat import near_pairs
from stillwatch.stats.intervals import of_share

WINDOW, NULLS, TRIALS = 1500, 100, 40
SHARES = (0.0, 0.05, 0.1, 0.25, 1.0)
PUBLISHED = {
    "mmd": "FPR 0.3; TPR 59 at 5 %, 94 at 10 %, 100 at 25 % and more",
    "prada": "FPR 7.3; TPR 78 over all",
    "seat": "FPR 13.6",
}


def main() -> None:
    """Print one line per method and share of the attacker."""
    table = pq.read_table(Path(sys.argv[1]))
    of = {c: table.filter(pc.equal(table["class"], c))["prompt"].to_pylist() for c in ("honest", "harvest")}
    rng = np.random.default_rng(0)
    honest = rng.permutation(np.array(of["honest"], object))
    learn, honest = honest[: len(honest) // 3], honest[len(honest) // 3 :]
    grams = HashingVectorizer(n_features=2**15, ngram_range=(1, 2), alternate_sign=False)
    reduce = TruncatedSVD(64, random_state=0).fit(grams.transform(learn))
    some = rng.choice(np.array(of["harvest"], object), 8000, replace=False)
    plain, taken = (normalize(reduce.transform(grams.transform(texts))) for texts in (honest, some))
    compare = Discrepancy(plain[:1000])
    plain = plain[1000:]
    everything = np.arange(500)
    methods: dict[str, Callable[[np.ndarray], float]] = {
        "mmd": compare,
        "prada": lambda window: abnormality(window, everything),
        "seat": lambda window: near_pairs(window, everything),
    }

    def window(share: float) -> np.ndarray:
        bad = int(share * WINDOW)
        rows = [plain[rng.choice(len(plain), WINDOW - bad)], taken[rng.choice(len(taken), bad)]]
        return rng.permutation(np.concatenate(rows))

    windows = {share: [window(share) for _trial in range(TRIALS)] for share in SHARES}
    nulls = [window(0.0) for _trial in range(NULLS)]
    print("method  attacker's share  windows with alarm, % (95 % interval)    published, %")
    for name, method in methods.items():
        bar = np.quantile([method(one) for one in nulls], 0.95)
        for share, each in windows.items():
            told = of_share(sum(method(one) > bar for one in each), len(each))
            assert told is not None
            words = f"{100 * told.value:5.1f} ({100 * told.low:.0f} to {100 * told.high:.0f})"
            print(
                f"{name:7} {100 * share:6.0f} %          {words:38} {PUBLISHED[name] if share == 0 else ''}"
            )


if __name__ == "__main__":
    main()
