import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.stats.interrupted import change, taken_up
from stillwatch.successors.effect import effect

pytestmark = pytest.mark.issue(26)
SECOND, DAY = 1_000_000, 86_400_000_000
START = 1_775_001_600 * SECOND


def days_of(rng, days, mean, spread, memory):
    """Daily counts whose logarithm wanders with a memory."""
    level = np.zeros(days)
    level[0] = rng.normal()
    for day in range(1, days):
        level[day] = memory * level[day - 1] + np.sqrt(1 - memory**2) * rng.normal()
    sigma = np.sqrt(np.log1p(spread))
    return rng.poisson(mean * np.exp(sigma * level - sigma**2 / 2)).astype(float)


@pytest.mark.parametrize(("mean", "kept"), [(300, 0.3), (300, 1.0), (30, 0.2), (5, 0.5)])
@pytest.mark.parametrize(("days", "memory"), [(7, 0.0), (14, 0.3)])
def test_the_interval_covers_the_true_change(mean, kept, days, memory):
    rng = np.random.default_rng([1, mean, days])
    covered = 0
    for _ in range(400):
        whole = days_of(rng, 2 * days, mean, 0.1, memory)
        told = change(
            np.maximum(whole[:days], [1] + [0] * (days - 1)),
            rng.binomial(whole[days:].astype(int), kept).astype(float),
        )
        covered += told.low <= kept <= told.high
    assert covered >= (0.91 if memory == 0 else 0.88) * 400


def test_what_ends_has_a_narrow_interval_near_zero_and_what_was_not_there_is_refused():
    told = change(np.full(7, 300.0), np.zeros(7))
    assert told.ratio == 0
    assert told.high < 0.02
    with pytest.raises(ValueError, match="nothing was counted before"):
        change(np.zeros(7), np.ones(7))
    with pytest.raises(ValueError, match="3 counts on each side"):
        change(np.ones(2), np.ones(7))


def test_the_share_that_others_took_up_covers_the_truth():
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        before, after = rng.poisson(50, 7).astype(float), rng.poisson(50 + 0.4 * 200, 7).astype(float)
        told = taken_up(before, after, 200.0)
        covered += told.low <= 0.4 <= told.high
    assert covered >= 0.92 * 300


def a_group(rng, taken):
    """40 accounts at 20 a day; half are suspended after day 7 and a share of their work goes to 5 new
    ones.
    """
    at, account = [], []
    for one in range(45):
        until = 7 if one < 20 else 14
        begin = 7 if one >= 40 else 0
        rate = 20 if one < 40 else taken * 400 / 5
        number = rng.poisson(rate * (until - begin))
        at.append(START + begin * DAY + (rng.random(number) * (until - begin) * DAY).astype(np.int64))
        account.append(np.full(number, one))
    return np.concatenate(at), np.concatenate(account), np.arange(45) < 20


@pytest.mark.parametrize("taken", [0.0, 0.5])
def test_the_fall_and_what_was_taken_up_are_told(taken):
    at, account, acted = a_group(np.random.default_rng(3), taken)
    told = effect(
        at, account, acted, (START + 7 * DAY,) * 2, (START, START + 14 * DAY - 1), bin_s=86_400, most_bins=28
    )
    assert (told.bins_before, told.bins_after) == (7, 7)
    assert told.whole.low <= 0.5 + taken / 2 <= told.whole.high
    assert told.taken.low <= taken <= told.taken.high
    assert told.statement.startswith("the harvest fell by ")
    if taken:
        assert told.newcomers == 5
        assert "took up" in told.statement


def test_the_command_tells_the_effect_and_refuses_a_log_that_is_too_short(tmp_path, run):
    at, account, acted = a_group(np.random.default_rng(4), 0.5)
    names = np.array([f"a{i}" for i in range(45)])
    log = pa.table(
        {
            "exchange_id": [f"x{i}" for i in range(len(at))],
            "timestamp": pa.array(at).cast(pa.timestamp("us", "UTC")),
            "account_id": names[account],
            "model": ["m"] * len(at),
        }
    )
    pq.write_table(log, tmp_path / "log.parquet")
    pq.write_table(pa.table({"account_id": names}), tmp_path / "group.parquet")
    moment = pa.array([START + 7 * DAY] * 20).cast(pa.timestamp("us", "UTC"))
    pq.write_table(pa.table({"account_id": names[acted], "at": moment}), tmp_path / "actions.parquet")
    wanted = ("effect", tmp_path / "actions.parquet", tmp_path / "log.parquet")
    code, out, _ = run(*wanted, "--group", tmp_path / "group.parquet", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["fall"]["low"] <= 0.25 <= told["fall"]["high"]
    assert told["taken_up"]["new"] == 5
    code, out, err = run(*wanted)
    assert code == 0
    assert "no other account of the group is known" in out
    assert "--group" in err
    code, _, err = run(*wanted, "--bin", 72)
    assert code == 1
    assert "too short around the action" in err


def test_a_group_that_sent_nothing_before_is_refused():
    at = np.array([START + 8 * DAY])
    with pytest.raises(InputError, match="sent nothing before"):
        effect(
            at,
            np.array([0]),
            np.array([True]),
            (START + 7 * DAY,) * 2,
            (START, START + 14 * DAY),
            bin_s=86_400,
            most_bins=7,
        )
