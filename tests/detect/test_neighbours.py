import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.detect.cluster import communities
from stillwatch.detect.judge import bench, judge
from stillwatch.detect.neighbours import LARGEST_SHARE_IN_CELL, measured, neighbours
from stillwatch.detect.propose import NEIGHBOURS, Candidate, propose
from stillwatch.detect.weigh import FEWEST_HOLDERS, links
from stillwatch.evaluate.world import opened
from stillwatch.signals.registry import all_group_tests
from stillwatch.simulate.worlds import simulate

CLASSES = 8


def asked(mixes, rng, exchanges=100):
    """Rows of `measured`: a mix of capabilities, lengths and form for each account."""
    n = len(mixes)
    counts = np.stack([rng.multinomial(exchanges, mix / mix.sum()) for mix in mixes])
    columns = {f"capability_{c}": counts[:, c] for c in range(CLASSES)}
    style = mixes[:, 0] * 3 + mixes[:, 1]
    return {
        "account_id": [f"a{i:05}" for i in range(n)],
        "exchanges": np.full(n, exchanges),
        "followups": rng.binomial(exchanges, np.clip(1 - style / 4, 0, 1)),
        "output_known": np.full(n, exchanges),
        "output_log": exchanges * (6 + 2 * style),
        "words_log": exchanges * (4 + style),
        "texts": np.full(n, exchanges),
        "written": rng.binomial(exchanges, np.clip(style / 4, 0, 1)),
        **columns,
    }


def overlap(table, members):
    groups = {}
    for label, name in zip(
        table.column("candidate").to_pylist(), table.column("account_id").to_pylist(), strict=True
    ):
        groups.setdefault(label, set()).add(name)
    return max((len(g & members) / len(g | members) for g in groups.values()), default=0.0)


@pytest.mark.issue(3)
def test_accounts_that_pursue_one_thing_are_found_among_others_of_every_kind():
    rng = np.random.default_rng(1)
    mixes = rng.dirichlet(np.full(CLASSES, 0.4), 900)
    mixes[:120] = np.array([0.3, 0.1, 0.4, 0.02, 0.05, 0.05, 0.03, 0.05])
    found = neighbours(pa.table(asked(mixes, rng)))
    assert overlap(communities(found), {f"a{i:05}" for i in range(120)}) > 0.6


def test_a_cell_has_neither_too_few_accounts_nor_most_of_them():
    rng = np.random.default_rng(2)
    rows = pa.table(asked(rng.dirichlet(np.full(CLASSES, 0.4), 400), rng))
    found = neighbours(rows)
    holders = (
        found.group_by("value").aggregate([("account_id", "count")]).column("account_id_count").to_numpy()
    )
    assert holders.min() >= FEWEST_HOLDERS
    assert holders.max() < LARGEST_SHARE_IN_CELL * 400
    assert (found.column("weight").to_numpy() > 0).all()
    assert neighbours(rows) == found


def test_few_accounts_are_not_compared():
    rng = np.random.default_rng(3)
    assert neighbours(pa.table(asked(rng.dirichlet(np.full(CLASSES, 0.4), 20), rng))).num_rows == 0


@pytest.mark.issue(3)
def test_a_campaign_that_shares_nothing_is_proposed_and_its_purpose_then_is_no_evidence(tmp_path):
    simulate("stealth-3", seed=1, out=tmp_path / "world", scale=0.2)
    tests = all_group_tests()

    def run(expression):
        return expression.to_pyarrow()

    with opened(tmp_path / "world") as one:
        edges = links(one.summaries, run)
        alike = neighbours(run(measured(one.summaries)))
        truth = pq.read_table(tmp_path / "world" / "truth.parquet")
        planted = set(truth.filter(truth.column("campaign_id").is_valid()).column("account_id").to_pylist())
        mine = [c for c in propose(edges, alike) if c.graph == NEIGHBOURS]
        best = max(mine, key=lambda c: len(c.accounts & planted) / len(c.accounts | planted))
        assert len(best.accounts & planted) > 0.6 * len(best.accounts | planted)
        rows = bench(one.summaries, tests, (), run)
        as_neighbours, as_words = (
            judge([Candidate(accounts=best.accounts, graph=g)], rows, described=True)[0]
            for g in (NEIGHBOURS, "words")
        )
    purpose = {test.card.name for test in tests if test.family == "purpose"}
    assert purpose & set(as_words.findings)
    assert not purpose & set(as_neighbours.findings)
    assert as_neighbours.families["purpose"] == 0.0
    assert as_neighbours.families["load"] == as_words.families["load"]
