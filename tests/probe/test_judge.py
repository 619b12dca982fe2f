import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from scipy.stats import binomtest

from stillwatch.flows.probe import gathered, slots_of
from stillwatch.probe.compare import bounds
from stillwatch.probe.judge import beyond, judge
from stillwatch.signals.registry import all_explanations
from stillwatch.simulate.crowds import setting, tables
from stillwatch.simulate.refusals import COMES_BACK, GIVES_UP, HONEST, QUEUE, SAME_ACCOUNT, Habit, refuse
from stillwatch.stats.intervals import of_share
from tests.probe.probe_groups import HOLD_S, HOUR, SECOND, coins, group, judged

pytestmark = pytest.mark.issue(26)


def at_most(hits, trials, level):
    """Whether a rate may be at most `level`: its exact 99.9 % lower bound is."""
    return binomtest(hits, trials).proportion_ci(0.998).low <= level


@pytest.mark.parametrize("kind", ["retries", "gives up", "comes back"])
def test_independent_accounts_are_convicted_at_most_at_the_level(kind):
    made = group(np.random.default_rng(1), accounts=24, days=1, per_day=100, sheet=30)
    results = [
        judged(
            np.random.default_rng([2, run]),
            made,
            HONEST[kind],
            coins(np.random.default_rng([3, run]), *made[1:], moments=20),
        )
        for run in range(40)
    ]
    assert all(result.basis == "coin" for result in results)
    for level in (0.01, 0.05):
        assert at_most(sum(r.pair_p_value <= level for r in results), len(results), level)
        assert at_most(sum(r.pair_log10_e >= -np.log10(level) for r in results), len(results), level)
    assert np.mean([r.hits for r in results]) == pytest.approx(
        np.mean([r.hits_by_chance for r in results]), rel=0.15
    )


@pytest.mark.parametrize(
    "name",
    ["course", "scheduled_app", "copied_automation", "one_sheet", "server_program", "shared_workspace"],
)
def test_crowds_of_explanations_are_not_convicted(name):
    rng = np.random.default_rng([4, *name.encode()])
    where = setting(rng, 4, None)
    one = next(e for e in all_explanations() if e.card.name == name)
    log, accounts, _ = tables([one.draw(rng, 30, where)], rng)
    made = log, sorted(accounts["account_id"].to_pylist()), (where.start, where.end)
    for run, habit in enumerate((SAME_ACCOUNT, GIVES_UP, COMES_BACK)):
        assert judged(np.random.default_rng([5, run]), made, habit).verdict != "one_hand"


def test_an_hourly_automation_is_not_convicted_at_full_hours():
    made = group(np.random.default_rng(6), hourly=True, sheet=3)
    for run in range(3):
        rng = np.random.default_rng([7, run])
        trials = coins(rng, *made[1:], moments=60, on_the_hour=True)
        result = judged(rng, made, SAME_ACCOUNT, trials)
        assert result.comparisons > 100
        assert result.verdict != "one_hand"


def test_a_campaign_of_200_accounts_is_proved_within_200_refusals():
    made = group(np.random.default_rng(8), accounts=200, days=2, per_day=26)
    settled = []
    for run in range(12):
        rng = np.random.default_rng([9, run])
        settled.append(judged(rng, made, QUEUE, coins(rng, *made[1:], moments=40, refused=5)).settled_after)
    assert sum(after is not None and after <= 200 for after in settled) >= 11


@pytest.mark.parametrize(
    "habit", [Habit(again=1, elsewhere=0.95, delay_s=300, least_s=60), Habit(again=0.9, elsewhere=0.6)]
)
def test_work_that_moves_late_or_in_part_is_seen(habit):
    made = group(np.random.default_rng(10), accounts=80, days=3)
    rng = np.random.default_rng(11)
    result = judged(rng, made, habit, coins(rng, *made[1:], refused=6))
    assert result.verdict == "one_hand"
    assert (
        result.displaced.low <= habit.again * habit.elsewhere <= result.displaced.high + 0.05
    )  # some comes after the window


def test_without_text_the_time_of_what_follows_suffices():
    log, members, span = group(np.random.default_rng(12), accounts=60, days=3, per_day=20)
    blind = log.set_column(
        log.schema.get_field_index("prompt"), "prompt", pa.nulls(log.num_rows, pa.string())
    )
    rng = np.random.default_rng(13)
    result = judged(rng, (blind, members, span), QUEUE, coins(rng, members, span, refused=6))
    assert result.verdict == "one_hand"
    assert result.measure == "at_least"


def test_an_operator_that_retries_on_the_same_account_moves_nothing():
    made = group(np.random.default_rng(14), accounts=60, days=3, per_day=60)
    result = judged(np.random.default_rng(15), made, SAME_ACCOUNT)
    assert result.verdict == "no_movement"
    assert result.displaced.high < 0.25


def test_one_user_with_two_keys_does_not_convict_the_group():
    made = group(np.random.default_rng(16), accounts=40, days=3, per_day=60)
    pair = {"a000": "a001", "a001": "a000"}
    rng = np.random.default_rng(17)
    trials = coins(rng, *made[1:], moments=70, refused=8)
    log = refuse(
        rng,
        made[0],
        trials.filter(pc.is_in(trials["account_id"], pa.array(list(pair)))),
        Habit(elsewhere=1.0, kept=pair),
    )
    rest = trials.filter(pc.invert(pc.is_in(trials["account_id"], pa.array(list(pair)))))
    log = refuse(rng, log, rest, SAME_ACCOUNT)
    result = judge(slots_of(trials, made[1]), gathered([log], made[1]), within_s=900, hold_s=HOLD_S)
    assert result.verdict != "one_hand"
    assert result.pair_log10_e > result.log10_e


def test_a_firm_s_own_failover_between_its_accounts_is_not_counted():
    names = [f"a{i:03d}" for i in range(40)]
    made = group(np.random.default_rng(18), days=2, per_day=60, organizations=dict.fromkeys(names, "org_1"))
    assert judged(np.random.default_rng(19), made, QUEUE).verdict != "one_hand"
    made = group(np.random.default_rng(18), days=2, per_day=60)
    assert judged(np.random.default_rng(19), made, QUEUE).verdict == "one_hand"


def test_refusals_that_are_not_logged_are_judged_against_other_times_with_the_weaker_guarantee():
    log, members, span = group(np.random.default_rng(20), accounts=40, days=4, per_day=120)
    rng = np.random.default_rng(21)
    rows = []
    at = log["timestamp"].cast(pa.int64()).to_numpy().copy()
    account = np.array(log["account_id"].to_pylist(), dtype=object)
    for number in range(8):
        moment = span[0] + int((10 + 10 * number + rng.random()) * HOUR)
        drawn = rng.permutation(members)
        rows += [(f"m{number}", moment, name, place < 20) for place, name in enumerate(drawn)]
        down = np.isin(account, drawn[:20]) & (at >= moment) & (at < moment + 600 * SECOND)
        account[down] = rng.choice(drawn[20:], int(down.sum()))
    trial, moments, names, failed = zip(*rows, strict=True)
    table = pa.table(
        {"trial": trial, "at": pa.array(moments, pa.int64()), "account_id": names, "failed": failed}
    )
    moved = log.set_column(log.schema.get_field_index("account_id"), "account_id", pa.array(account.tolist()))
    result = judge(slots_of(table, members), gathered([moved], members), within_s=600)
    assert result.basis in ("times", "coin")
    result = judge(
        slots_of(table, members),
        gathered([moved.drop_columns("status")], members),
        within_s=600,
        natural=True,
    )
    assert result.basis == "natural"
    assert "weaker" in result.guarantee


def test_whole_moments_that_were_spared_are_compared_exactly():
    log, members, span = group(np.random.default_rng(22), accounts=60, days=6, per_day=40)
    rng = np.random.default_rng(23)
    at = log["timestamp"].cast(pa.int64()).to_numpy()
    account = np.array(log["account_id"].to_pylist(), dtype=object)
    rows = []
    for number in range(120):
        moment = span[0] + int((number + rng.random() * 0.5) * 1.2 * HOUR)
        is_sham = rng.random() < 0.5
        drawn = rng.permutation(members)
        rows += [(f"m{number}", moment, name, place < 30 and not is_sham) for place, name in enumerate(drawn)]
        if not is_sham:
            down = np.isin(account, drawn[:30]) & (at >= moment) & (at < moment + 900 * SECOND)
            account[down] = rng.choice(drawn[30:], int(down.sum()))
    trial, moments, names, failed = zip(*rows, strict=True)
    table = pa.table(
        {"trial": trial, "at": pa.array(moments, pa.int64()), "account_id": names, "failed": failed}
    )
    moved = log.set_column(log.schema.get_field_index("account_id"), "account_id", pa.array(account.tolist()))
    result = judge(slots_of(table, members), gathered([moved], members), within_s=900)
    assert result.basis == "coin"
    assert result.verdict == "one_hand"


def test_the_order_of_rows_changes_nothing_and_a_prefix_gives_a_prefix():
    made = group(np.random.default_rng(24), accounts=30, days=2, per_day=60)
    log, members, span = made
    rng = np.random.default_rng(25)
    trials = coins(rng, members, span, moments=40)
    after = refuse(rng, log, trials, QUEUE, hold_s=HOLD_S)
    whole = judge(slots_of(trials, members), gathered([after], members), within_s=900, hold_s=HOLD_S)
    mixed = trials.take(pa.array(rng.permutation(trials.num_rows)))
    shuffled = after.take(pa.array(rng.permutation(after.num_rows)))
    assert (
        judge(slots_of(mixed, members), gathered([shuffled], members), within_s=900, hold_s=HOLD_S) == whole
    )
    early = [f"m{i}" for i in range(20)]
    cut = trials.filter(pc.is_in(trials["trial"], pa.array(early)))
    next_at = pc.min(trials.filter(pc.equal(trials["trial"], "m20"))["at"]).as_py()
    seen = after.filter(pc.less(after["timestamp"], next_at))
    part = judge(slots_of(cut, members), gathered([seen], members), within_s=900, hold_s=HOLD_S)
    assert part.comparisons < whole.comparisons
    assert part.settled_after == whole.settled_after


def test_bounds_of_hits_are_those_of_chance_and_of_what_is_tolerated():
    assert bounds([1, 9], 0.0).tolist() == [0.5, 0.1]
    assert bounds([1, 9], 0.1) == pytest.approx([0.55, 0.19])


def test_the_interval_of_the_moved_share_covers_it():
    rng = np.random.default_rng(26)
    for anyway, moved in ((0.0, 0.5), (0.3, 0.2), (0.1, 0.9)):
        covered = 0
        for _ in range(100):
            refused = of_share(int(rng.binomial(60, anyway + moved * (1 - anyway))), 60)
            spared = of_share(int(rng.binomial(240, anyway)), 240)
            interval = beyond(refused, spared)
            covered += interval.low <= moved <= interval.high
        assert covered >= 0.92 * 100
