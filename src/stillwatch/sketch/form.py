"""Form of a prompt: a complete sentence, as generators write, or not, as people often type.

Generated prompts begin with a capital letter and end with a stop; people often omit both. The form is not
informative for scripts without capitals, and for code and data, which start and end with signs.
"""

from __future__ import annotations

import numba
import numpy as np
import pyarrow as pa

from stillwatch.sketch.digest import buffers

# How a text is written: as people type, as generators write, or neither is clear.
_TYPED, _WRITTEN, _NOTHING = np.int8(0), np.int8(1), np.int8(2)


@numba.njit(cache=True, nogil=True)
def _forms(data, offsets, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """Fill `out` with `_TYPED`, `_WRITTEN` or `_NOTHING` (no text) for each row."""
    for row in range(out.shape[0]):
        begin, end = offsets[row], offsets[row + 1]
        while begin < end and data[begin] <= 0x20:
            begin += 1
        while end > begin and data[end - 1] <= 0x20:
            end -= 1
        if begin == end:
            out[row] = _NOTHING
            continue
        first, last = data[begin], data[end - 1]
        lower = 0x61 <= first <= 0x7A
        unfinished = (
            0x61 <= last <= 0x7A or 0x41 <= last <= 0x5A or 0x30 <= last <= 0x39 or last in (0x2C, 0x3B, 0x2D)
        )
        out[row] = _TYPED if lower or unfinished else _WRITTEN


def written(prompts: pa.Array) -> pa.BooleanArray:
    """For each prompt, whether it neither begins with a lower-case letter nor ends with a letter, a digit,
    a comma, a semicolon or a hyphen; null where there is no text.

    Letters are ASCII; white space at both ends is ignored.
    """
    data, offsets = buffers(prompts)
    form = np.empty(len(prompts), np.int8)
    _forms(data, offsets, form)
    return pa.array(form == _WRITTEN, mask=form == _NOTHING)
