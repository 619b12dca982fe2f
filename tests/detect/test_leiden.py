import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse
from sknetwork.clustering import Leiden

from stillwatch.detect import leiden
from stillwatch.detect.cluster import LinkGraph, communities


def graph(rng, accounts=400, values=60, edges=3000):
    """Accounts that share some values with their like and some with anybody; one weight in ten is 0."""
    account, value = rng.integers(0, accounts, edges), rng.integers(0, values, edges)
    like = (account * values // accounts + rng.integers(0, 5, edges)) % values
    value = np.where(rng.random(edges) < 0.5, like, value)
    weight = np.where(rng.random(edges) < 0.1, 0.0, rng.random(edges))
    return sparse.csr_matrix((weight, (account, value)), shape=(accounts, values))


def modularity(weights, labels, resolution):
    """Barber's modularity, each value in the community that suits it best."""
    total, groups = weights.sum(), int(labels.max()) + 1
    edges = weights.tocoo()
    inside = np.zeros((weights.shape[1], groups))
    np.add.at(inside, (edges.col, labels[edges.row]), edges.data / total)
    of_groups = np.bincount(labels, np.asarray(weights.sum(1)).ravel() / total, groups)
    of_values = np.asarray(weights.sum(0)).ravel() / total
    return (inside - resolution * of_values[:, None] * of_groups).max(axis=1).sum()


def clustered(weights, seed, resolution):
    """The community of each account of this matrix of weights."""
    return leiden.leiden(leiden.settled(leiden.bipartite(weights), resolution), seed)


@pytest.mark.issue(24)
@pytest.mark.parametrize("resolution", [0.4, 1.0, 2.5])
def test_communities_are_as_modular_as_those_of_scikit_network(resolution):
    ours, theirs = [], []
    for seed in range(8):
        one = graph(np.random.default_rng(seed))
        labels = Leiden(resolution=resolution, random_state=0).fit(one, force_bipartite=True).labels_row_
        theirs.append(modularity(one, np.asarray(labels), resolution))
        ours.append(modularity(one, clustered(one, seed, resolution), resolution))
    assert np.mean(ours) > np.mean(theirs) - 0.005
    assert np.min(np.subtract(ours, theirs)) > -0.02


@pytest.mark.issue(24)
def test_groups_that_share_nothing_are_communities():
    blocks = sparse.block_diag([np.ones((12, 5)), np.ones((15, 4)), np.ones((30, 9))], "csr")
    labels = clustered(blocks, 0, 1.0)
    assert [len(set(labels[a:b])) for a, b in ((0, 12), (12, 27), (27, 57))] == [1, 1, 1]
    assert len(set(labels)) == 3


@pytest.mark.issue(24)
def test_a_graph_without_weight_has_every_account_alone():
    assert clustered(sparse.csr_matrix((3, 2)), 0, 1.0).tolist() == [0, 1, 2]


@pytest.mark.issue(4)
def test_the_passes_of_a_refinement_are_bounded():
    one = graph(np.random.default_rng(1))
    both = sparse.block_array([[None, one], [one.T, None]], format="csr")
    share = np.asarray(both.sum(1)).ravel() / both.sum()

    def parts(most):
        found = leiden._refined(
            np.zeros(len(share), np.int64), both.indptr.astype(np.int64), both.indices.astype(np.int64),
            both.data / both.sum(), share, share, 1.0, np.ones(1, np.uint64), most,
        )  # fmt: skip
        return len(np.unique(found))

    assert parts(0) == len(share) > parts(1) > parts(leiden.MOST_PASSES)


@pytest.mark.issue(21)
def test_communities_do_not_depend_on_names_or_the_order_of_rows():
    rng = np.random.default_rng(5)
    edges = graph(rng).tocoo()
    keep = edges.data > 0
    row, column, weight = edges.row[keep], edges.col[keep], edges.data[keep]

    def links(accounts, values, order):
        return pa.table(
            {
                "account_id": accounts[row][order],
                "kind": np.array(["words", "cards"])[column % 2][order],
                "value": values[column][order],
                "weight": weight[order],
            }
        )

    plain = np.array([f"a{n}" for n in range(400)]), np.array([f"v{n}" for n in range(60)])
    other = (
        np.array([f"z{n}" for n in rng.permutation(400)]),
        np.array([f"y{n}" for n in rng.permutation(60)]),
    )
    name = dict(zip(other[0], plain[0], strict=True))
    one, two = links(*plain, np.arange(len(row))), links(*other, rng.permutation(len(row)))
    assert [name[a] for a in LinkGraph.of(two).names.to_pylist()] == LinkGraph.of(one).names.to_pylist()
    for resolution in (0.4, 1.0, 2.5):
        ours = communities(one, resolution=resolution).to_pylist()
        theirs = communities(two, resolution=resolution).to_pylist()
        assert ours == [row | {"account_id": name[row["account_id"]]} for row in theirs]
        assert ours
