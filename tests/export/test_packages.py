"""An open package is exported as the results that it was made of; what was changed, and what shows no
values, is refused.
"""

import pytest

from stillwatch.package.make import order_of, package
from tests.package.small_results import tables, write_results

pytestmark = pytest.mark.issue(28)


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Small results whose numbers follow from their tables, as those of a scan."""
    return write_results(tmp_path_factory.mktemp("results") / "results", tables())


@pytest.mark.parametrize("name", ["stix", "misp", "ocsf", "csv", "blocklist", "sigma", "navigator"])
def test_an_open_package_gives_what_its_results_give(run, results, tmp_path, monkeypatch, name):
    monkeypatch.setenv("STILLWATCH_KEY", "a secret of the provider, of 16 bytes or more")
    for out in ("open.zip", "open"):
        package(results, tmp_path / out, order_of("open", None))
    told = []
    for source in (results, tmp_path / "open.zip", tmp_path / "open"):
        code, _out, _err = run("export", source, "--to", name, "--out", tmp_path / f"{source.name}-{name}")
        assert code == 0
        (file,) = (tmp_path / f"{source.name}-{name}").iterdir()
        told.append(file.read_bytes())
    assert told[1] == told[2]
    assert told[0] == told[1]


def test_a_changed_package_and_one_that_shows_no_values_are_refused(run, results, tmp_path):
    package(results, tmp_path / "open", order_of("open", None))
    (tmp_path / "open/tables/members.jsonl").write_bytes(b"{}\n")
    code, _out, err = run("export", tmp_path / "open", "--to", "csv", "--out", tmp_path / "a.csv")
    assert (code, "not as it was made" in err) == (1, True)
    for level in ("keyed", "sealed"):
        package(results, tmp_path / level, order_of(level, None))
        code, _out, err = run("export", tmp_path / level, "--to", "csv", "--out", tmp_path / "b.csv")
        assert (code, "shows no values" in err) == (1, True)
    assert not (tmp_path / "a.csv").exists()
