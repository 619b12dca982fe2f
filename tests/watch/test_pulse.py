"""A long judgement is healthy, and one that is stuck is not."""

import pytest

from stillwatch.watch import pulse
from stillwatch.watch.pulse import MAX_STAGE_S, SILENCE_S, Pulse

pytestmark = pytest.mark.issue(21)


@pytest.fixture
def clocks(monkeypatch):
    told = {"now": 0.0, "cpu": 0.0}
    monkeypatch.setattr(pulse.time, "monotonic", lambda: told["now"])
    monkeypatch.setattr(pulse.time, "process_time", lambda: told["cpu"])
    return told


def test_a_judgement_of_half_an_hour_that_computes_is_healthy(clocks):
    one = Pulse()
    with one.working():
        for _probe in range(180):
            clocks["now"] += 10
            clocks["cpu"] += 9
            assert one.healthy()


def test_a_judgement_of_two_hours_that_reports_progress_is_healthy(clocks):
    one = Pulse()
    with one.working():
        for _probe in range(240):
            clocks["now"] += 30
            one.beat("judge", 0, 1)
            assert one.healthy()


def test_a_stage_that_waits_for_ever_is_stalled(clocks):
    one = Pulse()
    with one.working():
        clocks["now"] += SILENCE_S + 1
        clocks["cpu"] += 0.1
        assert not one.healthy()


def test_a_stage_that_stops_after_much_work_is_stalled_too(clocks):
    one = Pulse()
    with one.working():
        for _probe in range(60):
            clocks["now"] += 10
            clocks["cpu"] += 10
            assert one.healthy()
        told = []
        for _probe in range(10):
            clocks["now"] += 10
            told.append(one.healthy())
        assert told[0]
        assert not told[-1]


def test_a_stage_that_computes_without_progress_is_stalled_in_the_end(clocks):
    one = Pulse()
    with one.working():
        healthy = []
        for _probe in range(round(MAX_STAGE_S / 30) + 2):
            clocks["now"] += 30
            clocks["cpu"] += 30
            healthy.append(one.healthy())
        assert healthy[0]
        assert not healthy[-1]


def test_a_watch_between_its_stages_must_step(clocks):
    one = Pulse()
    clocks["now"] += SILENCE_S - 1
    assert one.healthy()
    clocks["now"] += 2
    clocks["cpu"] += 100
    assert not one.healthy()
