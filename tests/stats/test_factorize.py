import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.stats.factorize import codes, distinct

INTS = st.lists(st.one_of(st.integers(-50, 50), st.integers(-(2**60), 2**60)), max_size=60)


@settings(deadline=None)  # the machine may be busy
@given(INTS)
def test_codes_and_distinct_are_numpys_unique(values):
    some, place = np.unique(np.array(values, np.int64), return_inverse=True)
    got, number = codes(values)
    assert number == len(some)
    assert got.tolist() == place.tolist()
    assert distinct(values).tolist() == some.tolist()


def test_a_narrow_range_is_numbered_alike():
    values = np.random.default_rng(1).integers(5, 90, 1000)
    got, number = codes(values)
    some, place = np.unique(values, return_inverse=True)
    assert (got == place).all()
    assert number == len(some)
