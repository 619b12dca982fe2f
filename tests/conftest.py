"""What every test may rely on: golden files, a seeded generator, the command line, a small world, a
browser, and a watch over skipped issues.
"""

import os
import shutil
from pathlib import Path

import pytest

BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
SKIPPED_ISSUES = pytest.StashKey[list[str]]()


def pytest_addoption(parser):
    parser.addoption("--golden", action="store_true", help="rewrite the golden files instead of comparing")
    parser.addoption(
        "--times", action="store_true", help="measure the times that the docs state, and write them"
    )


def pytest_configure(config):
    config.stash[SKIPPED_ISSUES] = []
    if os.environ.get("CI") == "true" and not hasattr(config, "workerinput"):
        config.pluginmanager.register(IssuesAreNotSkipped(config), "issues-are-not-skipped")


def pytest_collection_modifyitems(config, items):
    for item in items:
        for mark in item.iter_markers("issue"):
            item.user_properties.append(("issue", str(mark.args[0])))
    writers = [
        name for option, name in (("--golden", "golden"), ("--times", "timed")) if config.getoption(option)
    ]
    if writers:
        kept = [item for item in items if set(writers) & set(getattr(item, "fixturenames", ()))]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept


OF_ONE_SCAN = {f"tests/flows/test_{name}.py" for name in ("newcomers", "package", "profiles", "scan")}
"""Files that share the scan of `tests/flows/conftest.py`, which takes a minute of one core."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With several processes, one of them runs all tests of a file, and of the files that share a scan, so
    that no fixture of theirs is made twice. Files run in the order of their names.
    """
    from xdist.scheduler import LoadFileScheduling

    class BySharedFixtures(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = nodeid.split("::", 1)[0]
            return "one scan" if file in OF_ONE_SCAN else file

    config.option.loadscopereorder = False
    return BySharedFixtures(config, log)


class IssuesAreNotSkipped:
    """In CI, a test that guards an issue has to run: skipped, it guards nothing."""

    def __init__(self, config):
        self.skipped = config.stash[SKIPPED_ISSUES]

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            issues = [value for name, value in report.user_properties if name == "issue"]
            self.skipped += [f"{report.nodeid} (issue {issue})" for issue in issues]

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session, exitstatus):
        if self.skipped and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.skipped:
            terminalreporter.section("error: tests of issues were skipped", red=True)
            for test in self.skipped:
                terminalreporter.line(test)


@pytest.fixture
def golden(request):
    """Compare a text with the file of the given name beside the test; `./dev golden` rewrites that file."""

    def compare(name: str, text: str) -> None:
        path = Path(request.path).parent / name
        if request.config.getoption("--golden"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return
        assert path.exists(), f"no golden file {path}; write it with `./dev golden`"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs; if that is meant, `./dev golden`"

    return compare


@pytest.fixture
def run(monkeypatch, capsys):
    """Runs the program with these arguments; returns its exit code, standard output and standard error."""
    from stillwatch.cli import main as entry

    def call(*arguments):
        monkeypatch.setattr("sys.argv", ["stillwatch", *map(str, arguments)])
        code = 0
        try:
            entry.main()
        except SystemExit as stop:
            code = int(stop.code or 0)
        told = capsys.readouterr()
        return code, told.out, told.err

    return call


@pytest.fixture(scope="module")
def browser():
    """Chromium, which `./dev` fetches; without it these tests are skipped, which fails where CI is set."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed; ./dev check fetches one")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        one = driver.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield one
        one.close()


@pytest.fixture(scope="session")
def small_world():
    """Writes a world of 500 honest accounts and one open campaign of 120 into a folder, the same each
    time but for `changes` and `more`.
    """
    from stillwatch.simulate.worlds import simulate

    usual = {
        "accounts": 500,
        "exchanges": 9000,
        "campaign.accounts": 120,
        "campaign.exchanges": 9000,
        "campaign.cards": 12,
    }

    def write(out, changes=None, **more):
        simulate("stealth-1", seed=2, out=out, scale=0.25, changes=usual | (changes or {}), **more)

    return write
