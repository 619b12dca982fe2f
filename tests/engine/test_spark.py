"""Spark finds what DuckDB finds; the tests start it themselves, in this machine."""

import pyarrow.parquet as pq
import pytest

from stillwatch.flows.scan import Options, scan
from stillwatch.simulate.worlds import simulate

SHORT = {"days": 6, "campaign.first_day": 1.0, "campaign.last_day": 6.0}
SCENARIOS = {"stealth-1": (0.2, SHORT), "demo": (0.3, {}), "null": (0.05, {"days": 6})}
EXACT = {
    "campaigns": ["campaign_id", "kind", "first_seen", "last_seen", "accounts", "exchanges", "exchanges_low", "exchanges_high"],
    "members": ["campaign_id", "account_id", "exchanges"],
    "exchanges": ["campaign_id", "exchange_id"],
}  # fmt: skip


def found(world, out, **options):
    scan([str(world)], out, Options(names={}, replay=False, **options))
    return {name: ordered(out / f"{name}.parquet", columns) for name, columns in EXACT.items()}


def ordered(path, columns):
    return pq.read_table(path, columns=columns).sort_by([(name, "ascending") for name in columns]).to_pylist()


@pytest.mark.issue(4)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_spark_gives_the_campaigns_members_and_counts_of_duckdb(scenario, tmp_path, java):
    scale, changes = SCENARIOS[scenario]
    simulate(scenario, seed=4, out=tmp_path / "world", scale=scale, changes=changes)
    duck = found(tmp_path / "world", tmp_path / "duck")
    spark = found(tmp_path / "world", tmp_path / "spark", engine="spark", spark_master="local[2]")
    assert spark == duck
    assert bool(duck["campaigns"]) == (scenario != "null")


def test_a_missing_spark_is_told_with_the_command_that_installs_it(tmp_path, monkeypatch):
    import sys

    from stillwatch.engine.connect import open_engine
    from stillwatch.errors import MissingExtra

    monkeypatch.setitem(sys.modules, "stillwatch.engine.spark", None)
    with pytest.raises(MissingExtra, match="spark"), open_engine("spark", scratch=tmp_path):
        pass
