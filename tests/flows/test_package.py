"""The numbers of a real scan follow from the tables in its packages, which name no account that they
should not name.
"""

import re

import pyarrow.parquet as pq
import pytest

from stillwatch.package import alone
from stillwatch.package.check import Trust, check
from stillwatch.package.make import order_of, package

pytestmark = pytest.mark.issue(27)


@pytest.fixture(scope="module")
def packages(results, tmp_path_factory):
    out = tmp_path_factory.mktemp("packages")
    for level in ("sealed", "keyed", "open"):
        package(results[0], out / level, order_of(level, None))
    return out


@pytest.mark.parametrize("level", ["keyed", "open"])
def test_every_number_of_a_scan_that_can_be_derived_follows_from_the_tables(results, packages, level):
    verdict = check(packages / level, Trust())
    assert verdict.faults == []
    assert alone.verify(packages / level)[0] == []
    assert verdict.numbers > 20 * len(results[1]["campaigns"]) > 0


def test_no_account_of_a_scan_is_in_a_keyed_package_and_none_of_others_in_an_open_one(
    results, packages, world
):
    accounts = set(pq.read_table(world / "accounts.parquet").column("account_id").to_pylist())
    members = set(pq.read_table(results[0] / "members.parquet").column("account_id").to_pylist())
    assert members < accounts
    assert all(re.fullmatch(r"[\w-]+", account) for account in accounts)
    for level, hidden in (("sealed", accounts), ("keyed", accounts), ("open", accounts - members)):
        text = b"".join(
            path.read_bytes() for path in (packages / level).rglob("*") if path.is_file()
        ).decode()
        assert not hidden & set(re.findall(r"[\w-]+", text))
