"""Text as a reader sees it: without characters that have no width.

A sender may put such characters between the letters of his prompts, new ones each time. Nobody sees them and
a model reads past them, but words, phrases and classes would be others.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

# Code points of the property Default_Ignorable_Code_Point (Unicode 16, DerivedCoreProperties.txt): joiners,
# marks of direction, soft hyphens, fillers, variation selectors and tags; and control characters that are no
# white space.
INVISIBLE = (
    r"[\x00-\x08\x0e-\x1b\x7f-\x{84}\x{86}-\x{9f}\x{ad}\x{34f}\x{61c}\x{115f}\x{1160}\x{17b4}\x{17b5}"
    r"\x{180b}-\x{180f}\x{200b}-\x{200f}\x{202a}-\x{202e}\x{2060}-\x{206f}\x{3164}\x{fe00}-\x{fe0f}\x{feff}"
    r"\x{ffa0}\x{fff0}-\x{fff8}\x{1bca0}-\x{1bca3}\x{1d173}-\x{1d17a}\x{e0000}-\x{e0fff}]+"
)


def visible(texts: pa.Array) -> pa.Array:
    """The texts without characters of no width; null stays null.

    Most texts hold none and are left as they are, so they are only searched.
    """
    hidden = pc.match_substring_regex(texts, INVISIBLE)
    if not pc.any(hidden).as_py():
        return texts
    return pc.if_else(hidden, pc.replace_substring_regex(texts, INVISIBLE, ""), texts)
