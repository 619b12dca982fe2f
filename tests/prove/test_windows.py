"""Are a window's bits what the published function gives, the same on every device, and uniform?"""

import numpy as np
import pytest

from stillwatch.prove.keyring import Keyring
from stillwatch.prove.windows import (
    Windows,
    bits,
    bits_of,
    cut,
    has_context_of,
    identities,
    seeds,
    stand_in,
    uniforms,
)

KEY = np.frombuffer(bytes(range(16)), np.uint64)


def test_seeds_are_siphash_2_4_of_the_context():
    # Reference vectors of Aumasson and Bernstein: key 00..0f, messages 00..07 and 00..0f.
    words = np.frombuffer(bytes(range(16)), np.int64)
    assert int(seeds(words[:1].reshape(1, 1), KEY)[0]) == 0x93F5F5799A932462
    assert int(seeds(words.reshape(1, 2), KEY)[0]) == 0x3F2ACC7F57C29BDB


def test_bits_have_golden_values_so_that_marks_outlive_releases():
    some = Windows(np.array([[1, 2], [3, 4]]), np.array([5, 6]))
    assert [hex(int(one)) for one in bits(some, KEY)] == GOLDEN


GOLDEN = ["0xa7aa386975380a0e", "0x4283e64a1dc9300f"]


def test_torch_gives_the_same_bits_for_a_whole_vocabulary():
    pytest.importorskip("torch")
    from stillwatch.prove.serving import vocabulary_bits

    contexts = np.random.default_rng(0).integers(0, 50_000, (7, 3))
    some = seeds(contexts, KEY)
    theirs = vocabulary_bits([int(one) for one in some], 1000).numpy().view(np.uint64)
    ours = np.stack([bits_of(np.full(1000, one, np.uint64), np.arange(1000)) for one in some])
    assert (theirs == ours).all()


def test_bits_are_uniform_and_do_not_follow_the_token_or_the_context():
    from scipy.stats import kstest

    rng = np.random.default_rng(1)
    some = Windows(rng.integers(0, 100, (40_000, 2)), rng.integers(0, 300, 40_000))
    _, first = np.unique(identities(some), return_index=True)
    u = uniforms(bits(some.keep(first), KEY))
    assert kstest(u, "uniform").pvalue > 1e-3
    assert abs(np.corrcoef(u[:-1], u[1:])[0, 1]) < 0.03
    assert abs(np.corrcoef(u, some.keep(first).tokens)[0, 1]) < 0.03


def test_windows_do_not_reach_over_a_border_and_short_texts_have_none():
    some = cut([[1, 2, 3, 4], [5, 6], [7, 8, 9]], 2)
    assert some.contexts.tolist() == [[1, 2], [2, 3], [7, 8]]
    assert some.tokens.tolist() == [3, 4, 9]
    assert len(cut([], 2)) == 0


def test_what_was_asked_and_what_was_served_are_told_apart():
    said, asked = cut([[1, 2, 3, 4]], 2), cut([[1, 2, 3]], 2)
    assert stand_in(said, asked).tolist() == [True, False]
    assert has_context_of(said, cut([[2, 3, 9]], 2)).tolist() == [False, True]


def test_keys_of_campaigns_epochs_marks_and_decoys_all_differ():
    ring = Keyring(master=bytes(32))
    some = [
        ring.key(mark, who, epoch).tobytes() for mark in ("a", "b") for who in ("x", "y") for epoch in (1, 2)
    ]
    some += [key.tobytes() for key in ring.decoys("a", 2000)]
    assert len(set(some)) == len(some)
    assert (ring.decoys("a", 2000)[:700] == ring.decoys("a", 700)).all()
