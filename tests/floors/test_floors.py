"""Does the house stand on its floors, and is its door light?"""

import json
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = ("scipy.stats", "ibis", "pyarrow", "duckdb", "numba")

REPORT_HEAVY = f"""
import json, sys
print("\\n" + json.dumps([name for name in {HEAVY!r} if name in sys.modules]))
"""


def heavy_modules_loaded_by(code: str) -> list[str]:
    run = subprocess.run(
        [sys.executable, "-c", code + REPORT_HEAVY], capture_output=True, text=True, timeout=120, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout.splitlines()[-1])


def test_every_import_goes_down_and_every_package_stands_on_a_floor():
    lint_imports = Path(sysconfig.get_path("scripts")) / "lint-imports"
    run = subprocess.run([lint_imports, "--no-cache"], capture_output=True, text=True, timeout=300, cwd=ROOT)
    assert run.returncode == 0, run.stdout + run.stderr


def test_importing_stillwatch_loads_nothing_heavy():
    assert heavy_modules_loaded_by("import stillwatch") == []


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]], ids=" ".join)
def test_asking_for_help_loads_nothing_heavy(arguments):
    ask = f"""
import sys
sys.argv = ["stillwatch", *{arguments!r}]
from stillwatch.cli.main import main
try:
    main()
except SystemExit as stop:
    assert not stop.code, stop.code
"""
    assert heavy_modules_loaded_by(ask) == []
