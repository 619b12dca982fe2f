"""A scan of the small world, made once."""

import pytest


@pytest.fixture(scope="session")
def world(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("world")
    small_world(folder)
    return folder


@pytest.fixture(scope="session")
def scanned(world):
    import stillwatch

    with stillwatch.scan(world, fdr=0.01, seed=0) as result:
        yield result
