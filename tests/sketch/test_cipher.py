from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.sketch.cipher import decipher, encipher, encipher_lists

KEY = bytes.fromhex("0001020308090a0b1011121318191a1b")
WORDS = st.lists(st.integers(0, 2**64 - 1), max_size=40)


@pytest.mark.issue(5)
def test_the_published_vector_of_speck_64_128():
    """Key 1b1a1918 13121110 0b0a0908 03020100, plaintext 3b726574 7475432d (Beaulieu and others 2013,
    appendix).
    """
    plain = np.array([0x3B7265747475432D], np.uint64)
    assert hex(int(encipher(plain, KEY)[0])) == "0x8c6fa548454e028b"


@pytest.mark.issue(5)
@given(WORDS, st.binary(min_size=16, max_size=16))
def test_what_is_enciphered_can_be_deciphered_and_nothing_stays_nothing(values, key):
    plain = np.array(values, np.uint64)
    told = encipher(plain, key)
    assert (decipher(told, key) == plain).all()
    assert ((told == 0) == (plain == 0)).all()
    assert len(np.unique(told)) == len(np.unique(plain))


@pytest.mark.issue(21)
@given(st.lists(WORDS, max_size=6))
def test_a_list_holds_the_same_digests_in_an_order_that_says_nothing(lists):
    plain = np.array([value for one in lists for value in one], np.uint64)
    offsets = np.cumsum([0, *map(len, lists)])
    told = encipher_lists(plain, offsets, KEY)
    for begin, end in pairwise(offsets.tolist()):
        assert told[begin:end].tolist() == sorted(encipher(plain[begin:end], KEY).tolist())


def test_a_key_of_another_length_is_refused():
    with pytest.raises(ValueError, match="16 bytes"):
        encipher(np.ones(1, np.uint64), b"short")
