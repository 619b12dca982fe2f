"""Does the engine's adapter follow a batch as the engine changes it? Against a stand-in with the
published interface.
"""

import importlib
import sys
import types
from enum import Enum
from types import SimpleNamespace

import pytest

from stillwatch.errors import UsageError
from stillwatch.prove.keyring import Keyring

torch = pytest.importorskip("torch")


class Direction(Enum):
    """`MoveDirectionality` of vllm.v1.sample.logits_processor."""

    UNIDIRECTIONAL = 0
    SWAP = 1


@pytest.fixture
def adapter(monkeypatch, tmp_path):
    names = ["vllm", "vllm.v1", "vllm.v1.sample", "vllm.v1.sample.logits_processor"]
    for name in names:
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))
    sys.modules[names[-1]].LogitsProcessor = object
    sys.modules[names[-1]].MoveDirectionality = Direction
    monkeypatch.delitem(sys.modules, "stillwatch.prove.vllm", raising=False)
    module = importlib.import_module("stillwatch.prove.vllm")
    ring = Keyring(master=bytes(32))
    for campaign in ("a", "b"):
        ring, _ = ring.issue("gumbel", campaign, since="2026-01-01T00:00:00Z", width=2, strength=1.0)
    path = tmp_path / "marks.json"
    ring.write(path)
    monkeypatch.setenv("STILLWATCH_KEYRING", str(path))
    yield module
    sys.modules.pop("stillwatch.prove.vllm", None)


def request(campaign=None, heat=1.0, account="a1"):
    extra = (
        {"stillwatch_mark": "gumbel", "stillwatch_campaign": campaign, "stillwatch_account": account}
        if campaign
        else None
    )
    return SimpleNamespace(extra_args=extra, temperature=heat)


def update(removed=(), added=(), moved=()):
    return SimpleNamespace(removed=removed, added=added, moved=moved, batch_size=4)


def test_each_request_is_marked_under_its_campaigns_key_and_follows_its_row(adapter):
    marks = adapter.Marks(None, "cpu", False)
    outs = {name: [3, 4] for name in "abx"}
    marks.update_state(
        update(
            added=[
                (0, request("a"), [1], outs["a"]),
                (1, request(), [1], outs["x"]),
                (2, request("b"), [1], outs["b"]),
            ]
        )
    )
    logits = torch.randn(1, 500, generator=torch.Generator().manual_seed(1)).repeat(3, 1)
    first = marks.apply(logits.clone())
    assert [int(torch.isinf(row).sum()) for row in first] == [499, 0, 499]
    assert first[0].argmax() != first[2].argmax()
    assert (first[1] == logits[1]).all()
    marks.update_state(update(moved=[(0, 2, Direction.SWAP)]))
    outs["a"].append(9)
    outs["b"].append(9)
    again = marks.apply(logits.clone())
    marks.update_state(update(removed=[0], moved=[(2, 0, Direction.UNIDIRECTIONAL)]))
    outs["a"].append(9)
    alone = marks.apply(logits.clone())
    assert torch.isinf(again[0]).sum() == torch.isinf(again[2]).sum() == 499
    assert [int(torch.isinf(row).sum()) for row in alone] == [499, 0, 0]
    marks.update_state(None)


def test_temperature_is_what_is_sampled_from(adapter):
    """The engine divides by the temperature afterwards; the chosen token keeps the law at that
    temperature.
    """
    logits = torch.tensor([[0.0, 1.0, 2.0, 3.0]])
    chosen = torch.zeros(4)
    for turn in range(4_000):
        marks = adapter.Marks(None, "cpu", False)
        marks.update_state(update(added=[(0, request("a", 2.0), [1], [turn, 7])]))
        chosen[marks.apply(logits.clone())[0].argmax()] += 1
    assert torch.allclose(chosen / 4_000, torch.softmax(logits[0] / 2, -1), atol=0.03)


def test_a_greedy_request_is_not_marked_and_a_bad_one_is_refused(adapter):
    marks = adapter.Marks(None, "cpu", False)
    marks.update_state(update(added=[(0, request("a", 0.0), [1], [1, 2])]))
    assert not marks.rows
    for extra in ({"stillwatch_mark": "gumbel"}, {"stillwatch_mark": "nothing", "stillwatch_campaign": "a"},
                  {"stillwatch_mark": "fingerprint", "stillwatch_campaign": "a"}):  # fmt: skip
        with pytest.raises(ValueError, match=r"stillwatch_mark|no mark|proxy"):
            adapter.Marks.validate_params(SimpleNamespace(extra_args=extra))


def test_without_a_keyring_the_engine_does_not_start(adapter, monkeypatch):
    monkeypatch.delenv("STILLWATCH_KEYRING")
    with pytest.raises(UsageError, match="STILLWATCH_KEYRING"):
        adapter.Marks(None, "cpu", False)


@pytest.mark.issue(25)
def test_what_was_served_is_in_the_ledger_when_a_request_ends(adapter, tmp_path):
    from stillwatch.prove import ledger
    from stillwatch.prove.keyring import read

    marks = adapter.Marks(None, "cpu", False)
    outs = {name: [3, 4] for name in "abx"}
    some = [
        (0, request("a"), [1], outs["a"]),
        (1, request(), [1], outs["x"]),
        (2, request("b", account="b1"), [1], outs["b"]),
    ]
    marks.update_state(update(added=some))
    path = tmp_path / "marks.ledger.jsonl"
    assert not path.exists()
    outs["a"].append(9)
    outs["b"].append(9)
    marks.update_state(
        update(removed=[0, 1], added=[(0, request("a"), [1], [])])
    )  # one that ends without a token is not served
    marks.update_state(update(removed=[0], moved=[(2, 0, Direction.UNIDIRECTIONAL)]))
    marks.update_state(update(removed=[0]))
    ring = read(tmp_path / "marks.json")
    known = ledger.read([path], ring)
    assert {name: (len(one.marked), one.accounts) for name, one in known.served.items()} == {
        "gumbel/a/1": (1, {"a1"}),
        "gumbel/b/1": (1, {"b1"}),
    }
    assert (
        ledger.entry(ring, ring.issued[0], "a1", [3, 4, 9], is_marked=True).answer
        in known.served["gumbel/a/1"].marked
    )


@pytest.mark.issue(25)
def test_a_campaign_without_a_key_is_served_unmarked_until_its_key_is_issued(adapter, tmp_path, caplog):
    from stillwatch.prove.keyring import read

    marks = adapter.Marks(None, "cpu", False)
    marks.update_state(update(added=[(0, request("new"), [1], [3]), (1, request("a"), [1], [3])]))
    assert set(marks.rows) == {1}
    assert "unmarked" in caplog.text
    path = tmp_path / "marks.json"
    ring, _ = read(path).issue("gumbel", "new", since="2026-02-01T00:00:00Z", width=2, strength=1.0)
    ring.write(path)
    marks.update_state(update(added=[(0, request("new"), [1], [3])]))
    assert set(marks.rows) == {0, 1}


@pytest.mark.issue(25)
def test_an_engine_goes_on_where_the_ledger_cannot_be_written(adapter, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("STILLWATCH_LEDGER", str(tmp_path / "marks.json" / "no folder"))
    marks = adapter.Marks(None, "cpu", False)
    marks.update_state(update(added=[(0, request("a"), [1], [3, 4])]))
    marks.update_state(update(removed=[0]))
    assert "not in the ledger" in caplog.text
