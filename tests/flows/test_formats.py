import pyarrow.parquet as pq
import pytest

from stillwatch.flows.scan import Options, scan
from tests.flows.traffic import WRITERS, write


@pytest.fixture(scope="module")
def scanned(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("formats")
    small_world(folder / "world")
    told = {}
    for name in WRITERS:
        write(folder / "world", folder / name, name)
        overview = scan([str(folder / name)], folder / f"{name}-out", Options(names={}, replay=False))
        told[name] = (overview, folder / f"{name}-out")
    return told


@pytest.mark.issue(5)
def test_each_log_is_recognised_and_says_why(scanned):
    for name, (overview, _out) in scanned.items():
        (one,) = overview["inputs"]
        assert one["format"] == name
        assert one["why"]
        assert overview["quarantined"] == 0


@pytest.mark.issue(5)
def test_the_same_traffic_in_five_formats_gives_identical_campaigns(scanned):
    first = None
    for name, (overview, out) in scanned.items():
        tables = {
            table: pq.read_table(out / f"{table}.parquet").to_pylist()
            for table in ("campaigns", "members", "exchanges", "evidence", "timeline")
        }
        assert overview["campaigns"], name
        first = first or tables
        assert tables == first, name
