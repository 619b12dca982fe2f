"""Where code or data without fences ends, decided by parsers.

Text that begins with code may continue with a comment, a string or an element that contains sentences. It
has ended where a parser accepts it as a whole: Python's own, JSON and TOML of the standard library, HTML by
its tags, and tree-sitter's grammars. Only grammars that refuse unfinished text are used; those of PHP,
Ruby, Perl, Kotlin, Swift, Scala and Haskell accept an open comment or heredoc. For these and all others
every bracket, quote and comment must be closed.
"""

from __future__ import annotations

import ast
import importlib
import json
import re
import tomllib
import warnings
from collections.abc import Sequence
from functools import cache
from html.parser import HTMLParser
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tree_sitter import Parser

# Languages of which a text is code where the whole of it parses.
STRICT = (
    "javascript", "typescript", "java", "c", "cpp", "c_sharp", "go", "rust", "lua", "css", "sql",
)  # fmt: skip
# Start and end of comments.
COMMENTS = (
    ("/*", "*/"),
    ("<!--", "-->"),
    ("(*", "*)"),
    ("{-", "-}"),
    ("#=", "=#"),
    ("#|", "|#"),
    ("<#", "#>"),
    ("--[[", "]]"),
)
# Opening and closing signs that must balance.
PAIRS = (*COMMENTS, ("(", ")"), ("[", "]"), ("{", "}"), (r"\begin", r"\end"))
# Signs that open and close and must stand an even number of times.
TWINS = ('"""', "'''", "```", "`", '"', "$$")
# Long brackets of Lua and CMake, which have signs of equality between their two brackets.
LONG_OPEN, LONG_CLOSE = re.compile(r"\[=+\["), re.compile(r"\]=+\]")
LONE_QUOTE = re.compile(r"(?<!\w)'|'(?!\w)")  # a single quote that is no apostrophe
# Start of a here-document of a shell.
HEREDOC = re.compile(r"<<[-~]?[ ]?(['\"]?)[A-Za-z_]\w*\1\s*(?:[|>&);,.].*)?$", re.MULTILINE)
TAG = re.compile(r"</?[A-Za-z!?%]")  # start of a tag of HTML or XML
# Text after these belongs to them and has no recognisable end: data after a program, Perl's documentation, a
# patch, a LaTeX document, a page of a manual in roff, blocks of Org, AsciiDoc and BBCode.
BOUNDLESS = re.compile(
    r"^__(?:END|DATA)__\b|^=[a-z]+\b|^@@ |^diff |^--- \S|^\+\+\+ \S|^#\+|^\.[A-Z]{2}\b|^[.']\\\"|^=+ "
    r"\S|^\[/?[a-z]+[\],]|\\[A-Za-z]{2,}[{\[]",
    re.MULTILINE,
)
# Text after these may belong to them: a template, a block of text in YAML.
OPEN_ENDED = re.compile(BOUNDLESS.pattern + r"|\{%|\{\{|<%|<\?|:\s*[|>][+-]?\s*$", re.MULTILINE)
# HTML elements without an end tag.
VOID = frozenset("area base br col embed hr img input link meta source track wbr".split())
# Signs that stand in code and not in prose.
SIGN = re.compile(
    r"""[{}\\|<>=\t`]|\w\((?!e?s\))|\w_|_\w|(?<!:)//|/\*|\*/|->|::|\$[A-Za-z_({]|&&|\"\"\"|'''|\[\[|\$\$|\(\*|\*\)|^\(\s|^\[/?[a-z]+\]
    |[A-Za-z'"],[\w'"]|\d,[A-Za-z'"]|[^\s.?!:;,][ ]{2,}\S
    |^(?:[a-z_][\w.-]*:(?:\s|$)|[^\w\s"'“‘«„(\[*•–—$€£¿¡…‹「-])""",
    re.MULTILINE | re.VERBOSE,
)
# A line that begins with a key, as in YAML.
KEY = re.compile(r"^\s*(?:- )*[A-Za-z_][\w .-]*:(?:\s|$)", re.MULTILINE)


def has_signs(text: str) -> bool:
    """Whether a paragraph contains signs that occur in code and data and not in prose."""
    return SIGN.search(text) is not None


def has_ended(text: str) -> bool:
    """Whether code or data closes everything that it opens, so that the text after it is not part of it."""
    if HEREDOC.search(text) or OPEN_ENDED.search(text) or not is_closed(text):
        return False
    return not TAG.search(text) or _is_markup(text)


def is_accepted(text: str) -> bool:
    """Whether a parser accepts a text as a whole program or document."""
    if HEREDOC.search(text):
        return _parses(text, "bash")
    if BOUNDLESS.search(text):
        return False
    return _is_python(text) or _is_data(text) or any(_parses(text, name) for name in STRICT)


def is_yaml(text: str) -> bool:
    """Whether a text is a YAML mapping or sequence as a whole."""
    if not KEY.search(text) or HEREDOC.search(text) or not _is_balanced(text, COMMENTS, TWINS[:2]):
        return False  # a comment or a string may begin in text that YAML reads as plain
    tree = _parser("yaml").parse(text.encode(errors="replace"))
    kinds: set[str] = set()
    some = [tree.root_node]
    while some and len(kinds) < 50:
        node = some.pop()
        kinds.add(node.type)
        some += [one for one in node.children if one.type in ("document", "block_node")]
        kinds.update(one.type for one in node.children)
    return not tree.root_node.has_error and bool(kinds & {"block_mapping", "block_sequence"})


def is_closed(text: str) -> bool:
    """Whether every bracket, quote and comment of a text is closed, judged by their counts."""
    return _is_balanced(text, PAIRS, TWINS) and len(LONE_QUOTE.findall(text)) % 2 == 0


def _is_balanced(text: str, pairs: Sequence[tuple[str, str]], twins: Sequence[str]) -> bool:
    """Whether opening and closing signs are equally frequent, and twins even."""
    is_even = all(text.count(twin) % 2 == 0 for twin in twins)
    is_even = is_even and len(LONG_OPEN.findall(text)) == len(LONG_CLOSE.findall(text))
    return is_even and all(text.count(left) == text.count(right) for left, right in pairs)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.is_sound = True

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002  the parser's own form
        """Open an element."""
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """An element without content opens nothing."""

    def handle_endtag(self, tag: str) -> None:
        """Close an element; the markup is unsound where another one was opened last."""
        if tag not in VOID:
            self.is_sound = self.is_sound and bool(self.open) and self.open.pop() == tag


def _is_markup(text: str) -> bool:
    """Whether every opened element is closed, in order."""
    tags = _Tags()
    try:
        tags.feed(text)
        tags.close()
    except (AssertionError, ValueError):
        return False
    return tags.is_sound and not tags.open


def _is_python(text: str) -> bool:
    """Whether a text parses as Python."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return False
    return True


def _is_data(text: str) -> bool:
    """Whether a text parses as JSON, TOML or YAML."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        pass
    else:
        return True
    try:
        tomllib.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _parses(text: str, language: str) -> bool:
    """Whether a text parses in a language without an error."""
    return not _parser(language).parse(text.encode(errors="replace")).root_node.has_error


@cache
def _parser(language: str) -> Parser:
    """The parser of a language."""
    import tree_sitter

    grammar = importlib.import_module(f"tree_sitter_{language}")
    make = grammar.language_typescript if language == "typescript" else grammar.language
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # some grammars still hand over a number
        parser: Parser = tree_sitter.Parser(tree_sitter.Language(make()))
    return parser
