from datetime import timedelta

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from stillwatch.detect.replay import judge_prefix
from stillwatch.evaluate.world import opened
from stillwatch.signals.registry import all_explanations, all_group_tests
from stillwatch.simulate.worlds import simulate


def judged(summaries):
    found = judge_prefix(summaries, all_group_tests(), all_explanations(), lambda e: e.to_pyarrow()).judged
    return {
        (tuple(sorted(j.accounts)), j.candidate.graph): (
            round(j.log_e, 6),
            round(j.unexplained, 6),
            {name: round(f.log_e, 6) for name, f in j.findings.items()},
            {t.explanation.card.name: (t.marked, t.effective, round(t.log_e, 6)) for t in j.trials},
        )
        for j in found
    }


def cut_off(folder, moment):
    """End a log before a moment."""
    for file in folder.rglob("*.parquet"):
        rows = pq.read_table(file, partitioning=None)
        pq.write_table(rows.filter(pc.less(rows.column("timestamp"), moment)), file)


@pytest.mark.issue(2)
def test_what_is_known_at_an_hour_is_what_a_log_that_ends_there_tells(tmp_path):
    """Replay cuts summaries of the whole log; nothing of the rest of the log may enter."""
    simulate("stealth-1", seed=3, out=tmp_path / "world", scale=0.25)
    moment = None
    told = []
    for ends in (False, True):
        with opened(tmp_path / "world") as one:
            if moment is None:
                moment = one.summaries.activity.hour.min().to_pyarrow().as_py() + timedelta(hours=60)
            told.append(judged(one.summaries if ends else one.summaries.until(moment)))
        cut_off(tmp_path / "world" / "exchanges", moment)
    cut, scratch = told
    assert len(cut) > 10
    assert any(trials for *_rest, trials in cut.values())
    assert cut == scratch
