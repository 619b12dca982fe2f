"""Spark finds what DuckDB finds; the tests start it themselves, in this machine."""

import pyarrow.parquet as pq
import pytest

from stillwatch.engine.connect import open_engine
from stillwatch.flows.ingest import ingest
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.summarise import summaries_of
from stillwatch.readers.discover import discover
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import fresh
from stillwatch.store.store import Store

SHORT = {"days": 6, "campaign.first_day": 1.0, "campaign.last_day": 6.0}
SCENARIOS = {"demo": (0.3, {}), "null": (0.05, {"days": 6})}
EXACT = {
    "campaigns": [
        "campaign_id",
        "kind",
        "first_seen",
        "last_seen",
        "accounts",
        "exchanges",
        "exchanges_low",
        "exchanges_high",
    ],
    "members": ["campaign_id", "account_id", "exchanges"],
    "exchanges": ["campaign_id", "exchange_id"],
}


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


def added(table):
    rows = table.mutate(hour=table.hour.epoch_seconds().cast("int64")).to_pyarrow().to_pylist()
    return sorted((sorted(row.items()) for row in rows), key=str)


@pytest.mark.issue(4)
def test_what_a_day_adds_up_to_is_the_same_to_the_last_bit(tmp_path, java):
    simulate("stealth-1", seed=4, out=tmp_path / "world", scale=0.05, changes={**SHORT, "days": 3})
    sources = discover([str(tmp_path / "world")])
    with Store(tmp_path / "store", version=VERSION, key_id="") as store:
        ingest(sources, {}, store, fresh())
        sums = []
        for name in ("duckdb", "spark"):
            with open_engine(name, master="local[2]", scratch=store.scratch()) as engine:
                rows = engine.read_parts([store.path(part) for part in store.parts])
                sums.append({told: added(table) for told, table in summaries_of(engine, rows, 1).items()})
    duck, spark = sums
    assert all(duck.values())
    assert spark == duck


def test_a_missing_spark_is_told_with_the_command_that_installs_it(tmp_path, monkeypatch):
    import sys

    from stillwatch.errors import MissingExtra

    monkeypatch.setitem(sys.modules, "stillwatch.engine.spark", None)
    with pytest.raises(MissingExtra, match="spark"), open_engine("spark", scratch=tmp_path):
        pass
