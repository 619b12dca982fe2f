import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.evaluate.matrix import built_in, read_matrix


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
