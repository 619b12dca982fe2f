import numpy as np
import pytest

from stillwatch.simulate.crowds import setting
from stillwatch.simulate.people import words
from tests.signals.crowds import load, marked, traits


@pytest.mark.issue(20)
def test_people_with_one_card_at_addresses_of_their_own_count_as_one():
    known = traits(6, payment_fingerprint=[1, 1, 1, 2, 2, -1], client_prefix=[10, 11, 12, 13, -1, 14])
    assert marked("sponsor", known) == [[0, 1, 2], [3, 4]]


@pytest.mark.issue(20)
def test_a_family_or_a_branch_library_is_covered_and_many_accounts_at_one_address_are_not():
    known = traits(20, payment_fingerprint=[1] * 20, client_prefix=[10] * 8 + [11] * 9 + [12, 13, 14])
    assert marked("sponsor", known) == [[*range(8), 17, 18, 19]]


@pytest.mark.issue(20)
def test_it_bends_ownership_alone_and_accompanies_every_other_cause():
    assert load("sponsor").bends == {"ownership"}
    assert load("sponsor").accompanies


def test_its_crowd_pays_with_few_cards():
    rng = np.random.default_rng(3)
    drawn = load("sponsor").draw(rng, 60, setting(rng, 10, texts=words(rng, "person_en", 500)))
    _cards, holders = np.unique(drawn.accounts["payment_fingerprint"].astype(str), return_counts=True)
    assert holders[holders > 1].sum() >= 30
    assert (holders > 1).sum() <= 12
