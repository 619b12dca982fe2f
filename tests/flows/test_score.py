from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.errors import InputError
from stillwatch.flows.score import score

START = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
def folder(tmp_path):
    """Ten planted exchanges of five accounts, ten honest of five; one planted account missed, one honest
    flagged.
    """
    (tmp_path / "world").mkdir()
    ids = [f"x{i}" for i in range(20)]
    accounts = [f"c{i % 5}" if i < 10 else f"h{i % 5}" for i in range(20)]
    truth = pa.table(
        {
            "exchange_id": ids,
            "account_id": accounts,
            "campaign_id": ["K" if i < 10 else None for i in range(20)],
        }
    )
    pq.write_table(truth, tmp_path / "world" / "truth.parquet")
    log = pa.table(
        {
            "exchange_id": ids,
            "account_id": accounts,
            "model": ["m"] * 20,
            "timestamp": pa.array([START + timedelta(hours=i) for i in range(20)], pa.timestamp("us", "UTC")),
        }
    )
    pq.write_table(log, tmp_path / "world" / "exchanges.parquet")
    out = tmp_path / "results"
    out.mkdir()
    members = ["c0", "c1", "c2", "c3", "h0"]
    row = {
        "campaign_id": "C1",
        "kind": "harvest",
        "first_seen": START,
        "last_seen": START,
        "detected_at": START + timedelta(hours=3),
        "accounts": 5,
        "exchanges": 8,
        "exchanges_low": 8,
        "exchanges_high": 9,
        "q_value": 0.001,
        "explanation": "one_sheet",
        "capabilities": [],
    }
    pq.write_table(pa.Table.from_pylist([row], contract.CAMPAIGNS.arrow), out / "campaigns.parquet")
    rows = [{"campaign_id": "C1", "account_id": a, "score": 1.0, "exchanges": 2} for a in members]
    pq.write_table(pa.Table.from_pylist(rows, contract.MEMBERS.arrow), out / "members.parquet")
    claimed = [
        {"campaign_id": "C1", "exchange_id": i} for i, a in zip(ids, accounts, strict=True) if a in members
    ]
    pq.write_table(pa.Table.from_pylist(claimed, contract.ATTRIBUTED.arrow), out / "exchanges.parquet")
    return tmp_path


def test_every_number_is_the_one_counted_by_hand(folder):
    scored = score(folder / "results", folder / "world" / "truth.parquet")
    assert scored["accounts"]["precision"] == 4 / 5
    assert scored["accounts"]["recall"] == 4 / 5
    assert scored["accounts"]["honest_flagged_per_100000"] == 1e5 / 5
    assert scored["exchanges"]["precision"] == 8 / 10
    assert scored["exchanges"]["recall"] == 8 / 10
    assert scored["false_campaigns"] == 0
    (campaign,) = scored["campaigns"]
    assert campaign["accounts_found"] == 4
    assert campaign["share_before_detection"] == 3 / 10  # exchanges at hours 0, 1 and 2 of 0 to 9


def detected(folder, *moments):
    """Replace the one campaign by one for each moment of detection, with the same members and exchanges."""
    out = folder / "results"
    for table in ("campaigns", "members", "exchanges"):
        rows = pq.read_table(out / f"{table}.parquet").to_pylist()
        schema = pq.read_schema(out / f"{table}.parquet")
        many = [r | {"campaign_id": f"C{n}"} for n in range(len(moments)) for r in rows]
        if table == "campaigns":
            many = [r | {"detected_at": m} for r, m in zip(many, moments, strict=True)]
        pq.write_table(pa.Table.from_pylist(many, schema), out / f"{table}.parquet")
    return score(out, folder / "world" / "truth.parquet")["campaigns"][0]


@pytest.mark.issue(20)
def test_a_campaign_that_sufficed_at_no_look_has_no_moment_and_no_share(folder):
    campaign = detected(folder, None)
    assert campaign["reported_as"] == ["C0"]
    assert campaign["accounts_found"] == 4
    assert campaign["detected_at"] is None
    assert campaign["share_before_detection"] is None


@pytest.mark.issue(20)
def test_of_two_reports_of_one_campaign_the_first_moment_that_is_known_counts(folder):
    campaign = detected(folder, None, START + timedelta(hours=5))
    assert campaign["reported_as"] == ["C0", "C1"]
    assert campaign["share_before_detection"] == 5 / 10


def test_without_the_logs_the_share_is_unknown_and_the_rest_is_told(folder):
    (folder / "world" / "exchanges.parquet").unlink()
    (campaign,) = score(folder / "results", folder / "world" / "truth.parquet")["campaigns"]
    assert campaign["share_before_detection"] is None
    assert campaign["accounts_found"] == 4


def test_a_truth_without_its_columns_is_refused(folder):
    with pytest.raises(InputError, match="campaign_id"):
        score(folder / "results", folder / "world" / "exchanges.parquet")
