"""A campaign that is found is found however its sender fills his own fields; the whole list, on larger
worlds, is that of `scripts/evasion.py`.
"""

import numpy as np
import pyarrow.compute as pc
import pytest

from tests.scripts import script

evasion = script("evasion")
SCANNED = (
    "conversation id: one for all",
    "client: one of its own, with a TLS fingerprint",
    "time: one minute of the hour for all",
    "prompt: characters of no width",
    "added: requests copied from honest accounts",
)
"""Fillings that are scanned here, one for each kind of field; those of ids and of time hid campaigns once."""
OF_CLIENTS = {
    "exchange_id", "conversation_id", "api_key_id", "user_agent", "tls_fingerprint", "system_prompt", "prompt",
    "tool_names", "model", "temperature", "top_p", "max_tokens", "stream", "operation", "timestamp",
    "input_tokens", "email_domain", "email_local_shape",
}  # fmt: skip
"""Columns that a client fills, and the size of what it sent."""


@pytest.fixture(scope="module")
def world(tmp_path_factory, small_world):
    """One open campaign of 120 accounts among 500 honest ones."""
    folder = tmp_path_factory.mktemp("world")
    small_world(folder)
    return evasion.read_world(folder)


@pytest.fixture(scope="module")
def usual(world, tmp_path_factory):
    """The accounts found where nothing is filled in otherwise, and a folder with the store of honest rows."""
    folder = tmp_path_factory.mktemp("scans")
    return evasion.found(world, folder, None), folder


def test_a_filling_changes_what_a_client_fills_in_the_campaigns_own_rows_alone(world):
    rows, people = evasion.filled(world, None, 1)
    assert len(evasion.FILLINGS) >= 40
    touched = set()
    for name, filling in evasion.FILLINGS.items():
        now, accounts = evasion.filled(world, filling, 1)
        again, _accounts = evasion.filled(world, filling, 1)
        assert now.equals(again), name
        assert now.schema == rows.schema, name
        assert set(pc.unique(now["account_id"]).to_pylist()) == set(pc.unique(rows["account_id"]).to_pylist())
        changed = {c for c in people.column_names if not people[c].equals(accounts[c])}
        if now.num_rows == rows.num_rows:
            changed |= {c for c in rows.column_names if not rows[c].equals(now[c])}
            # the harvest of this world sends no id of a conversation
            assert changed or name == "conversation id: none"
        else:
            assert name.startswith("added: "), name
            assert pc.all(pc.is_in(rows["exchange_id"], now["exchange_id"].combine_chunks())).as_py(), name
        assert changed <= OF_CLIENTS, name
        touched |= changed
    assert touched == OF_CLIENTS


@pytest.mark.issue(21)
@pytest.mark.parametrize("name", SCANNED)
def test_a_campaign_is_found_however_its_fields_are_filled(world, usual, name):
    before, folder = usual
    (campaign,) = world.campaigns
    assert before[campaign] >= 114
    now = evasion.found(world, folder, evasion.FILLINGS[name])
    assert now[campaign] >= np.ceil((1 - evasion.MOST_LOST) * before[campaign])
    # Copied requests make some of those who sent them first look like members: 6 of 500 here.
    assert now["honest"] <= 0.02 * world.people.num_rows
