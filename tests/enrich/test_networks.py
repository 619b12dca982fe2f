"""Is the longest listed prefix found, whatever overlaps, and does a bad list say so?"""

import ipaddress

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.enrich.networks import Network, bundled, from_files, networks_of, read, systems
from stillwatch.errors import InputError


def slow(some, address):
    """The obvious way: try all prefixes, from the shortest to the longest."""
    found = None
    at = ipaddress.ip_address(address)
    for one in sorted(some, key=lambda one: ipaddress.ip_network(one.prefix).prefixlen):
        net = ipaddress.ip_network(one.prefix)
        if net.version == at.version and at in net:
            found = (
                one.asn if one.asn is not None or found is None else found[0],
                one.kind or (found[1] if found else ""),
            )
    return found


prefixes = st.lists(
    st.tuples(
        st.integers(0, 2**8 - 1),
        st.integers(25, 32),
        st.one_of(st.none(), st.integers(1, 9)),
        st.sampled_from(["", "vpn", "hosting"]),
    ),
    max_size=25,
)


@given(prefixes, st.integers(0, 255))
@settings(max_examples=400, deadline=None)
def test_look_ups_equal_trying_every_prefix(told, last):
    some = {}
    for place, length, asn, kind in told:
        net = ipaddress.ip_network((f"10.0.0.{place}", length), strict=False)
        some[str(net)] = Network(str(net), asn, kind)
    address = f"10.0.0.{last}"
    one, wanted = networks_of(some.values()).of(address), slow(some.values(), address)
    assert (one is None) == (wanted is None)
    if one is not None:
        assert (one.asn, one.kind) == wanted


def test_families_do_not_mix_and_what_is_no_address_is_unknown():
    known = networks_of([Network("2001:db8::/32", 5, "vpn"), Network("0.0.0.0/8", 6)])
    assert known.of("2001:db8:1::9").asn == 5
    assert known.of("0.1.2.3").asn == 6
    assert known.of("2001:db8:1::/48").asn == 5
    for bad in ("", "x", "::", "300.1.1.1", "9.9.9.9", "\x00", "1" * 5000):
        assert known.of(bad) is None


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "network,asn,class,name\n192.0.2.0/24,AS64500,datacenter,Example\nnonsense,1,,\n"),
        (
            "geo.csv",
            "network,autonomous_system_number,autonomous_system_organization\n192.0.2.0/24,64500,Example\n",
        ),
        ("exits.txt", "# exits\n192.0.2.7\n192.0.2.9 # two\n"),
    ],
)
def test_lists_as_they_are_published_are_read(tmp_path, name, text):
    path = tmp_path / name
    path.write_text(text)
    one = networks_of(read(path, "tor")).of("192.0.2.7")
    assert one.kind == ("hosting" if name == "a.csv" else "tor")
    assert one.asn == (None if name == "exits.txt" else 64500)


def test_a_list_without_networks_is_refused_and_a_class_may_be_given(tmp_path):
    bad = tmp_path / "x.csv"
    bad.write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="no network in this file"):
        read(bad)
    with pytest.raises(InputError, match="could not be read"):
        from_files((str(tmp_path / "absent.csv"),))
    good = tmp_path / "exits.txt"
    good.write_text("192.0.2.7\n")
    assert from_files((f"tor={good}",)).of("192.0.2.7").kind == "tor"


def test_systems_are_filled_in_where_the_log_has_none_and_only_there():
    rows = EXCHANGES.empty()
    columns = {name: pa.nulls(5, rows.schema.field(name).type) for name in rows.column_names}
    columns["client_ip"] = pa.array(["192.0.2.1", "192.0.2.1", None, "8.8.8.8", "junk"])
    columns["asn"] = pa.array([None, 7, None, None, None], pa.int64())
    table = pa.table(columns, schema=rows.schema)
    filled = networks_of([Network("192.0.2.0/24", 64500)]).fill(table)
    assert filled["asn"].to_pylist() == [64500, 7, None, None, None]
    assert filled.schema == table.schema
    assert networks_of([]).fill(table) is table


def test_the_bundled_lists_are_there_and_sane():
    known = bundled()
    assert known.number > 50_000
    for version in (4, 6):
        starts, ends = np.array(known.starts[version], object), np.array(known.ends[version], object)
        assert (starts[1:] > ends[:-1]).all()
        assert (starts <= ends).all()
    assert {kind for kind, _ in systems().values()} == {"hosting", "vpn"}
