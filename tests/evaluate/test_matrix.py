import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.evaluate.matrix import built_in, read_matrix
from stillwatch.signals.registry import all_explanations, all_group_tests, all_indicators


@pytest.mark.parametrize("name", sorted(built_in()))
def test_a_matrix_that_comes_along_is_readable_and_says_what_it_is_for(name):
    cells = read_matrix(name)
    assert cells
    assert len({cell.name for cell in cells}) == len(cells)
    assert built_in()[name].endswith(("?", "."))


def test_seeds_on_request_replace_those_of_the_matrix():
    assert [c.seed for c in read_matrix("quick", seeds=3)] == [1, 2, 3] * 2


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[worlds.a]\nscenario = 'null'\nsize = 3\n", "size"),
        ("[world.a]\nscenario = 'null'\n", "worlds"),
        ("[worlds.a]\nseeds = 3\n", "scenario"),
        ("not toml", "matrix"),
    ],
)
def test_a_file_that_is_no_matrix_is_refused_with_what_was_expected(tmp_path, text, told):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(InputError, match=told):
        read_matrix(str(tmp_path / "m.toml"))


@pytest.mark.parametrize(
    "text",
    [
        "[worlds.a]\nscenario = 'nul'\n",
        "[worlds.a]\nscenario = 'null'\nchanges = {'campaign.cver' = 1}\n",
        "[worlds.a]\nscenario = 'stealth-2'\nchanges = {'campaign.cover' = 'much'}\n",
    ],
)
def test_a_scenario_or_change_that_is_not_there_is_refused_before_any_work(tmp_path, text):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(UsageError):
        read_matrix(str(tmp_path / "m.toml"))


def test_an_unknown_name_names_the_known_ones():
    with pytest.raises(InputError, match="standard"):
        read_matrix("standart")


@pytest.mark.issue(3)
def test_lists_make_one_world_of_each_choice(tmp_path):
    (tmp_path / "m.toml").write_text(
        "[worlds.a]\nscenario = ['stealth-1', 'stealth-2']\nseeds = 2\nscale = 0.1\n"
        "changes = { accounts = [300, 600], 'campaign.cover' = 0.5, 'campaign.network' = 'hosting' }\n"
    )
    cells = read_matrix(str(tmp_path / "m.toml"))
    assert len(cells) == 8
    assert {c.world for c in cells} >= {
        "a, scenario stealth-1, accounts 300",
        "a, scenario stealth-2, accounts 600",
    }
    assert all(("campaign.cover", 0.5) in c.changes for c in cells)
    assert len({c.name for c in cells}) == 8


@pytest.mark.issue(3)
def test_baselines_are_tuned_on_seeds_that_nothing_is_scored_on(tmp_path):
    (tmp_path / "m.toml").write_text(
        "[worlds.a]\nscenario = 'stealth-1'\nseeds = 3\nbaselines = 2\nmonitor = 6\n"
    )
    cells = read_matrix(str(tmp_path / "m.toml"))
    tuning = {c.seed for c in cells if c.tunes}
    assert len(tuning) == 2
    assert not tuning & {c.seed for c in cells if not c.tunes}
    assert all(c.baselines for c in cells)
    assert {c.monitor for c in cells if c.tunes} == {0}


@pytest.mark.issue(3)
def test_every_signal_is_left_out_in_turn(tmp_path):
    (tmp_path / "m.toml").write_text("[worlds.a]\nscenario = 'stealth-2'\nwithout_each = true\n")
    cells = read_matrix(str(tmp_path / "m.toml"))
    assert cells[0].without == ()
    assert {c.without for c in cells[1:]} == {
        (unit.card.name,) for unit in (*all_group_tests(), *all_indicators())
    }


@pytest.mark.parametrize("wrong", ["'campaign.network' = 'moon'", "'campaign.hours' = 3"])
def test_a_word_that_a_field_does_not_know_is_refused(tmp_path, wrong):
    (tmp_path / "m.toml").write_text(f"[worlds.a]\nscenario = 'stealth-2'\nchanges = {{ {wrong} }}\n")
    with pytest.raises(UsageError):
        read_matrix(str(tmp_path / "m.toml"))


EXPLANATIONS = [one.card.name for one in all_explanations()]


def crowd_cells(tmp_path, text, **named):
    (tmp_path / "m.toml").write_text(f"[worlds.a]\n{text}\n")
    return read_matrix(str(tmp_path / "m.toml"), **named)


def test_each_explanation_has_a_world_of_its_own_for_every_seed(tmp_path):
    cells = crowd_cells(tmp_path, "crowds = 'each'\naccounts = 200\nseeds = 2")
    assert sorted(c.crowds for c in cells if c.seed == 2) == [(name,) for name in EXPLANATIONS]
    assert len({c.name for c in cells}) == len(cells) == 2 * len(EXPLANATIONS)
    assert len(crowd_cells(tmp_path, "crowds = 'each'\naccounts = 200", seeds=3)) == 3 * len(EXPLANATIONS)


def test_a_number_of_crowds_is_drawn_by_seed(tmp_path):
    text = "crowds = 5\naccounts = 200\nseeds = 40"
    drawn = [c.crowds for c in crowd_cells(tmp_path, text)]
    assert drawn == [c.crowds for c in crowd_cells(tmp_path, text)]
    assert all(len(set(names)) == 5 for names in drawn)
    assert len(set(drawn)) > 30
    assert drawn[:4] == [c.crowds for c in crowd_cells(tmp_path, text, seeds=4)]


def test_a_list_of_crowds_is_in_every_world(tmp_path):
    names = EXPLANATIONS[2:4]
    cells = crowd_cells(tmp_path, f"crowds = {names}\naccounts = 200\nseeds = 2\nleave_out = true\ndays = 5")
    assert [c.crowds for c in cells] == [tuple(names)] * 2
    assert {(c.leave_out, c.accounts, c.days) for c in cells} == {(True, 200, 5)}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("crowds = 'each'\naccounts = 200\nscale = 2", "scale"),
        ("crowds = 'each'\naccounts = 200\nscenario = 'null'", "scenario"),
        ("crowds = 'some'\naccounts = 200", "each"),
        ("crowds = []\naccounts = 200", "each"),
        ("crowds = 0\naccounts = 200", "each"),
        ("crowds = 999\naccounts = 200", "each"),
        ("crowds = 5\naccounts = 100", "125"),
        ("crowds = 5", "accounts"),
        ("crowds = 5\naccounts = 200\nleave_out = 1", "leave_out"),
        ("scenario = 'null'\naccounts = 200", "accounts"),
    ],
)
def test_crowds_that_cannot_be_are_refused_with_what_was_expected(tmp_path, text, told):
    with pytest.raises(InputError, match=told):
        crowd_cells(tmp_path, text)


def test_an_unknown_explanation_is_refused_with_the_nearest_name(tmp_path):
    with pytest.raises(UsageError) as caught:
        crowd_cells(tmp_path, f"crowds = ['{EXPLANATIONS[5][:-1]}']\naccounts = 200")
    assert EXPLANATIONS[5] in str(caught.value)


def test_arrival_rates_are_refused_with_honest_worlds(tmp_path):
    (tmp_path / "times.parquet").touch()
    with pytest.raises(UsageError, match="arrival"):
        crowd_cells(tmp_path, "crowds = 1\naccounts = 200", times=tmp_path / "times.parquet")


def test_the_honest_matrix_has_every_explanation_alone_and_left_out_and_large_worlds():
    cells = read_matrix("honest", seeds=1)
    for world, left_out in (("alone", False), ("left-out", True)):
        some = [c for c in cells if c.world == world]
        assert sorted(c.crowds for c in some) == [(name,) for name in EXPLANATIONS]
        assert {c.leave_out for c in some} == {left_out}
    assert [(len(c.crowds), c.accounts) for c in cells if c.world == "large"] == [(5, 100_000)]
    assert [len(c.crowds) for c in read_matrix("honest") if c.world == "five"] == [5] * 60
