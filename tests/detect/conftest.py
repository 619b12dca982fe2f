"""Lets the tests of detection import `benches` from beside them, and `crowds` from the tests of signals."""

import sys
from pathlib import Path

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "signals"):
    sys.path.insert(0, str(folder))
