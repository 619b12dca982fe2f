"""Pseudonyms keep the form that signals read, equal values and nothing else."""

import ipaddress

import ibis
import numpy as np
import pyarrow as pa
import pytest

from stillwatch.package.pseudonyms import Pseudonyms, prefix_of
from stillwatch.signals.registry import all_indicators

pytestmark = pytest.mark.issue(27)
NAMES = Pseudonyms(key=b"k" * 32)
ADDRESSES = ("192.0.2.7", "192.0.2.70", "192.0.3.7", "2001:db8:5::1", "2001:db8:5:1::1", "2001:db8::1", "::1")


def test_equal_values_are_equal_under_one_key_and_kind_and_nothing_is_under_another():
    for kind in ("account", "client_address", "client_prefix", "signup_address", "asn", "email_domain", "x"):
        value = "64500" if kind == "asn" else "192.0.2.7"
        assert NAMES.of(kind, value) == NAMES.of(kind, value)
        assert NAMES.of(kind, value) != Pseudonyms(key=b"l" * 32).of(kind, value)
        assert value not in NAMES.of(kind, value)
    assert NAMES.of("signup_address", "192.0.2.7") != NAMES.of("client_address", "192.0.2.7")


def test_the_prefix_of_a_pseudonym_is_the_pseudonym_of_the_prefix():
    (unit,) = (one for one in all_indicators() if one.card.name == "client_prefix")
    hidden = [NAMES.of("client_address", one) for one in ADDRESSES]
    rows = ibis.memtable(pa.table({"client_ip": [*ADDRESSES, *hidden]}))
    found = rows.select(rows.client_ip, value=unit.value(rows)).to_pyarrow().to_pylist()
    prefix = {row["client_ip"]: row["value"] for row in found}
    for address, name in zip(ADDRESSES, hidden, strict=True):
        assert prefix[address] == prefix_of(address)
        assert prefix[name] == NAMES.of("client_prefix", prefix[address])
        assert str(ipaddress.ip_address(name)) == name
        assert ipaddress.ip_address(name) in ipaddress.ip_network("4000::/2")
    assert len(set(hidden)) == len(ADDRESSES)
    assert prefix[hidden[0]] == prefix[hidden[1]] != prefix[hidden[2]]


def test_no_two_autonomous_systems_have_one_number():
    rng = np.random.default_rng(5)
    systems = {*range(4_000), *rng.integers(0, 2**32, 4_000).tolist(), 2**32 - 1}
    hidden = {int(NAMES.of("asn", str(one))) for one in systems}
    assert len(hidden) == len(systems)
    assert max(hidden) < 2**32


def test_a_mail_domain_in_capitals_is_the_same_domain_and_another_text():
    names = [NAMES.of("email_domain", one) for one in ("mail.example", "Mail.example", "mail.Example")]
    assert len(set(names)) == 3
    assert len({one.lower() for one in names}) == 1
    assert names[0] == names[0].lower()


def test_accounts_of_one_owner_are_sorted_as_their_names_and_no_others():
    team, alone = ["carol", "alice", "bob"], ["zoe", "adam"]
    kept = NAMES.keeping_order([team, *([one] for one in alone)])
    hidden = {name: kept.of("account", name) for name in (*team, *alone)}
    assert sorted(team, key=lambda name: hidden[name]) == sorted(team)
    assert {hidden[name] for name in team} == {NAMES.of("account", name) for name in team}
    assert {hidden[name] for name in alone} == {NAMES.of("account", name) for name in alone}
