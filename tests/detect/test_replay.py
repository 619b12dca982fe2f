from datetime import timedelta

import ibis
import pytest
from ibis import _

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.detect import fold
from stillwatch.detect.replay import judge_prefix
from stillwatch.engine.connect import duckdb_engine, keep, load
from stillwatch.flows.scan import summarise
from stillwatch.flows.sketch import sketch_files
from stillwatch.readers.discover import discover
from stillwatch.readers.read import read_small
from stillwatch.signals.registry import all_group_tests
from stillwatch.simulate.worlds import simulate

KEY = 5


def judged(summaries):
    found = judge_prefix(summaries, all_group_tests(), lambda e: e.to_pyarrow(), 0).judged
    return {
        (tuple(sorted(j.accounts)), j.candidate.graph): (
            round(j.log_e, 6),
            {name: round(f.log_e, 6) for name, f in j.findings.items()},
        )
        for j in found
    }


@pytest.mark.issue(2)
def test_what_is_known_at_an_hour_is_what_a_log_that_ends_there_tells(tmp_path):
    """Replay cuts summaries of the whole log; nothing of the rest of the log may enter."""
    simulate("stealth-1", seed=3, out=tmp_path / "world", scale=0.25)
    sources = discover([str(tmp_path / "world")])
    sketched = sketch_files(sources, {}, tmp_path, KEY)
    accounts, _lost = read_small(sources.accounts, ACCOUNTS)
    releases, _lost = read_small(sources.releases, RELEASES)
    told = []
    for ends in (False, True):
        with duckdb_engine() as engine:
            known = load(engine, "accounts", accounts), load(engine, "releases", releases)
            rows = fold.once(engine.read_parquet(str(sketched.observations / "*.parquet")))
            begin = rows.timestamp.min().to_pyarrow().as_py().replace(minute=0, second=0, microsecond=0)
            moment = begin + timedelta(hours=60)
            if ends:
                rows = rows.filter(_.timestamp < ibis.literal(moment, "timestamp('UTC', 6)"))
            summaries, _used = summarise(engine, keep(engine, "rows", rows), *known)
            told.append(judged(summaries if ends else summaries.until(moment)))
    cut, scratch = told
    assert len(cut) > 10
    assert cut == scratch
