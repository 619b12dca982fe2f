"""Communities that are assigned again: they gain the accounts of their group and lose strangers."""

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.detect import grow
from stillwatch.detect.cluster import LinkGraph
from stillwatch.detect.grow import grown

pytestmark = pytest.mark.issue(20)
GROUP, STRANGERS = 80, 400


@pytest.fixture(scope="module")
def graph():
    """80 accounts that each show 12 of 30 values which others hardly show, beside the values that everybody
    shows now and then; 400 strangers of whom each shows one of those 30 values.
    """
    rng = np.random.default_rng(7)
    rows = []
    for account in range(GROUP + STRANGERS):
        own = rng.choice(30, 12 if account < GROUP else 1, replace=False)
        usual = 30 + rng.choice(200, 15, replace=False)
        rows += [
            {"account_id": f"a{account:03}", "kind": "word", "value": f"v{value:03}", "weight": 1.0}
            for value in (*own, *usual)
        ]
    return LinkGraph.of(pa.Table.from_pylist(rows))


def places(graph, numbers):
    at = {name: place for place, name in enumerate(graph.names.to_pylist())}
    return np.sort([at[f"a{n:03}"] for n in numbers])


def numbers(graph, group):
    return {int(name[1:]) for name in graph.names.take(pa.array(group)).to_pylist()}


@pytest.mark.parametrize(
    ("community", "of_group"),
    [(range(20, GROUP), 60), (range(GROUP + 40), 80), ((*range(30), *range(200, 210)), 30)],
    ids=["lacks a quarter", "a third are strangers", "a part with strangers"],
)
def test_a_community_becomes_its_group(graph, community, of_group):
    assert sum(n < GROUP for n in community) == of_group
    found = grown(graph, [places(graph, community)], 0.5 * (GROUP + STRANGERS))
    assert set(range(GROUP)) in [numbers(graph, one) for one in found]


def test_strangers_alone_do_not_become_the_group(graph):
    for first in range(GROUP, GROUP + STRANGERS, 40):
        found = grown(graph, [places(graph, range(first, first + 40))], 0.5 * (GROUP + STRANGERS))
        assert all(len(numbers(graph, one) & set(range(GROUP))) < 8 for one in found)


def test_what_is_too_small_or_too_large_is_left_out(graph):
    group = places(graph, range(GROUP))
    assert grown(graph, [group], GROUP - 1) == []
    assert grown(graph, [group[:5]], 240) == []


def test_of_a_large_graph_only_the_largest_communities_are_grown(graph, monkeypatch):
    apart = range(GROUP + 300, GROUP + STRANGERS)
    group = places(graph, range(GROUP))
    both = grown(graph, [group, places(graph, apart)], 240)
    monkeypatch.setattr(grow, "MOST_LINK_VISITS", 2 * 2 * grow.ROUNDS * graph.weights.nnz - 1)
    only = grown(graph, [group, places(graph, apart)], 240)
    assert [one.tolist() for one in only] == [
        one.tolist() for one in grown(graph, [places(graph, apart)], 240)
    ]
    assert len(both) > len(only)
