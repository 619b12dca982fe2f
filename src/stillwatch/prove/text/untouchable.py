"""Which parts of an answer may never be changed?

Code, JSON, quotations, links, mathematics, tables and headings: a word changed there may break a program, a document or
somebody's meaning. What is left is prose.
"""

from __future__ import annotations

import ast
import json
import re
import warnings

FENCE = re.compile(r"^[ \t]*(```+|~~~+).*?(?:^[ \t]*\1[`~]*[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
LINE = re.compile(r"^(?:    |\t|[ \t]*(?:>|\||#)).*$", re.MULTILINE)
INLINE = re.compile(
    r"""`[^`\n]*`|\$\$.*?\$\$|\$[^$\n]+\$|\\\(.*?\\\)|\\\[.*?\\\]|"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|\b[a-z]+://\S+|<[^>\n]+>|\{.*\}|\[[^\]\n]*\]\([^)\n]*\)|\b\w+\([^)\n]*\)""",
    re.DOTALL | re.VERBOSE,
)


def spans(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) that must stay as they are, in order, possibly touching; the whole where the answer is data."""
    if is_data(text):
        return [(0, len(text))]
    found: list[tuple[int, int]] = []
    for pattern in (FENCE, LINE, INLINE):
        found += [match.span() for match in pattern.finditer(text)]
    merged: list[tuple[int, int]] = []
    for start, end in sorted(found):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def is_data(text: str) -> bool:
    """Whether the answer as a whole is JSON, markup or a program rather than prose."""
    whole = text.strip()
    if not whole or whole[0] in "<":
        return True
    if whole[0] in '{["-0123456789tfn':
        try:
            json.loads(whole)
        except ValueError:
            return whole[0] in "{["
        return True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(whole)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return len(whole.split()) > 1 or "\n" in whole
