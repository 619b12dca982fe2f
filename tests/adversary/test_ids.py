"""An exchange id that its sender chose costs no row and hides no campaign."""

import json
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.flows.content_blind import sketch
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.score import score
from stillwatch.sketch.keys import Key
from stillwatch.sketch.observe import observe
from tests.readers.logs import row

KEY = Key(master=bytes(range(32)))


def keys(rows, key=KEY):
    (table,) = observe([pa.Table.from_pylist(rows, EXCHANGES.arrow)], key, 1)
    return table.column("exchange_key").to_pylist()


def exchange(**changes):
    return row(1) | {"timestamp": datetime(2026, 5, 1, 14, 2, tzinfo=UTC)} | changes


@pytest.mark.issue(21)
def test_only_a_row_of_one_id_account_time_and_text_is_a_copy():
    one = exchange()
    others = [
        exchange(exchange_id="x2"),
        exchange(account_id="a9"),
        exchange(timestamp=one["timestamp"] + timedelta(microseconds=1)),
        exchange(prompt="another"),
        exchange(prompt=None),
    ]
    first, copy, *rest = keys([one, exchange(), *others])
    assert first == copy
    assert len({first, *rest}) == 1 + len(others)
    assert keys([one], key=Key(master=bytes(32))) != [first]


@pytest.mark.issue(21)
@pytest.mark.parametrize("how", ["logs", "sketches"])
def test_one_id_for_all_loses_no_row_and_a_delivery_again_counts_once(tmp_path, how):
    rows = [
        row(number, exchange_id="same", timestamp=f"2026-05-01T14:{number:02}:00Z") for number in range(30)
    ]
    text = "".join(json.dumps(one) + "\n" for one in [*rows, *rows[:4]])
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "a.jsonl").write_text(text)
    paths = [str(logs)]
    if how == "sketches":
        sketch(paths, tmp_path / "sketches", KEY, {})
        paths = [str(tmp_path / "sketches")]
        held = ds.dataset(sorted((tmp_path / "sketches").glob("sketch-*.parquet"))).to_table()
        held = held.select(["exchange_key", "account_id", "timestamp"]).to_pylist()
        guessed = keys(
            [
                row(n)
                | {"exchange_id": "same", "timestamp": one["timestamp"], "account_id": one["account_id"]}
                for n in range(30)
                for one in held
            ],
            Key(master=bytes(32)),
        )
        assert not set(guessed) & {one["exchange_key"] for one in held}, (
            "a guess at the text can be checked without the key"
        )
    overview = scan(paths, tmp_path / "r", Options(names={}, replay=False, store=tmp_path / "store"))
    assert (overview["exchanges"], overview["duplicates"]) == (30, 4)
    again = scan(paths, tmp_path / "r", Options(names={}, replay=False, store=tmp_path / "store"))
    assert (again["exchanges"], again["duplicates"]) == (30, 4)


@pytest.mark.issue(21)
def test_a_campaign_that_sends_one_id_is_found_with_all_of_its_exchanges(tmp_path, small_world):
    world = tmp_path / "world"
    small_world(world)
    truth = pq.read_table(world / "truth.parquet")
    planted = pc.is_valid(truth.column("campaign_id"))
    members = truth.filter(planted).column("account_id").unique()
    for path in sorted((world / "exchanges").rglob("*.parquet")):
        table = pq.read_table(path, partitioning=None)
        same = pc.if_else(
            pc.is_in(table.column("account_id"), members), "x-request-id", table.column("exchange_id")
        )
        pq.write_table(table.set_column(table.column_names.index("exchange_id"), "exchange_id", same), path)
    ids = pc.if_else(
        pc.is_in(truth.column("account_id"), members), "x-request-id", truth.column("exchange_id")
    )
    pq.write_table(
        truth.set_column(truth.column_names.index("exchange_id"), "exchange_id", ids), world / "truth.parquet"
    )
    overview = scan([str(world)], tmp_path / "r", Options(names={}, replay=False, show_prompts=True))
    assert overview["duplicates"] == 0
    assert overview["exchanges"] == truth.num_rows
    found = {
        name: pq.read_table(tmp_path / "r" / f"{name}.parquet")
        for name in ("campaigns", "members", "exchanges", "prompts")
    }
    assert found["campaigns"].num_rows == 1
    assert found["exchanges"].num_rows == pc.sum(found["members"].column("exchanges")).as_py()
    by = ["exchange_id", "account_id", "timestamp"]
    assert found["exchanges"].group_by(by).aggregate([]).num_rows > 0.99 * found["exchanges"].num_rows
    assert found["prompts"].num_rows == pq.read_metadata(tmp_path / "r" / "texts.parquet").num_rows > 0
    told = score(tmp_path / "r", world / "truth.parquet")
    assert told["accounts"]["recall"] > 0.9
    assert told["exchanges"]["precision"] > 0.9
    assert told["exchanges"]["flagged"] == found["exchanges"].num_rows
