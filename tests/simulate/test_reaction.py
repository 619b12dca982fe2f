from collections import Counter

import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.actions import ACTIONS
from stillwatch.errors import UsageError
from stillwatch.simulate.reaction import Reaction
from stillwatch.simulate.worlds import simulate

pytestmark = pytest.mark.issue(26)
CHANGES = {
    "accounts": 150,
    "exchanges": 1500,
    "days": 10,
    "campaign.accounts": 40,
    "campaign.exchanges": 3000,
}
DAY = 86_400_000_000


def world(out, reaction=None):
    simulate("stealth-1", seed=2, out=out, changes=CHANGES, reaction=reaction)
    truth = pq.read_table(out / "truth.parquet")
    planted = set(truth.filter(pc.is_valid(truth["campaign_id"]))["exchange_id"].to_pylist())
    rows = (
        ds.dataset(out / "exchanges", partitioning="hive")
        .to_table(columns=["exchange_id", "timestamp", "account_id"])
        .to_pylist()
    )
    return [row for row in rows if row["exchange_id"] in planted], [
        row for row in rows if row["exchange_id"] not in planted
    ]


@pytest.fixture(scope="module")
def worlds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reactions")
    return {
        kind: (folder / kind, *world(folder / kind, Reaction(kind=kind, day=5.0, caught=0.75)))
        for kind in ("retry", "slow", "replace", "leave")
    }


def rates(worlds, kind):
    folder, planted, _ = worlds[kind]
    actions = ACTIONS.conform(pq.read_table(folder / "actions.parquet"))
    at = actions["at"][0].as_py()
    before = [row for row in planted if row["timestamp"] < at]
    after = [row for row in planted if row["timestamp"] >= at]
    return len(before) / 4, len(after) / 5, set(actions["account_id"].to_pylist()), before, after


@pytest.mark.parametrize("kind", ["retry", "slow", "replace", "leave"])
def test_a_suspended_account_sends_nothing_any_more(worlds, kind):
    _, _, suspended, before, after = rates(worlds, kind)
    assert suspended <= {row["account_id"] for row in before}
    assert not suspended & {row["account_id"] for row in after}
    folder, _, honest = worlds[kind]
    at = pq.read_table(folder / "actions.parquet")["at"][0].as_py()
    assert not suspended & {row["account_id"] for row in honest if row["timestamp"] >= at}


def test_each_operator_reacts_in_its_own_way(worlds):
    before, after, *_ = rates(worlds, "retry")
    assert after > 0.85 * before  # those that are left take it all up
    before, after, *_ = rates(worlds, "slow")
    assert after < 0.25 * before
    before, after, suspended, first, later = rates(worlds, "replace")
    new = {row["account_id"] for row in later} - {row["account_id"] for row in first}
    assert len(new) == round(0.6 * len(suspended))
    assert 0.6 * before < after < before
    before, after, *_ = rates(worlds, "leave")
    assert after == 0


def test_what_was_before_the_action_is_as_without_one(worlds, tmp_path):
    plain, _ = world(tmp_path / "plain")
    at = pq.read_table(worlds["leave"][0] / "actions.parquet")["at"][0].as_py()
    without = Counter(row["timestamp"] for row in plain if row["timestamp"] < at)
    for kind in ("retry", "slow", "leave"):
        assert Counter(row["timestamp"] for row in rates(worlds, kind)[3]) == without
    assert not (tmp_path / "plain" / "actions.parquet").exists()


def test_an_action_that_catches_nobody_leaves_every_byte_as_it_was(tmp_path):
    simulate("stealth-1", seed=2, out=tmp_path / "plain", changes=CHANGES)
    simulate(
        "stealth-1",
        seed=2,
        out=tmp_path / "acted",
        changes=CHANGES,
        reaction=Reaction(kind="retry", day=5.0, caught=1e-12),
    )
    files = sorted(path.relative_to(tmp_path / "plain") for path in (tmp_path / "plain").rglob("*.parquet"))
    assert files
    for file in files:
        assert (tmp_path / "plain" / file).read_bytes() == (tmp_path / "acted" / file).read_bytes(), file


def test_a_reaction_needs_a_campaign_and_a_day_within_the_world(tmp_path, run):
    with pytest.raises(UsageError, match="no operator that could react"):
        simulate("null", seed=1, out=tmp_path / "w", reaction=Reaction(kind="slow", day=3.0))
    with pytest.raises(UsageError, match="not within the world"):
        simulate("demo", seed=1, out=tmp_path / "w", reaction=Reaction(kind="slow", day=30.0))
    code, _, err = run("simulate", "--scenario", "demo", "--action-day", 3, "--out", tmp_path / "w")
    assert code == 2
    assert "--reaction" in err
