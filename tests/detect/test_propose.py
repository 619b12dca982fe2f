"""Candidates of links made by hand: groups that share values, whatever the order of the links."""

import random
from dataclasses import replace

import pyarrow as pa
import pytest

from stillwatch.detect import propose as proposing
from stillwatch.detect.propose import ATTRIBUTES, LARGEST_SHARE_OF_ACCOUNTS, SPARED, propose
from stillwatch.detect.weigh import LINKS
from stillwatch.signals import registry
from stillwatch.signals.registry import GRAPHS, all_indicators, indicator, kinds_by_graph

pytestmark = pytest.mark.issue(22)


def linked(*groups, others=60):
    """Links of groups (kind, first account, last account + 1), each with three values of its kind, and of
    other accounts in pairs.
    """
    rows = [
        (f"a{account:03}", kind, f"{kind}-{first}-{value}", 2.0, end - first)
        for kind, first, end in groups
        for account in range(first, end)
        for value in range(3)
    ]
    rows += [(f"b{n:03}", "user_agent", f"pair-{n // 3}", 0.5, 3) for n in range(others)]
    return pa.Table.from_pylist(
        [
            {"account_id": a, "kind": k, "value": v, "weight": w, "exchanges": 5, "holders": h}
            for a, k, v, w, h in rows
        ],
        LINKS,
    )


def members(first, end):
    return frozenset(f"a{n:03}" for n in range(first, end))


def test_accounts_that_share_rare_values_are_a_candidate():
    found = propose(linked(("client_prefix", 0, 12), ("prompt_template", 20, 35)))
    assert {members(0, 12), members(20, 35)} <= {one.accounts for one in found}


def test_candidates_are_distinct_largest_first_and_none_has_most_accounts():
    found = propose(linked(("asn", 0, 12), ("user_agent", 20, 40)))
    assert len({one.accounts for one in found}) == len(found)
    assert [len(one.accounts) for one in found] == sorted((len(one.accounts) for one in found), reverse=True)
    assert all(len(one.accounts) <= LARGEST_SHARE_OF_ACCOUNTS * 92 for one in found)


def test_the_order_of_the_links_changes_nothing():
    links = linked(("client_prefix", 0, 12), ("payment_fingerprint", 10, 30))
    order = list(range(links.num_rows))
    random.Random(5).shuffle(order)
    assert propose(links) == propose(links.take(pa.array(order)))


def test_accounts_that_share_an_attribute_alone_are_not_judged_on_attributes():
    (one,) = [c for c in propose(linked(("payment_fingerprint", 0, 12))) if c.accounts == members(0, 12)]
    assert one.graph == ATTRIBUTES
    assert "ownership" in SPARED[one.graph]


def test_every_indicator_names_its_graphs_and_account_attributes_are_apart():
    kinds = kinds_by_graph()
    assert tuple(kinds) == GRAPHS
    for unit in all_indicators():
        assert unit.graphs
        assert unit.is_timed == (unit.card.table == "observations")
        if unit.is_timed:
            assert "behaviour" in unit.graphs
            assert ATTRIBUTES not in unit.graphs
    assert not set(kinds[ATTRIBUTES]) & set(kinds["behaviour"])


def test_a_new_account_attribute_is_proposed_among_attributes_without_being_named_anywhere(monkeypatch):
    @indicator(
        measures="m", innocent=("i",), evaded_by="e", source="s", reads=("accounts.plan",)
    )  # fmt: skip
    def acme_plan(accounts):
        return accounts.plan

    assert acme_plan.graphs == (ATTRIBUTES,)
    assert not acme_plan.is_list
    names = {
        graph: (*kinds, "acme_plan") if graph == ATTRIBUTES else kinds
        for graph, kinds in kinds_by_graph().items()
    }
    monkeypatch.setattr(registry, "all_indicators", lambda: (*all_indicators(), acme_plan))
    assert registry.kinds_by_graph.__wrapped__() == names
    monkeypatch.setattr(proposing, "kinds_by_graph", lambda: names)
    found = [c for c in propose(linked(("acme_plan", 0, 12))) if c.accounts == members(0, 12)]
    assert [one.graph for one in found] == [ATTRIBUTES]


def test_a_declaration_may_name_other_graphs():
    asn = next(unit for unit in all_indicators() if unit.card.name == "asn")
    assert set(asn.graphs) > {"network"}
    peer = next(unit for unit in all_indicators() if unit.card.name == "peer_match")
    assert peer.graphs == ("attributes",)
    assert replace(peer, graphs=("network",)).graphs == ("network",)
