"""Lets these tests import `quoting` and `answers` from beside them, and `authority` from the tests of
packages.
"""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "package"):
    sys.path.insert(0, str(folder))
