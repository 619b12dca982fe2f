import ctypes
import sys

import numpy as np
import pytest
from scipy import sparse
from sknetwork.clustering import Leiden

from stillwatch.detect import leiden


def graph(rng, accounts=400, values=60, edges=3000):
    """Accounts that share some values with their like and some with anybody; one weight in ten is 0."""
    account, value = rng.integers(0, accounts, edges), rng.integers(0, values, edges)
    like = (account * values // accounts + rng.integers(0, 5, edges)) % values
    value = np.where(rng.random(edges) < 0.5, like, value)
    weight = np.where(rng.random(edges) < 0.1, 0.0, rng.random(edges))
    return sparse.csr_matrix((weight, (account, value)), shape=(accounts, values))


@pytest.mark.skipif(sys.platform != "linux", reason="the library draws from the C library, here GNU's")
@pytest.mark.parametrize("resolution", [1.0, 2.5])
@pytest.mark.parametrize("seed", range(3))
def test_where_the_library_ends_the_communities_are_the_librarys(seed, resolution):
    one = graph(np.random.default_rng(seed))
    ctypes.CDLL(None).srand(1)
    theirs = Leiden(resolution=resolution, random_state=0).fit(one, force_bipartite=True).labels_row_
    ours = leiden.Ending(resolution, 0).fit(one, force_bipartite=True).labels_row_
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.issue(4)
def test_moves_that_always_seem_to_gain_come_to_an_end():
    # As rounding may have it, node 0 seems to gain by leaving either of two parts: by a loop that the graph
    # does not have.
    single = np.float32
    nothing = np.zeros(3, single)
    passes = leiden._refine(
        np.zeros(3, np.int32),
        np.array([1, 1, 2], np.int32),
        np.array([1, 2], np.int32),
        np.array([0, 2, 2, 2], np.int32),
        np.ones(2, single),
        nothing,
        nothing,
        nothing.copy(),
        nothing.copy(),
        single([1, 0, 0]),
        single(1),
        leiden.draws(1),
        50,
    )
    assert passes == 50


def test_numbers_are_drawn_as_gnus_c_library_draws_them():
    state = leiden.draws(1)
    assert [leiden._draw(state) for _ in range(4)] == [1804289383, 846930886, 1681692777, 1714636915]
