"""Values of options that several commands take."""

from __future__ import annotations

import re

from stillwatch.errors import Problem, UsageError

SIZE = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*([KMGT]i?B)", re.IGNORECASE)


def memory_size(text: str) -> str:
    """`4GB`, `1500MB` or `auto`, as the database takes it; raises `UsageError` for anything else."""
    found = SIZE.fullmatch(text.strip())
    if text == "auto":
        return text
    if not found or float(found[1]) == 0:
        raise UsageError(
            Problem(
                fact="`--memory` is no amount of memory",
                found=repr(text)[:60],
                expected="auto, or a number with its unit, such as 4GB or 1500MB",
            )
        )
    return f"{found[1]}{found[2]}"
