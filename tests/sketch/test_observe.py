import hashlib
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.sketch.cipher import decipher
from stillwatch.sketch.digest import PUBLIC, digest
from stillwatch.sketch.keys import Key, fresh
from stillwatch.sketch.observe import DIGESTS, LISTS, enciphered, halves, observe, sealed

KEY = Key(master=bytes(range(32)))
START = datetime(2026, 5, 1, tzinfo=UTC)
SECRET = "the merger with Initech closes on Friday"


def exchanges(n=48, **columns):
    rows = [
        {
            "exchange_id": f"x{i}",
            "timestamp": START + timedelta(hours=i),
            "account_id": f"a{i % 3}",
            "model": "m",
            "prompt": SECRET if i % 2 else None,
            "system_prompt": "You are discreet.",
        }
        | {name: values[i] for name, values in columns.items()}
        for i in range(n)
    ]
    return pa.Table.from_pylist(rows, EXCHANGES.arrow)


def observed(table, key=KEY):
    return pa.concat_tables(list(observe([table], key)))


def test_no_text_is_left():
    table = observed(exchanges())
    assert {"prompt", "system_prompt", "response", "tool_names"}.isdisjoint(table.column_names)
    assert "Initech" not in str(table.to_pydict())


def test_both_halves_get_every_hour_of_the_day_within_two_days():
    times = pa.array([START + timedelta(hours=h) for h in range(48)], pa.timestamp("us", "UTC"))
    half = halves(times)
    assert sorted(np.flatnonzero(half == 0) % 24) == list(range(24))
    assert sorted(np.flatnonzero(half == 1) % 24) == list(range(24))


def test_what_an_exchange_becomes_does_not_depend_on_its_batch():
    whole = exchanges()
    parts = [whole.slice(0, 10), whole.slice(10, 1), whole.slice(11)]
    assert observed(whole).equals(pa.concat_tables(list(observe(parts, KEY))))


def test_the_order_of_tools_and_their_absence_are_told_apart():
    keys = observed(
        exchanges(4, tool_names=[["a", "b"], ["b", "a"], [], None], prompt=["p"] * 4)
    ).column("shape_key")  # fmt: skip
    assert len(set(keys.to_pylist()[:2])) == 2


@pytest.mark.issue(21)
def test_one_text_has_unrelated_digests_in_every_column_and_under_every_key():
    """A conversation is named by its client: under one key for all, he could ask for the digest of any
    text.
    """
    table = exchanges(4, prompt=[SECRET] * 4, system_prompt=[SECRET] * 4, conversation_id=[SECRET] * 4)
    seen = set()
    for key in (KEY, KEY.for_release("acme"), fresh()):
        told = observed(table, key)
        for name in DIGESTS:
            (value,) = set(told.column(name).to_pylist())
            seen.add(value)
        for name in LISTS:
            seen |= set(told.column(name).to_pylist()[0])
    lists = len(told.column("phrases").to_pylist()[0])
    assert len(seen) == 3 * (len(DIGESTS) + 2 * lists)
    guessed = digest(pa.array([SECRET]), PUBLIC)
    assert not seen & {int(v) for v in guessed.phrases.view(np.int64)}
    assert int(guessed.text_key.view(np.int64)[0]) not in seen


@pytest.mark.issue(21)
def test_what_stands_beside_a_name_reveals_nothing_of_the_key():
    """The account's digest is the same under every key; that of an exchange is a keyed function of its id."""
    one, other = observed(exchanges(), KEY), observed(exchanges(), fresh())
    assert one.column("account_key").equals(other.column("account_key"))
    assert not set(one.column("exchange_key").to_pylist()) & set(other.column("exchange_key").to_pylist())


@pytest.mark.issue(21)
def test_observations_are_put_under_another_key_without_the_text():
    new = fresh()
    table = exchanges(tool_names=[["a"]] * 48, conversation_id=["c"] * 48)
    told = enciphered(observed(table), new, KEY)
    wanted = observed(table, new)
    for name in (*DIGESTS, *LISTS, "exchange_key"):
        assert told.column(name).to_pylist() == wanted.column(name).to_pylist(), name


@pytest.mark.issue(21)
def test_a_text_whose_public_digest_would_be_nothing_is_something():
    """Whoever knows the public seed can look for such a text; his prompt must not count as absent."""
    from stillwatch.sketch import digest_loops

    assert int(digest_loops._some(np.uint64(0))) == 1
    assert int(digest_loops._some(np.uint64(7))) == 7


@pytest.mark.issue(21)
def test_a_quarantined_row_cannot_be_guessed_without_the_key():
    pins = [hashlib.sha256(f"{pin:04}".encode()).hexdigest() for pin in range(10_000)]
    row = {"file": "a", "row": 1, "column": None, "reason": "r", "raw_sha256": pins[4711]}
    lost = pa.Table.from_pylist([row, row | {"raw_sha256": None}])
    kept = sealed(lost, KEY).column("raw_sha256").to_pylist()
    assert kept[0] not in pins
    assert len(kept[0]) == 64
    assert kept[1] is None
    assert sealed(lost, fresh()).column("raw_sha256").to_pylist()[0] != kept[0]
    assert sealed(lost, None).column("raw_sha256").to_pylist() == [None, None]
    assert sealed(lost, KEY).schema == lost.schema


@pytest.mark.issue(21)
def test_enciphered_digests_are_those_of_the_public_function_and_no_others():
    """One digest for scans and sketches: what stands in a store is the public digest under the column's
    key.
    """
    told = observed(exchanges())
    plain = digest(pa.array([SECRET]), PUBLIC)
    stored = np.array(told.column("text_key").to_pylist(), np.int64).view(np.uint64)
    assert set(decipher(stored, KEY.of("text_key")).tolist()) == {0, int(plain.text_key[0])}


@pytest.mark.issue(21)
def test_an_exchange_is_known_by_id_account_time_and_text():
    """A sender who gives all of his requests one id, or another's, loses no row and takes none."""
    same = exchanges(
        4, exchange_id=["x"] * 4, timestamp=[START] * 4, account_id=["a"] * 4, prompt=["p", "p", "q", None]
    )
    one, two, three, four = observed(same).column("exchange_key").to_pylist()
    assert one == two
    assert len({one, three, four}) == 3
    for change in (
        {"account_id": ["b"] * 4},
        {"timestamp": [START + timedelta(seconds=1)] * 4},
        {"exchange_id": ["y"] * 4},
    ):
        told = {
            "exchange_id": ["x"] * 4,
            "timestamp": [START] * 4,
            "account_id": ["a"] * 4,
            "prompt": ["p"] * 4,
        } | change
        assert observed(exchanges(4, **told)).column("exchange_key")[0].as_py() != one
