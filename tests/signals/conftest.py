"""Lets the tests of signals import `crowds` from beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
