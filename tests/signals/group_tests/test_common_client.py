from types import SimpleNamespace

import ibis
import numpy as np
import pytest
from crowds import load

TEST = load("common_client")


def rows_of(members, others):
    value = np.concatenate([members, others])
    return {"value": value, "exchanges": np.full(len(value), 5), "account": np.arange(len(value))}, np.arange(
        len(value)
    ) < len(members)


def test_members_of_whom_half_use_one_rare_program_have_a_cause_to_act_alike():
    found = TEST.statistic(*rows_of(np.array([7] * 10 + list(range(20, 30))), np.arange(30, 230)))
    assert found.silences == ("timing",)
    assert "50 %" in found.statement


def test_a_program_that_everybody_uses_explains_nothing():
    assert TEST.statistic(*rows_of(np.zeros(20, int), np.zeros(200, int))) is None


def test_of_values_that_all_members_show_the_rarest_elsewhere_is_told_whatever_their_codes():
    said = set()
    for order in ((0, 1), (1, 0)):
        wide, narrow = order
        account = np.concatenate([np.repeat(np.arange(20), 2), np.arange(20, 120)])
        value = np.concatenate([np.tile([wide, narrow], 20), np.where(np.arange(100) < 5, wide, 2)])
        rows = {"account": account, "value": value, "exchanges": np.ones(len(account), np.int64)}
        said.add(TEST.statistic(rows, account < 20).statement)
    assert len(said) == 1
    assert "which 0.0 % of other" in said.pop()


@pytest.mark.issue(4)
def test_people_of_one_mail_domain_on_one_network_are_of_one_institution_whatever_their_addresses():
    def seen(account, kind, value, exchanges):
        return {"account_id": account, "kind": kind, "value": value, "half": 0, "exchanges": exchanges}

    rows = []
    for i in range(60):
        student = i < 12
        rows.append(seen(f"a{i:02}", "asn", "7" if student else str(100 + i), 5))
        rows.append(seen(f"a{i:02}", "asn", "9", 1))  # now and then from home
        rows.append(seen(f"a{i:02}", "email_domain", "uni.edu" if student else "mail.com", 0))
        rows.append(seen(f"a{i:02}", "client_prefix", f"10.0.{i}.0/24", 5))
    asked = TEST.rows(SimpleNamespace(sightings=ibis.memtable(rows))).to_pyarrow()
    account, value = (
        asked.column(name).combine_chunks().dictionary_encode() for name in ("account_id", "value")
    )
    columns = {
        "account": account.indices.to_numpy(),
        "value": value.indices.to_numpy(),
        "exchanges": asked.column("exchanges").to_numpy(),
    }
    inside = np.array([name.as_py() < "a16" for name in asked.column("account_id")])
    found = TEST.statistic(columns, inside)
    assert found.accounts == 12
    assert found.silences == ("timing",)
