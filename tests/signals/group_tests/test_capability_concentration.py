import numpy as np

from stillwatch.contract.summaries import CAPABILITIES
from tests.signals.crowds import load, log10, reason

TEST = load("capability_concentration")


def rows_of(members, others):
    """Shares of the classes, the same on both halves."""
    mix = np.concatenate([members, others])
    n = len(mix)
    rows = {f"share_{c}": np.tile(mix[:, c], 2) for c in range(len(CAPABILITIES))}
    rows |= {
        "half": np.repeat([0, 1], n),
        "exchanges": np.full(2 * n, 20),
        "account": np.tile(np.arange(n), 2),
    }
    return rows, np.tile(np.arange(n) < len(members), 2)


def test_members_who_all_give_nine_tenths_to_grading_are_seen():
    rng = np.random.default_rng(1)
    mix = np.zeros((30, 8))
    mix[:, CAPABILITIES.index("grading")], mix[:, CAPABILITIES.index("other")] = 0.9, 0.1
    found = TEST.statistic(*rows_of(mix, rng.dirichlet(np.full(8, 0.3), 300)))
    assert log10(found) > 5
    assert "grading" in found.statement


def test_members_who_ask_for_other_things_only_have_no_capability_in_common():
    mix = np.zeros((30, 8))
    mix[:, CAPABILITIES.index("other")] = 1.0
    assert reason(TEST, *rows_of(mix, np.random.default_rng(2).dirichlet(np.full(8, 0.3), 300))) == (
        "no member asks for a named capability in the half of the hours that proposes the range"
    )
