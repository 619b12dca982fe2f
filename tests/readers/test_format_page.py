import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.issue(5)
def test_the_page_of_formats_says_what_the_code_does():
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / "format_page.py"], capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout == (ROOT / "docs" / "formats.md").read_text()
