"""Packages of a small results folder."""

import pytest

from tests.package.small_results import MEMBER, tables, write_results


@pytest.fixture(scope="session")
def results(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results") / "results", tables())


@pytest.fixture(scope="session")
def key(tmp_path_factory):
    return tmp_path_factory.mktemp("key") / "key.pem"


@pytest.fixture(scope="session")
def made(results, key, tmp_path_factory):
    """Path of a package of each level and of one account; folders, and `.zip` of each."""
    from stillwatch.package.make import order_of, package

    out = tmp_path_factory.mktemp("made")
    for level in ("sealed", "keyed", "open", "account"):
        order = order_of(None, key, account=MEMBER) if level == "account" else order_of(level, key)
        for name in (level, f"{level}.zip"):
            package(results, out / name, order)
    return out
