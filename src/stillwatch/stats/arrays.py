"""Types of NumPy arrays, by the kind of their elements, which have 64 bits each (booleans 8)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Uints = npt.NDArray[np.uint64]
Bools = npt.NDArray[np.bool_]
