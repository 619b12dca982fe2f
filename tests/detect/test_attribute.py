import numpy as np
import pyarrow as pa
import pytest

from stillwatch.detect.attribute import _members, carries, membership
from stillwatch.detect.excess import excess


def styled(rng, members, others, share, shifted=1.0):
    """Others chat in ten styles; members do so too, but for `share` of their requests, in three styles of
    their own.

    Half of the styles are `shifted` times as frequent in what members chat about, as another language has
    other lengths.
    """
    ordinary = rng.dirichlet(np.full(10, 2.0))
    theirs = ordinary * np.where(np.arange(10) % 2, shifted, 1.0)
    rows = {"account_id": [], "value": [], "exchanges": []}
    for name in [f"m{i}" for i in range(members)] + [f"o{i}" for i in range(others)]:
        own = share if name[0] == "m" else 0.0
        usual = theirs / theirs.sum() if name[0] == "m" else ordinary
        mix = np.concatenate([(1 - own) * rng.dirichlet(30 * usual), own * np.full(3, 1 / 3)])
        counts = rng.multinomial(120, mix / mix.sum())
        for place in np.flatnonzero(counts):
            rows["account_id"].append(name)
            rows["value"].append(f"s{place}")
            rows["exchanges"].append(int(counts[place]))
    return pa.table(rows), frozenset(f"m{i}" for i in range(members))


@pytest.mark.issue(3)
@pytest.mark.parametrize("share", [0.2, 0.5, 0.75, 1.0])
def test_the_share_beyond_ordinary_use_is_recovered(share):
    rng = np.random.default_rng(int(100 * share))
    found = [excess(*styled(rng, 60, 600, share)) for _ in range(5)]
    assert np.mean([one.share for one in found]) == pytest.approx(share, abs=0.1)
    assert np.mean([one.unusual for one in found]) == pytest.approx(share, abs=0.1)


@pytest.mark.issue(3)
def test_end_users_of_a_reseller_are_not_beyond_ordinary_use():
    rng = np.random.default_rng(1)
    found = excess(*styled(rng, 60, 600, 0.0))
    assert found.share < 0.15
    assert found.unusual < 0.02
    assert not found.tells


@pytest.mark.issue(3)
def test_styles_of_the_campaign_and_of_cover_traffic_are_told_apart():
    found = excess(*styled(np.random.default_rng(2), 60, 600, 0.5))
    odds = dict(zip(found.styles, found.ratios + found.prior, strict=True))
    assert all(odds[f"s{place}"] > 0 for place in (10, 11, 12))
    assert np.mean([odds[f"s{place}"] < 0 for place in range(10)]) >= 0.8


@pytest.mark.issue(3)
@pytest.mark.parametrize("shifted", [1.0, 2.5])
def test_a_fifth_is_told_apart_from_cover_traffic_that_is_not_quite_the_averages(shifted):
    found = excess(*styled(np.random.default_rng(6), 60, 600, 0.2, shifted))
    assert found.tells
    assert found.unusual == pytest.approx(0.2, abs=0.05)
    odds = dict(zip(found.styles, found.ratios + found.prior, strict=True))
    assert all(odds[f"s{place}"] > 0 for place in (10, 11, 12))
    assert np.mean([odds[f"s{place}"] < 0 for place in range(10)]) >= 0.8


@pytest.mark.issue(3)
def test_end_users_with_other_habits_than_the_average_are_not_told_apart():
    found = excess(*styled(np.random.default_rng(7), 60, 600, 0.0, 2.5))
    assert found.unusual < 0.05
    assert not found.tells


def test_nobody_and_everybody_have_nothing_beyond():
    table, members = styled(np.random.default_rng(3), 5, 50, 0.5)
    assert excess(table, frozenset()).share == 0.0
    assert excess(table, frozenset(table.column("account_id").to_pylist())).share == 0.0
    assert members


@pytest.mark.issue(3)
def test_members_that_were_not_proposed_are_found_and_others_are_not():
    rng = np.random.default_rng(4)
    counts = rng.integers(20, 300, 3400).astype(float)
    rates = np.concatenate([rng.beta(8, 8, 400), rng.beta(0.3, 60, 3000)])
    hits = rng.binomial(counts.astype(int), rates).astype(float)
    seeded = np.arange(3400) < 250
    score = membership(hits, counts, seeded)
    assert (score[250:400] > 0.95).mean() > 0.9
    assert (score[400:] > 0.95).mean() < 0.002


def test_strangers_among_the_proposed_are_left_out():
    rng = np.random.default_rng(5)
    counts = np.full(2000, 80.0)
    hits = np.concatenate([rng.binomial(80, 0.6, 200), np.zeros(1800)]).astype(float)
    seeded = np.arange(2000) < 220
    score = membership(hits, counts, seeded)
    assert (score[:200] > 0.5).all()
    assert (score[200:220] < 0.5).all()


def test_a_convicted_group_keeps_its_likely_accounts_when_none_is_sure_by_itself():
    """A campaign's first hours: few exchanges each, and as many members that were not proposed show the
    same.
    """
    rng = np.random.default_rng(8)
    seeds, others, strangers = 150, 160, 900
    counts = np.concatenate([rng.integers(1, 6, seeds + others), rng.integers(1, 30, strangers)])
    hits = np.concatenate([counts[: seeds + others], rng.binomial(counts[seeds + others :], 0.02)])
    names = [f"a{n:04}" for n in range(len(counts))]
    table = pa.table({"account_id": names, "exchanges": counts, "hits": hits})
    members, _unsure = _members(table, set(names[:seeds]), last=True)
    kept = set(members.column("account_id").to_pylist())
    assert len(kept & set(names[:seeds])) > 0.9 * seeds
    assert not kept & set(names[seeds + others :])
    assert float(np.mean(members.column("score").to_numpy())) < 0.99


@pytest.mark.issue(3)
def test_what_convicted_some_accounts_does_not_convict_the_few_strangers_among_them():
    proposed = {f"m{n}" for n in range(10)} | {f"busy{n}" for n in range(4)}
    assert not carries({f"busy{n}" for n in range(4)}, proposed)
    assert carries({f"m{n}" for n in range(9)} | {f"new{n}" for n in range(40)}, proposed)
