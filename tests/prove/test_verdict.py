"""Does the word of a verdict follow from findings as it is said to, and hold its level?"""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from stillwatch.errors import InputError
from stillwatch.prove import plan
from stillwatch.prove import verdict as verdicts
from stillwatch.prove.finding import SuspectFinding
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.power import Assumed, pieces, power_of
from stillwatch.prove.verdict import NOT_SUPPORTED, REFUTED, SUPPORTED

ASSUMED = Assumed(share=0.1, effect=0.05, source="a test")
QUIET = SuspectFinding(
    test="radioactivity_text",
    subject="gumbel/c1/1",
    keyed=True,
    units=1_000,
    effect=0.0,
    log10_p=-0.3,
    log_e=-1.0,
    rank_p=0.4,
    decoys=999,
)


def decide(found, *, alpha, assumed, asked, is_served_known=True, served=()):
    """The verdict where the same effect is assumed for every key of a sampling mark."""
    effects = {one.subject: assumed for one in found if assumed and one.subject.startswith("gumbel")}
    return verdicts.decide(
        found, alpha=alpha, effects=effects, answers=asked, served=served if is_served_known else None
    )


def test_a_key_that_rejects_supports_and_is_named():
    loud = replace(QUIET, effect=0.4, log10_p=-9.0, log_e=18.0, rank_p=0.001)
    verdict = decide([loud, replace(QUIET, subject="gumbel/c2/1")], alpha=1e-3, assumed=ASSUMED, asked=100)
    assert (verdict.word, verdict.named) == (SUPPORTED, "c1")
    assert [(row.campaign, row.verdict) for row in verdict.campaigns] == [
        ("c1", SUPPORTED),
        ("c2", NOT_SUPPORTED),
    ]


def test_what_was_looked_at_is_paid_for():
    one = replace(QUIET, log10_p=-4.0, rank_p=0.001)
    assert decide([one], alpha=1e-3, assumed=None, asked=1).word == SUPPORTED
    others = [replace(QUIET, subject=f"gumbel/x{i}/1") for i in range(99)]
    assert decide([one, *others], alpha=1e-3, assumed=None, asked=1).word == NOT_SUPPORTED


def test_a_test_without_a_key_of_ours_decides_nothing():
    one = SuspectFinding(
        test="agreement",
        subject="the teacher",
        keyed=False,
        units=500,
        effect=0.9,
        log10_p=-80.0,
        log_e=180.0,
    )
    assert decide([one], alpha=1e-3, assumed=ASSUMED, asked=500).word == NOT_SUPPORTED


def test_a_mark_that_decoys_bear_as_well_is_not_counted_and_said_so():
    odd = replace(QUIET, log10_p=-30.0, log_e=60.0, rank_p=0.3)
    verdict = decide([odd], alpha=1e-3, assumed=None, asked=1)
    assert verdict.word == NOT_SUPPORTED
    assert "among decoys" in verdict.warnings[0]


def test_silence_refutes_only_with_power_and_an_assumed_effect():
    loud = replace(QUIET, units=20_000)
    assert decide([loud], alpha=1e-3, assumed=ASSUMED, asked=100).word == REFUTED
    assert decide([loud], alpha=1e-3, assumed=None, asked=100).word == NOT_SUPPORTED
    few = decide([replace(QUIET, units=500)], alpha=1e-3, assumed=ASSUMED, asked=100)
    assert few.word == NOT_SUPPORTED
    needed = pieces(0.05, 1e-3, 0.95)
    assert few.further == pytest.approx(needed / 5 - 100, abs=1)


@pytest.mark.issue(25)
def test_silence_refutes_nothing_where_no_ledger_shows_what_was_served():
    loud = replace(QUIET, units=20_000)
    told = decide([loud], alpha=1e-3, assumed=ASSUMED, asked=100, is_served_known=False)
    assert told.word == NOT_SUPPORTED
    assert "without a ledger" in told.reason


@pytest.mark.issue(25)
def test_silence_of_one_campaign_does_not_refute_another_that_no_test_could_speak_of():
    loud = replace(QUIET, units=20_000)
    words = replace(QUIET, test="keyed_choices", subject="choices/c2/1")
    told = decide([loud, words], alpha=1e-3, assumed=ASSUMED, asked=100)
    assert told.word == NOT_SUPPORTED
    assert [(row.campaign, row.verdict) for row in told.campaigns] == [("c1", REFUTED), ("c2", NOT_SUPPORTED)]
    told = decide(
        [loud], alpha=1e-3, assumed=ASSUMED, asked=100, served={"c1", "c3"}
    )  # of c3 nothing could be tested
    assert told.word == NOT_SUPPORTED


@pytest.mark.issue(25)
def test_of_several_keys_the_strongest_test_refutes_and_not_the_lowest():
    """1,000 guilty students of a campaign with eight keys: the lowest of eight would err in a third of
    cases.
    """
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(1_000):
        found = [
            replace(
                QUIET,
                subject=f"gumbel/c1/{epoch}",
                units=8_000,
                effect=ASSUMED.effect + rng.normal() / np.sqrt(8_000),
                log10_p=-0.1,
                rank_p=0.5,
            )
            for epoch in range(1, 9)
        ]
        wrong += decide(found, alpha=1e-6, assumed=ASSUMED, asked=1).word == REFUTED
    assert wrong / 1_000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1_000)


@pytest.mark.issue(25)
def test_a_public_pool_of_answers_is_a_hypothesis_with_what_would_separate_it():
    loud = replace(QUIET, effect=0.4, log10_p=-9.0, log_e=18.0, rank_p=0.001)
    alone = decide([loud], alpha=1e-3, assumed=None, asked=1)
    assert "public" in alone.hypotheses[0].statement
    assert "one campaign only" in alone.hypotheses[0].here
    beside = decide([loud, replace(QUIET, subject="gumbel/c2/1")], alpha=1e-3, assumed=None, asked=1)
    assert "1 of 2 campaigns' keys are silent" in beside.hypotheses[0].here
    pool = decide([loud, replace(loud, subject="gumbel/c2/1")], alpha=1e-3, assumed=None, asked=1)
    assert "no campaign is singled out" in pool.hypotheses[0].here
    assert decide([QUIET], alpha=1e-3, assumed=None, asked=1).hypotheses == ()


def test_over_innocents_and_keys_the_word_supported_comes_at_the_level_at_most():
    """3,000 suspects, three campaigns with two keys each, independent of all: p uniform, e of a fair bet
    on the same number.
    """
    rng = np.random.default_rng(0)
    wrong = 0
    for _ in range(3_000):
        found = []
        for campaign in ("a", "b", "c"):
            for mark in ("gumbel", "choices"):
                p = float(rng.random())
                found.append(
                    replace(
                        QUIET,
                        subject=f"{mark}/{campaign}/1",
                        log10_p=np.log10(p),
                        log_e=log(0.5) - 0.5 * log(p),
                        rank_p=p,
                    )
                )
        wrong += decide(found, alpha=0.05, assumed=None, asked=1).word == SUPPORTED
    assert wrong / 3_000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3_000)


def test_refutation_errs_at_its_level_at_most_where_the_effect_is_there():
    rng = np.random.default_rng(1)
    units = 8_000
    wrong = 0
    for _ in range(3_000):
        z = rng.normal() / np.sqrt(units)
        one = replace(QUIET, units=units, effect=ASSUMED.effect + z, log10_p=-0.1, rank_p=0.5)
        wrong += decide([one], alpha=1e-6, assumed=ASSUMED, asked=1).word == REFUTED
    assert wrong / 3_000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 3_000)


def test_power_is_what_is_planned():
    number = pieces(0.03, 1e-5, 0.95)
    assert power_of(0.03, int(number), 1e-5) == pytest.approx(0.95, abs=1e-3)
    rng = np.random.default_rng(2)
    z = 0.03 * np.sqrt(number) + rng.normal(size=20_000)
    from scipy.stats import norm

    assert (norm.sf(z) <= 1e-5).mean() == pytest.approx(0.95, abs=0.01)


def test_a_plan_that_was_changed_is_refused_and_departures_are_told(tmp_path):
    ring, _ = Keyring(master=bytes(32)).issue(
        "gumbel", "c", since="2026-01-01T00:00:00Z", width=2, strength=1.0
    )
    made = plan.make(ring, ["q1", "q2"], alpha=1e-5, looks=2, assumed=ASSUMED, power=0.95, each=20.0)
    path = tmp_path / "plan.json"
    made.write(path)
    assert plan.read(path) == made
    assert plan.departures(made, ring, ["q2", "q1", "q1"], 5e-6) == []
    other, _ = ring.issue("gumbel", "d", since="2026-01-01T00:00:00Z", width=2, strength=1.0)
    assert len(plan.departures(made, other, ["q3"], 1e-3)) == 3
    path.write_text(path.read_text().replace('"looks": 2', '"looks": 1'))
    with pytest.raises(InputError, match="changed after it was made"):
        plan.read(path)
