from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import ibis
import numpy as np
import pytest

from stillwatch.signals.registry import NoFinding
from tests.signals.crowds import load, log10, two_halves

TEST = load("even_coverage")


def test_forty_members_with_nearly_one_value_among_others_of_every_value_are_seen():
    rng = np.random.default_rng(1)
    rows, member = two_halves(0.02 + 0.002 * rng.random(40), rng.exponential(0.5, 400))
    found = TEST.statistic(rows, member)
    assert found.accounts >= 36
    assert log10(found) > 6
    assert "phrases" in found.statement


def test_members_as_spread_as_everybody_give_no_evidence():
    rng = np.random.default_rng(2)
    rows, member = two_halves(rng.exponential(0.5, 40), rng.exponential(0.5, 400))
    found = TEST.statistic(rows, member)
    assert isinstance(found, NoFinding) or found.log_e < 0


def test_the_value_is_the_mean_of_common_phrases_over_pairs_of_prompts():
    hour = datetime(2026, 5, 1, tzinfo=UTC)
    said = {
        "again": [[1, 2], [1, 3], [1, 4]] * 3,
        "on": [[10 * k, 10 * k + 1] for k in range(1, 9)] + [[10, 99]],
    }
    marks = [
        {
            "account_id": who,
            "half": 0,
            "kind": "prompt_template",
            "value": phrase,
            "exchanges": 1,
            "hour": hour + timedelta(hours=i),
        }
        for who, prompts in said.items()
        for i, prompt in enumerate(prompts)
        for phrase in prompt
    ]
    activity = [
        {"account_id": who, "half": 0, "hour": hour, "exchanges": len(prompts)}
        for who, prompts in said.items()
    ]
    asked = TEST.rows(SimpleNamespace(marks=ibis.memtable(marks), halves=ibis.memtable(activity)))
    value = {row["account_id"]: row["value"] for row in asked.to_pyarrow().to_pylist()}

    def by_hand(prompts):
        pairs = [(a, b) for a in range(len(prompts)) for b in range(len(prompts)) if a != b]
        return sum(len(set(prompts[a]) & set(prompts[b])) for a, b in pairs) / len(pairs)

    assert value == pytest.approx({who: by_hand(prompts) for who, prompts in said.items()})
