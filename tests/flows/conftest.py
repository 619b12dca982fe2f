"""One small world, simulated and scanned once for all tests of flows."""

import pytest

from stillwatch.flows.scan import Options, scan
from stillwatch.simulate.worlds import simulate


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    simulate("demo", seed=3, out=folder, scale=0.3)
    return folder


@pytest.fixture(scope="session")
def results(world, tmp_path_factory):
    out = tmp_path_factory.mktemp("scan") / "results"
    overview = scan([str(world)], out, Options(names={}, profile=True))
    return out, overview
