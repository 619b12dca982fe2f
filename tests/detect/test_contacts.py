"""Which of the accounts that look like a campaign share its control?"""

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.detect.refine import contacts
from tests.detect.benches import made_bench, made_test, names

CAMPAIGN = 60  # places below are the campaign's; the others are honest


def evidence(places):
    """Each account of the campaign adds to it, each honest one takes away."""
    inside = int((places < CAMPAIGN).sum())
    return inside - 2.0 * (len(places) - inside)


BENCH = made_bench(200, [made_test("load_balance", "load", evidence)])


def links(groups):
    """Behavioural links by which each group of places is one community."""
    rows = [
        {"account_id": account, "kind": "user_agent", "value": f"{number}", "weight": 2.0}
        for number, group in enumerate(groups)
        for account in sorted(names(group))
    ]
    return pa.Table.from_pylist(rows)


@pytest.mark.issue(21)
def test_accounts_that_only_resemble_the_campaign_are_contacts():
    core, late, honest = range(40), range(40, 60), range(60, 90)
    members = names([*core, *late, *honest])
    outside = contacts(members, names(core), "words", BENCH, links([late, honest]))
    assert outside == names(honest)


@pytest.mark.issue(21)
def test_members_that_were_all_proposed_have_no_contacts():
    assert contacts(names(range(40)), names(range(50)), "words", BENCH, links([range(40)])) == frozenset()


@pytest.mark.issue(21)
def test_accounts_that_no_link_holds_together_are_tried_as_one_part():
    outside = contacts(
        names([*range(40), *range(60, 70)]), names(range(40)), "words", BENCH, links([range(40)])
    )
    assert outside == names(range(60, 70))


@pytest.mark.issue(21)
@pytest.mark.parametrize("seed", range(5))
def test_whatever_is_left_out_would_lessen_the_evidence(seed):
    rng = np.random.default_rng(seed)
    others = rng.permutation(np.arange(20, 120))[:50].tolist()
    parts = [others[:15], others[15:30], others[30:]]
    members = names([*range(20), *others])
    outside = contacts(members, names(range(20)), "words", BENCH, links(parts))
    kept = np.array(sorted(int(one[1:]) for one in members - outside))
    for part in parts:
        if names(part) <= outside:
            assert evidence(np.union1d(kept, part)) < evidence(kept)
