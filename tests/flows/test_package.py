"""The numbers of a real scan follow from the tables in its packages."""

import json

import pytest

from stillwatch.package import alone
from stillwatch.package.check import Trust, check
from stillwatch.package.make import order_of, package


@pytest.mark.issue(27)
@pytest.mark.parametrize("level", ["keyed", "open"])
def test_every_number_of_a_scan_that_can_be_derived_follows_from_the_tables(results, tmp_path, level):
    folder, overview = results
    package(folder, tmp_path / level, order_of(level, None))
    verdict = check(tmp_path / level, Trust())
    assert verdict.faults == []
    assert alone.verify(tmp_path / level)[0] == []
    campaigns = len(overview["campaigns"])
    assert verdict.numbers > 20 * campaigns > 0


@pytest.mark.issue(27)
def test_no_account_of_a_scan_is_in_a_keyed_package_and_none_of_others_in_an_open_one(
    results, world, tmp_path
):
    import pyarrow.parquet as pq

    folder, _overview = results
    accounts = set(pq.read_table(world / "accounts.parquet").column("account_id").to_pylist())
    members = set(pq.read_table(folder / "members.parquet").column("account_id").to_pylist())
    for level, hidden in (("sealed", accounts), ("keyed", accounts), ("open", accounts - members)):
        package(folder, tmp_path / level, order_of(level, None))
        text = b"".join(
            path.read_bytes() for path in (tmp_path / level).rglob("*") if path.is_file()
        ).decode()
        assert hidden
        assert not [account for account in hidden if account in text]
    manifest = json.loads((tmp_path / "open/manifest.json").read_text())
    assert "table lead_members" in manifest["withheld"]
