"""What does a prompt ask for? (placeholder until the trained model is in place)"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa


def classify_array(prompts: pa.Array) -> npt.NDArray[np.uint8]:
    """Class of every prompt."""
    return np.full(len(prompts), 7, np.uint8)
