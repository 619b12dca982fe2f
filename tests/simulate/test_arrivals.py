import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.simulate.arrivals import read_arrivals
from stillwatch.simulate.worlds import simulate


def times_file(path, windows=144, step=600, busy=(60, 72)):
    """Two clients that call between ten and twelve only, in ten-minute windows over a day."""
    second = np.arange(windows) * step
    rate = ((np.arange(windows) >= busy[0]) & (np.arange(windows) < busy[1])).astype(float)
    table = pa.table(
        {"client": ["a"] * windows + ["b"] * windows, "second": np.tile(second, 2), "rate": np.tile(rate, 2)}
    )
    pq.write_table(table, path)
    return path


@pytest.mark.issue(3)
def test_applications_call_when_the_real_clients_did(tmp_path):
    times = times_file(tmp_path / "times.parquet")
    shares = []
    for given, name in ((None, "plain"), (times, "timed")):
        simulate("null", seed=4, out=tmp_path / name, scale=0.03, times=given)
        at = ds.dataset(tmp_path / name / "exchanges").to_table(columns=["timestamp"]).column("timestamp")
        shares.append(pc.mean(pc.is_in(pc.hour(at), pa.array([10, 11])).cast("int8")).as_py())
    plain, timed = shares
    assert plain < 0.2
    assert timed > 1.6 * plain


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"client": ["a"], "rate": [1.0]}, "times file"),
        ({"client": ["a", "a"], "second": [0, 700], "rate": [1.0, 1.0]}, "windows of 700 s"),
        ({"client": ["a"], "second": [0], "rate": [1.0]}, "fewer than two"),
    ],
)
def test_a_file_that_holds_no_arrivals_is_refused_with_what_was_expected(tmp_path, table, told):
    pq.write_table(pa.table(table), tmp_path / "t.parquet")
    with pytest.raises(InputError, match=told):
        read_arrivals(tmp_path / "t.parquet")
