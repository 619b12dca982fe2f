"""The log's present, from rows whose times nobody vouches for."""

from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.watch.clock import LEEWAY, MAX_VOTES, Clock, horizon

NOW = datetime(2026, 5, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)
pytestmark = pytest.mark.issue(21)


def after(*batches, now=NOW):
    clock = Clock()
    for batch in batches:
        clock = clock.seen(batch, clock.horizon(batch, now))
    return clock


def honest(number, at=NOW):
    return {f"a{n}": at - timedelta(minutes=n) for n in range(number)}


def test_rows_of_a_minority_of_accounts_do_not_move_the_clock():
    liars = {f"liar{n}": NOW + timedelta(hours=20) for n in range(9)}
    assert after(honest(10) | liars).present() <= NOW


def test_one_account_that_floods_batch_after_batch_has_one_vote():
    clock = after(honest(10), *[{"liar": NOW + timedelta(hours=h)} for h in range(20)])
    assert clock.present() <= NOW


@pytest.mark.parametrize("year", [2027, 2050, 2099])
def test_a_row_far_ahead_of_both_clocks_is_beyond_the_horizon_and_has_no_vote(year):
    far = datetime(year, 1, 1, tzinfo=UTC)
    clock = after({"liar": far}, honest(5), {"liar": far})
    assert clock.horizon({"liar": far}, NOW) == NOW + LEEWAY
    assert "liar" not in clock.votes
    assert clock.present() == NOW - timedelta(minutes=2)


def test_a_row_far_in_the_past_does_not_move_the_clock():
    clock = after(honest(9), {"old": datetime(2015, 1, 1, tzinfo=UTC)})
    assert NOW - timedelta(minutes=9) <= clock.present() <= NOW


def test_where_the_log_is_ahead_of_the_machines_clock_the_log_is_believed():
    log = {f"a{n}": NOW + 400 * DAY + timedelta(hours=n) for n in range(50)}
    far = datetime(2099, 1, 1, tzinfo=UTC)
    clock = Clock()
    limit = clock.horizon(log | {"liar": far}, NOW)
    assert max(log.values()) <= limit < far
    assert clock.seen(log | {"liar": far}, limit).present() in log.values()


def test_two_accounts_are_not_enough_to_believe_that_the_machines_clock_is_behind():
    assert horizon([NOW + 400 * DAY] * 2, NOW) == NOW + LEEWAY


def test_a_log_of_the_past_is_replayed_by_its_own_time():
    past = NOW - 300 * DAY
    clock = after(honest(20, past), honest(20, past + DAY))
    assert past < clock.present() <= past + DAY


def test_what_is_kept_between_batches_is_bounded_and_has_the_same_median():
    clock = after({f"a{n}": NOW - timedelta(minutes=n) for n in range(5000)})
    kept = Clock(dict(clock.kept()))
    assert len(kept.votes) == MAX_VOTES
    assert abs(kept.present() - clock.present()) < timedelta(hours=1)
