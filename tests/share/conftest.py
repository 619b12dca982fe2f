"""A server of ours on a free port, and state folders with peers."""

import threading

import pytest

from stillwatch.share.serving import Address, serve
from stillwatch.share.state import SharingState
from tests.export.conftest import folder  # noqa: F401  the small results of the exporters' tests


@pytest.fixture
def running():
    """Serves an application in a thread; returns its address."""

    def start(app):
        found, up = [], threading.Event()

        def ready(url):
            found.append(url)
            up.set()

        threading.Thread(target=serve, args=(app, Address(), ready), daemon=True).start()
        assert up.wait(20)
        return found[0]

    return start


@pytest.fixture
def state(tmp_path):
    with SharingState(tmp_path / "sharing") as held:
        yield held
