import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.issue(5)
@pytest.mark.parametrize(
    ("script", "page"), [("format_page.py", "formats.md"), ("envelope_page.py", "envelopes.md")]
)
def test_the_page_says_what_the_code_does(script, page):
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / script], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == (ROOT / "docs" / page).read_text()
