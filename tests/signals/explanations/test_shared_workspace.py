from tests.signals.crowds import load, marked, traits


def test_a_declared_owner_comes_before_a_common_address_range():
    known = traits(5, owner=[5, 5, 6, 7, 8], client_prefix=[1, 1, 1, 1, 2])
    assert marked("shared_workspace", known) == [[0, 1], [2, 3]]


def test_strangers_in_different_places_are_not_marked():
    known = traits(3, client_prefix=[1, 2, 3])
    assert marked("shared_workspace", known) == []


def test_it_bends_handoff_and_division():
    assert load("shared_workspace").bends == {"handoff", "division"}
