"""A world that several processes write is the world that one writes."""

import pytest

from stillwatch.simulate import worlds
from stillwatch.simulate.worlds import simulate


@pytest.mark.issue(4)
def test_days_written_by_several_processes_are_byte_for_byte_those_of_one(tmp_path, monkeypatch):
    for name, many in (("one", worlds.EXCHANGES_IN_ONE_PROCESS), ("several", 1)):
        monkeypatch.setattr(worlds, "EXCHANGES_IN_ONE_PROCESS", many)
        simulate("stealth-2", seed=9, out=tmp_path / name, scale=0.02)
    one, several = (
        {p.relative_to(tmp_path / name): p.read_bytes() for p in (tmp_path / name).rglob("*") if p.is_file()}
        for name in ("one", "several")
    )
    assert one == several


def test_rate_multiplies_exchanges_and_leaves_accounts(tmp_path):
    usual = simulate("stealth-1", seed=2, out=tmp_path / "usual", scale=0.05)
    more = simulate("stealth-1", seed=2, out=tmp_path / "more", scale=0.05, rate=2.0)
    assert more.accounts == usual.accounts
    assert 1.6 < more.exchanges / usual.exchanges < 2.4
