"""What every innocent explanation has to keep, whoever wrote it: enrolled by the registry, without any
work of theirs.
"""

from pathlib import Path

import numpy as np
import pytest

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.signals.registry import FAMILIES, all_explanations
from stillwatch.simulate.crowds import ordinary, setting, tables
from stillwatch.simulate.people import words
from tests.signals.crowds import traits

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs/explanations"
EXPLANATIONS = all_explanations()
DAYS = 10


def name(unit):
    return unit.card.name


@pytest.fixture(scope="module")
def world():
    rng = np.random.default_rng(20261128)
    return setting(rng, DAYS, texts=words(rng, "person_en", 2000))


def drawn(unit, seed, accounts, world):
    rng = np.random.default_rng(seed)
    return tables([unit.draw(rng, accounts, world)], rng, "a")


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_its_card_says_everything_in_fragments_without_a_full_stop(unit):
    card = unit.card
    for text in (card.what, card.carries, card.produces, card.cannot, card.settled_by, card.source):
        assert text
        assert not text.endswith(".")


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_it_bends_known_families(unit):
    assert unit.bends
    assert unit.bends <= set(FAMILIES)


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_it_has_a_test_and_a_page_of_its_own(unit):
    card = unit.card
    assert (ROOT / "tests/signals/explanations" / f"test_{card.name}.py").exists()
    page = PAGES / f"{card.name}.md"
    assert page.exists()
    text = page.read_text(encoding="utf-8")
    for sentence in (card.what, card.carries, card.produces, card.cannot, card.settled_by, card.source):
        assert sentence in text, f"{page.name} does not say what its card says: {sentence}"
    bends = next(line for line in text.splitlines() if line.startswith("- **Bends**:"))
    assert {word.strip(" .") for word in bends.removeprefix("- **Bends**:").split(",")} == unit.bends


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_the_table_of_all_explanations_has_its_row(unit):
    text = (PAGES / "README.md").read_text(encoding="utf-8")
    rows = [
        line for line in text.splitlines() if line.startswith(f"| [{unit.card.name}]({unit.card.name}.md) |")
    ]
    assert len(rows) == 1
    assert unit.card.what in rows[0]


@pytest.mark.parametrize("accounts", [12, 60])
@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_its_crowd_has_as_many_accounts_as_asked_for_and_keeps_the_contract(unit, accounts, world):
    exchanges, people, groups = drawn(unit, accounts, accounts, world)
    assert exchanges.schema == EXCHANGES.arrow
    assert people.schema == ACCOUNTS.arrow
    for table, schema in ((exchanges, EXCHANGES), (people, ACCOUNTS)):
        table.validate(full=True)
        for column in schema.required:
            assert table.column(column).null_count == 0
    everyone = set(people.column("account_id").to_pylist())
    assert len(everyone) == people.num_rows == accounts == groups.num_rows
    assert set(exchanges.column("account_id").to_pylist()) == everyone, "every account sends"
    assert len(set(exchanges.column("exchange_id").to_pylist())) == exchanges.num_rows
    assert all(exchanges.column("prompt").to_pylist())


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_its_crowd_sends_within_the_setting_and_after_it_signed_up(unit, world):
    exchanges, people, _groups = drawn(unit, 3, 12, world)
    at = exchanges.column("timestamp").cast("int64").to_numpy()
    assert world.start <= at.min()
    assert at.max() < world.end
    created = dict(
        zip(
            people.column("account_id").to_pylist(),
            people.column("created_at").cast("int64").to_pylist(),
            strict=True,
        )
    )
    sender = exchanges.column("account_id").to_pylist()
    assert all(created[one] < moment for one, moment in zip(sender, at.tolist(), strict=True))


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_one_seed_gives_one_crowd_and_another_seed_another(unit, world):
    first, again, other = (drawn(unit, seed, 12, world) for seed in (1, 1, 2))
    assert all(a.equals(b) for a, b in zip(first, again, strict=True))
    assert not first[0].equals(other[0])


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_its_mark_gives_one_whole_number_a_member(unit):
    known = traits(9, asn=[1, 1, 2, 2, 3, 3, 4, 4, 4], user_agent=[5] * 9, quiet=[np.nan, *range(8)])
    for members in (np.arange(9), np.array([7, 2, 3]), np.array([4])):
        labels = unit.mark(known, members)
        assert labels.shape == members.shape
        assert labels.dtype == np.int64
        assert labels.min() >= -1


@pytest.mark.parametrize("unit", EXPLANATIONS, ids=name)
def test_nobody_is_marked_where_there_are_no_members(unit):
    labels = unit.mark(traits(4), np.zeros(0, np.int64))
    assert labels.shape == (0,)
    assert labels.dtype == np.int64


def test_an_ordinary_crowd_keeps_the_contract_too(world):
    rng = np.random.default_rng(5)
    exchanges, people, groups = tables([ordinary(rng, 40, world), ordinary(rng, 7, world)], rng)
    assert exchanges.schema == EXCHANGES.arrow
    assert people.num_rows == 47
    assert sorted(groups.column("group").to_pylist()) == [0] * 40 + [1] * 7
    assert len(set(exchanges.column("account_id").to_pylist())) == 47
