from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.sketch.observe import halves, observe

KEY = 42
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
