"""A server of ours on a free port, and state folders with peers."""

import importlib.util
import sys
import threading
from pathlib import Path

import pytest

from stillwatch.share.serving import Address, serve
from stillwatch.share.state import SharingState


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


sys.path.insert(0, str(Path(__file__).parents[1] / "export"))
spec = importlib.util.spec_from_file_location(
    "export_conftest", Path(__file__).parents[1] / "export/conftest.py"
)
planted_results = importlib.util.module_from_spec(spec)
spec.loader.exec_module(planted_results)
folder = planted_results.folder  # the small results of the exporters' tests
