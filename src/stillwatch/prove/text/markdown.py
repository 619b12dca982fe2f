"""Blocks of an answer as a CommonMark parser reads it, with the source offset of every character of a
paragraph.

The parser is markdown-it-py with tables, strikethrough, mathematics in dollars and in LaTeX's brackets, and
front matter. Its tokens do not give their offsets within a line, so every inline rule is wrapped to record
its extent.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.rules_inline import StateInline
    from markdown_it.token import Token

# stands for one character of something that is no prose: inline code, a link, emphasis, mathematics
BOX = "\ufffc"
EXTENTS, DELIMITERS = "extents", "delimiters"  # where the inline rules note what they took
SIGNS_OF_SPEECH = frozenset("\"“”„«»‹›'‘’‚")  # quotation marks
LINE_END = re.compile(r"\r\n?|\n")  # end of a line
PLAIN = (
    "text",
    "newline",
    "emphasis",
    "strikethrough",
    "linkify",
)  # rules whose content is plain text
# Tokens of Markdown that are no paragraphs.
ASIDES = (
    "fence",
    "heading_open",
    "table_open",
    "blockquote_open",
    "hr",
    "math_block",
    "math_block_label",
    "math_block_eqno",
    "amsmath",
    "front_matter",
)
CODE = ("code_block", "html_block")  # tokens of Markdown that are code
BlockKind = Literal["paragraph", "heading", "aside", "code"]


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Lines `first` to `last` (exclusive) of an answer.

    A paragraph has its `text`, in which every character of inline code, links, emphasis and mathematics is
    replaced by `BOX`, and for each of its lines the offset of its beginning in the text (`begins`) and in
    the source (`sources`).
    """

    kind: BlockKind
    first: int
    last: int
    text: str = ""
    begins: Sequence[int] = ()
    sources: Sequence[int] = ()

    def at(self, source: int) -> int | None:
        """The offset in the paragraph's text for an offset in the source; None where the source offset is
        in no line of the text.
        """
        line = bisect_right(self.sources, source) - 1
        if line < 0:
            return None
        place = self.begins[line] + source - self.sources[line]
        end = self.begins[line + 1] if line + 1 < len(self.begins) else len(self.text)
        return place if place < end else None


def lines_of(text: str) -> list[int]:
    """Offset at which each line of a text begins, and the text's length."""
    return [0, *(match.end() for match in LINE_END.finditer(text)), len(text)]


def blocks(text: str) -> list[LineBlock]:
    """The blocks of an answer in order: block quotes and tables are `aside`, indented code and HTML are
    `code`.
    """
    env: dict[str, Any] = {}
    tokens = _parser().parse(text, env)
    starts = lines_of(text)
    out: list[LineBlock] = []
    closes: tuple[str, int] | None = None  # the token that ends the aside that is being read
    lists: list[bool] = []  # for every open list, whether its marker is indented
    for at, token in enumerate(tokens):
        if closes:
            closes = None if (token.type, token.level) == closes else closes
            continue
        if token.type in ASIDES or token.type in CODE:
            first, last = token.map or (0, 0)
            out.append(LineBlock(_kind(token.type), first, last))
            if token.nesting == 1:
                closes = (token.type.replace("_open", "_close"), token.level)
        elif token.type in ("bullet_list_open", "ordered_list_open") and token.map:
            line = text[starts[token.map[0]] : starts[token.map[0] + 1]]
            lists.append(not lists and line[:1] in " \t")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            lists.pop()
        elif token.type == "inline" and tokens[at - 1].type == "paragraph_open":
            out.append(_paragraph(token, text, starts, depth=len(lists), indented=any(lists)))
    return out


def _kind(name: str) -> BlockKind:
    """The kind of block for a token's type."""
    return "code" if name in CODE else "heading" if name == "heading_open" else "aside"


def _paragraph(token: Token, text: str, starts: Sequence[int], *, depth: int, indented: bool) -> LineBlock:
    """A paragraph with its offsets in the source; an aside where these are uncertain."""
    first, last = token.map or (0, 0)
    content = token.content.split("\n")
    begins, sources, place = [], [], 0
    for number, line in enumerate(content):
        source = LINE_END.sub("", text[starts[first + number] : starts[first + number + 1]]).rstrip()
        kept = line.rstrip()
        if len(content) != last - first or not source.endswith(kept):
            return LineBlock("aside", first, last)
        is_indented = kept[:1] in (" ", "\t") or (not depth and kept != source)
        if kept and is_indented:
            return LineBlock("code", first, last)
        begins.append(place)
        sources.append(starts[first + number] + len(source) - len(kept))
        place += len(line) + 1
    if indented:
        return LineBlock("aside", first, last)
    letters = list(token.content)
    for start, end, rule in token.meta[EXTENTS]:
        if rule == "backticks" and not token.content[start:end].strip("`"):
            continue  # a run of backticks that nothing closes is text
        cover = "<" if rule == "html_inline" else BOX
        letters[start:end] = (one if one == "\n" else cover for one in letters[start:end])
        if rule == "entity" and unescape(token.content[start:end]) in SIGNS_OF_SPEECH:
            letters[start] = '"'
    return LineBlock("paragraph", first, last, "".join(letters), begins, sources)


@cache
def _parser() -> MarkdownIt:
    """The parser for Markdown with tables, formulas and front matter."""
    from markdown_it import MarkdownIt
    from mdit_py_plugins.amsmath import amsmath_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin
    from mdit_py_plugins.texmath import texmath_plugin

    parser = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    parser.use(dollarmath_plugin, allow_space=True, allow_digits=False)
    parser.use(texmath_plugin, delimiters="brackets")
    parser.use(amsmath_plugin).use(front_matter_plugin)
    for rule in (
        parser.inline.ruler.__rules__
    ):  # `ruler.at` finds the first of a name only, and two plugins share one
        if rule.name in ("emphasis", "strikethrough"):
            rule.fn = _noting_delimiters(rule.fn)
        elif rule.name not in PLAIN:
            rule.fn = _noting_extent(rule.name, rule.fn)
    parser.inline.ruler.__cache__ = None
    parser.core.ruler.at("inline", _inline)
    return parser


def _noting_extent(
    name: str, rule: Callable[[StateInline, bool], bool]
) -> Callable[[StateInline, bool], bool]:
    """The rule of the parser, which also notes from where to where it matched."""

    def noting(state: StateInline, silent: bool) -> bool:
        """Apply the rule, and note first and last place of what it matched."""
        start = state.pos
        found = rule(state, silent)
        if found and not silent:
            state.env[EXTENTS].append((start, state.pos, name))
        return found

    return noting


def _noting_delimiters(rule: Callable[[StateInline, bool], bool]) -> Callable[[StateInline, bool], bool]:
    """The rule of the parser, which also notes the places of the delimiters that it found."""

    def noting(state: StateInline, silent: bool) -> bool:
        """Apply the rule, and note the place of each delimiter that it added."""
        start, before = state.pos, len(state.tokens)
        found = rule(state, silent)
        if found and not silent:
            place = state.pos
            for token in reversed(state.tokens[before:]):  # the text before them may have become a token too
                place -= len(token.content)
                if place < start:
                    break
                state.env[DELIMITERS][id(token)] = place
        return found

    return noting


def _inline(state: Any) -> None:  # noqa: ANN401  the parser's own state
    """The parser's rule for inline text, which also records the extents of everything but plain text."""
    for token in state.tokens:
        if token.type != "inline":
            continue
        token.children = token.children or []
        state.env[EXTENTS], state.env[DELIMITERS] = [], {}
        state.md.inline.parse(token.content, state.md, state.env, token.children)
        opened: list[int] = []
        places = state.env[DELIMITERS]
        for child in token.children:
            if child.type in ("em_open", "strong_open", "s_open"):
                # of two stars the inner one carries the token
                opened.append(places.get(id(child), 0) - (child.type == "strong_open"))
            elif child.type in ("em_close", "strong_close", "s_close") and opened:
                end = places.get(id(child), len(token.content)) + len(child.markup)
                state.env[EXTENTS].append((max(0, opened.pop()), min(end, len(token.content)), "emphasis"))
        token.meta = {**(token.meta or {}), EXTENTS: state.env[EXTENTS]}
