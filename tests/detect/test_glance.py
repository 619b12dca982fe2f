"""The first look at a group: each sentence, and whether it speaks for one control."""

import numpy as np
import pytest

from stillwatch.detect.glance import glance
from stillwatch.signals.registry import Finding
from tests.detect.benches import made_bench, made_judged, made_test

ACCOUNTS, MEMBERS = 40, 12
LOAD, PLACE = (made_test(family, family, lambda _places: "made") for family in ("load", "place"))


def seen(findings=None, members=MEMBERS, **columns):
    """Trait → sight of the first accounts of a bench with these traits."""
    bench = made_bench(ACCOUNTS, [LOAD, PLACE], **columns)
    sights = glance(made_judged(range(members), findings=findings), bench)
    assert len({one.trait for one in sights}) == len(sights)
    return {one.trait: one for one in sights}


def found(log_e, statement):
    return Finding(log_e=log_e, value="", accounts=MEMBERS, exchanges=0, statement=statement)


def members_have(value, rest=-1):
    return np.concatenate([np.broadcast_to(value, MEMBERS), np.full(ACCOUNTS - MEMBERS, rest)])


@pytest.mark.issue(20)
def test_one_address_range_speaks_against_one_control():
    sight = seen(client_prefix=members_have(3))["client_prefix"]
    assert (sight.speaks, sight.statement) == ("against", "12 of 12 members share one address range")
    assert "client_prefix" not in seen(client_prefix=members_have(np.arange(12) // 6))


@pytest.mark.issue(20)
@pytest.mark.parametrize(
    ("cards", "speaks", "statement"),
    [
        (np.arange(12), "against", "the cards of 12 members are all different"),
        (np.arange(12) % 3, "for", "12 members have 3 cards"),
        (np.zeros(12, int), "for", "12 members have 1 card"),
        (np.arange(12) % 8, "neither", "12 members have 8 cards"),
    ],
)
def test_cards_speak_for_control_where_they_pay_for_several_and_against_where_each_has_an_own(
    cards, speaks, statement
):
    sight = seen(payment_fingerprint=members_have(cards))["payment_fingerprint"]
    assert (sight.speaks, sight.statement) == (speaks, statement)


def test_cards_that_are_mostly_unknown_are_not_mentioned():
    assert "payment_fingerprint" not in seen(
        payment_fingerprint=members_have(np.r_[np.arange(5), np.full(7, -1)])
    )


def test_one_sign_up_address_is_in_the_singular():
    sight = seen(signup_address=members_have(4))["signup_address"]
    assert sight.statement == "12 members have 1 sign-up address"


def test_declared_owners_that_count_once_are_mentioned():
    sight = seen(owner=members_have(np.arange(12) % 2, 9))["owner"]
    assert (sight.speaks, sight.statement) == (
        "against",
        "12 members declare 2 owners, which count once each",
    )


@pytest.mark.issue(20)
def test_texts_that_half_of_the_members_sent_are_a_list():
    account, text = np.r_[np.arange(6), np.arange(5), 20], np.r_[np.full(6, 1), np.full(5, 2), 2]
    sight = seen(text_account=account, text=text)["texts"]
    assert sight.speaks == "against"
    assert sight.statement.startswith("1 text was sent by at least half of the members")


def test_activity_within_few_days_is_an_event():
    sight = seen(first=members_have(100.0, 0), last=members_have(148.0, 0))["span"]
    assert sight.speaks == "against"
    assert "falls into 2 days" in sight.statement
    assert "span" not in seen()


@pytest.mark.issue(20)
def test_people_sleep_and_programs_do_not():
    people, programs = seen(quiet=np.full(ACCOUNTS, 2.0)), seen(quiet=np.full(ACCOUNTS, 30.0))
    assert people["nights"].speaks == "against"
    assert people["nights"].statement == "12 of 12 members keep a person's nights"
    assert programs["nights"].speaks == "for"
    assert programs["nights"].statement == "12 of 12 members are active at all hours"
    mixed = seen(quiet=members_have(np.r_[np.full(6, 2.0), np.full(6, 30.0)], 2.0))
    assert "nights" not in mixed


def test_a_clock_speaks_against_one_control():
    assert seen(minute=np.full(ACCOUNTS, 0.9))["clock"].speaks == "against"
    assert "clock" not in seen()


@pytest.mark.issue(20)
def test_clear_findings_of_control_follow_and_those_of_likeness_do_not():
    findings = {"load": found(9.0, "their volumes are even"), "place": found(90.0, "one place")}
    assert seen(findings)["load"].statement == "their volumes are even"
    assert seen(findings)["load"].speaks == "for"
    assert "load" not in seen({"load": found(2.0, "their volumes are rather even")})


def test_of_nobody_nothing_is_said():
    assert seen(members=0) == {}
