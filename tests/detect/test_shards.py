import numpy as np
import pyarrow as pa
import pytest

from stillwatch.detect.cluster import communities
from stillwatch.detect.shards import sharded
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.score import score
from stillwatch.simulate.worlds import simulate


def links(rng, groups, size, others):
    """Groups that share a pool of phrases each, among accounts that share what anybody may."""
    rows = []
    for group in range(groups):
        for member in range(size):
            rows += [
                (f"g{group}-{member}", f"p{group}-{value}", 2.0)
                for value in rng.choice(40, 12, replace=False)
            ]
    names = [f"g{g}-{m}" for g in range(groups) for m in range(size)] + [f"o{i}" for i in range(others)]
    for name in names:
        rows += [(name, f"any-{value}", 0.7) for value in rng.choice(400, 6, replace=False)]
    account, value, weight = zip(*rows, strict=True)
    return pa.table(
        {
            "account_id": account,
            "kind": ["prompt_template"] * len(rows),
            "value": value,
            "weight": pa.array(weight),
        }
    )


def best_overlap(found, members):
    groups = {}
    for place, name in zip(
        found.column("candidate").to_pylist(), found.column("account_id").to_pylist(), strict=True
    ):
        groups.setdefault(place, set()).add(name)
    return max((len(group & members) / len(group | members) for group in groups.values()), default=0.0)


@pytest.mark.issue(4)
@pytest.mark.parametrize("shards", [2, 6])
def test_groups_that_are_dealt_to_shards_are_put_together_again(shards, tmp_path):
    table = links(np.random.default_rng(1), groups=4, size=120, others=800)
    found = sharded(shards, tmp_path, map)(table)
    for group in range(4):
        members = {f"g{group}-{member}" for member in range(120)}
        assert best_overlap(communities(table), members) > 0.9
        assert best_overlap(found, members) > 0.85
    assert not list(tmp_path.iterdir())


def test_every_account_is_in_one_group_at_most(tmp_path):
    table = links(np.random.default_rng(2), groups=3, size=60, others=300)
    names = sharded(3, tmp_path, map)(table).column("account_id").to_pylist()
    assert len(names) == len(set(names))


def test_no_links_give_no_groups(tmp_path):
    assert sharded(3, tmp_path, map)(links(np.random.default_rng(3), 1, 10, 10).slice(0, 0)).num_rows == 0


@pytest.mark.issue(4)
def test_a_scan_in_shards_finds_the_planted_campaign(tmp_path):
    changes = {"days": 6, "campaign.first_day": 1.0, "campaign.last_day": 6.0}
    simulate("stealth-1", seed=4, out=tmp_path / "world", scale=0.3, changes=changes)
    scan([str(tmp_path / "world")], tmp_path / "results", Options(names={}, shards=3, replay=False))
    told = score(tmp_path / "results", tmp_path / "world" / "truth.parquet")
    assert told["false_campaigns"] == 0
    assert told["accounts"]["recall"] >= 0.95
