"""How well does the group finder recover labelled coordinated accounts of a real airdrop?

    python benchmarks/groups.py CORPORA

CORPORA/coord_hop_airdrop holds 43,052 accounts, whom they sent funds to, and 507 labelled campaigns. Labels
called `transfer_component` were derived from a larger version of this same graph, so they flatter any method
that reads it; those called `public_report` were found by others, and are the ones that count. Only the finder
runs here: without requests there is nothing for the group tests to test.
"""

import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from stillwatch.detect.cluster import communities
from stillwatch.detect.propose import RESOLUTIONS

FEWEST, MOST = 3, 2000


def read(folder: Path) -> tuple[pa.Table, dict[int, tuple[str, str]], int]:
    """Account × counterparty links, account → (campaign, source of its label), and how many accounts
    there are.
    """
    accounts = pq.read_table(folder / "accounts.parquet")
    edges = pq.read_table(folder / "edges.parquet")
    number = accounts.num_rows
    src, dst = (edges.column(c).to_numpy() for c in ("src", "dst"))
    who = np.concatenate([src[src < number], dst[dst < number]])
    what = np.concatenate([dst[src < number], src[dst < number]])
    holders = np.bincount(what)
    kept = (holders[what] >= FEWEST) & (holders[what] <= MOST)
    links = pa.table(
        {
            "account_id": who[kept].astype(str),
            "kind": pa.array(["transfer"] * int(kept.sum())),
            "value": what[kept].astype(str),
            "weight": np.log10(0.5 * number / holders[what[kept]]),
        }
    )
    labels = {
        row["acct_id"]: (row["campaign_id"], row["label_source"])
        for row in accounts.to_pylist()
        if row["is_sybil"]
    }
    return links, labels, number


def components(links: pa.Table) -> list[set[int]]:
    """Connected components over shared counterparties: the plain way."""
    account = links.column("account_id").combine_chunks().dictionary_encode()
    value = links.column("value").combine_chunks().dictionary_encode()
    n, m = len(account.dictionary), len(value.dictionary)
    rows, columns = account.indices.to_numpy(), value.indices.to_numpy() + n
    graph = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=(n + m, n + m))
    label = sparse.csgraph.connected_components(graph, directed=False)[1][:n]
    return collect(zip(account.dictionary.to_pylist(), label.tolist(), strict=True))


def collect(pairs: object) -> list[set[int]]:
    """Label → set of accounts."""
    groups: dict[int, set[int]] = defaultdict(set)
    for name, label in pairs:  # type: ignore[attr-defined]
        groups[label].add(int(name))
    return [group for group in groups.values() if len(group) >= 10]


def found(
    groups: list[set[int]], labels: dict[int, tuple[str, str]], source: str
) -> tuple[int, int, float, float]:
    """Campaigns, those with a group that holds half of it and is half of it; mean recall and purity of
    the best group.
    """
    campaigns: dict[str, set[int]] = defaultdict(set)
    for account, (campaign, whose) in labels.items():
        if whose == source:
            campaigns[campaign].add(account)
    where: dict[int, list[int]] = defaultdict(list)
    for number, group in enumerate(groups):
        for account in group:
            where[account].append(number)
    hits, recalls, purities = 0, [], []
    for members in campaigns.values():
        touched = Counter(number for account in members for number in where[account])
        best = max(touched, key=lambda g: touched[g] ** 2 / (len(groups[g]) * len(members)), default=None)
        recall = touched[best] / len(members) if best is not None else 0.0
        purity = touched[best] / len(groups[best]) if best is not None else 0.0
        hits += recall >= 0.5 and purity >= 0.5
        recalls.append(recall)
        purities.append(purity)
    return len(campaigns), hits, float(np.mean(recalls)), float(np.mean(purities))


def main() -> None:
    """Print one line per method and source of labels."""
    links, labels, _number = read(Path(sys.argv[1]) / "coord_hop_airdrop")
    finders = {"connected components": components(links)}
    every: list[set[int]] = []
    for resolution in (*RESOLUTIONS, 10.0, 40.0):
        table = communities(links, resolution=resolution)
        pairs = zip(*(table.column(c).to_pylist() for c in ("account_id", "candidate")), strict=True)
        finders[f"finder, resolution {resolution:g}"] = collect(pairs)
        every += finders[f"finder, resolution {resolution:g}"]
    finders["finder, all four"] = every
    rng = np.random.default_rng(0)
    names = sorted({int(a) for a in links.column("account_id").to_pylist()})
    finders["groups of those sizes, at random"] = [
        set(rng.choice(names, len(g), False).tolist()) for g in every
    ]
    print(f"{'method':36} {'labels':20} groups campaigns  half found and half pure  recall  purity")
    for name, groups in finders.items():
        for source in ("public_report", "transfer_component"):
            campaigns, hits, recall, purity = found(groups, labels, source)
            print(
                f"{name:36} {source:20} {len(groups):6} {campaigns:9}  {hits:5} "
                f"({100 * hits / campaigns:4.1f} %)"
                f"{'':11} {recall:5.2f}   {purity:5.2f}"
            )


if __name__ == "__main__":
    main()
