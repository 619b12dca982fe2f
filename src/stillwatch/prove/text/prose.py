"""Which sentences of an answer are English prose, so that a word in them may be changed.

The answer is read as CommonMark: only paragraphs and list items can be prose. Code or data without fences
is excluded, from the first paragraph with its signs to where parsers find its end. In the rest, a place can
be marked in a sentence that has a beginning and an end, contains nothing but words, numbers and
punctuation, and is English, outside inline code, links, emphasis and quotations. Doubtful text is not
prose.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from stillwatch.prove.text import code
from stillwatch.prove.text.language import WORD, is_english
from stillwatch.prove.text.markdown import BOX, LineBlock, blocks, lines_of

# Reason why a place is left as it is: no running text.
STRUCTURE = "code, data, headings, tables or block quotes"
# Reason why a place is left as it is: within a quotation or emphasis.
QUOTED = "inline code, links, emphasis or quotations"
LINES = "lines of verse, fields or rows"  # reason why a place is left as it is: lines that belong together
# Reason why a place is left as it is: no sentence of prose.
SHAPE = "no whole sentence, or signs that prose has not"
LANGUAGE = "no English beyond doubt"  # reason why a place is left as it is: perhaps no English

QUOTES = '"“”„‟«»‹›〝〞＂「」『』❝❞❮❯`´'  # signs of quotation, as the inside of a character class
# After these words and a colon a quotation may follow without quotation marks.
SPEECH = re.compile(
    r"\b(?:sa(?:y|ys|id|ying)|reads?|writ(?:e|es|ing|ten)|wrote|stat(?:e|es|ed|ing)|ask(?:s|ed)?|repl(?:y|ies|ied)|answer(?:s|ed)?|quot\w+|texts?|titles?|messages?|"
    r"prints?|printed|outputs?|signs?|lines?|sentences?|phrases?|captions?|lyrics|errors?|logs?|motto|slogan|called|named|words?|original|translation)\b",
    re.IGNORECASE,
)
TYPED_QUOTES = re.compile("``|''|<<|>>")  # two signs of a typewriter that stand for one
# A single quotation mark that opens, or closes, a quotation.
OPENS, CLOSES = re.compile(r"(?<![^\s(\[—–-])['‘‚‛❛](?=\w)"), re.compile(r"(?<=[\w.,!?…])['’‘❜](?!\w)")
SENTENCE_END = re.compile(rf"[.!?…]+[)'’{QUOTES}{BOX}]*(?=\s|$)|:(?=\s|$)")  # end of a sentence
OPENING = re.compile(rf"\s*\(?(?:[A-Z](?:[a-z]|['’ ])|\d|{BOX})")  # start of a sentence
UNFIT = re.compile(rf"[^\w\s.,;:!?'’()–—…%$€£°/&{BOX}-]|_|\w\(|(?<!:)//")  # a sign that prose has not
# Comments of BASIC, m4 and J begin like a sentence; a dash at the margin begins what somebody says.
COMMENT = re.compile(r"^(?:(?:rem|dnl|nb)\b|[—–])", re.IGNORECASE | re.MULTILINE)
WHOLE_ENDING = re.compile(rf"[.!?:…][)'’{QUOTES}{BOX}]*\s*$")  # end of a sentence at the end of a text
MIN_WORDS_WITHOUT_END = 6  # least words of a list item without a full stop that counts as a sentence
# Characters of a line and the next word below which the line was not broken for width. Where it also ends no
# sentence and the next line begins with a capital or a number, it is verse, a field, a row of a table or a
# heading.
MAX_FIELD = 60
MOST_EXTENTS = 40  # most ends that are tried for one piece of code
# Most characters of one answer that are read to find the ends of code, by parsers and by counting. Code whose
# end is not found within them extends to the end of the answer. At the limit an answer takes a third of a
# second.
MOST_PARSED, MOST_COUNTED = 16_000, 400_000


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in prose: the text before and after it in its sentence, and whether the sentence is a
    question.
    """

    before: str
    after: str
    is_question: bool


@dataclass(slots=True)
class _Paragraph:
    block: LineBlock
    text: str = ""
    fault: str = ""
    is_english: bool | None = None
    ends: list[int] = field(default_factory=list)
    sentences: dict[int, str] = field(default_factory=dict)


class Prose:
    """The prose of one answer; expensive checks are made only for the sentences requested."""

    def __init__(self, text: str) -> None:
        self._starts = lines_of(text)[:-1]
        every = blocks(text)
        self._apart = _Apart(text, every).lines
        some = [one for one in every if one.kind == "paragraph"]
        self._first = [one.first for one in some]
        self._paragraphs = [_Paragraph(one) for one in some]
        self._quoted = _quotations([one.text for one in some])

    def spot(self, start: int, end: int) -> Spot | str:
        """The place of a span of the text (`end` exclusive), or the reason why it may not be changed."""
        line = bisect_right(self._starts, start) - 1
        at = bisect_right(self._first, line) - 1
        if at < 0 or line >= self._paragraphs[at].block.last or any(a <= line < b for a, b in self._apart):
            return STRUCTURE
        paragraph = self._paragraphs[at]
        first, last = paragraph.block.at(start), paragraph.block.at(end - 1)
        if first is None or last is None:
            return STRUCTURE
        if not paragraph.text:
            _read(paragraph, self._quoted[at])
        if BOX in paragraph.text[first : last + 1] or "<" in paragraph.text[first : last + 1]:
            return QUOTED
        if paragraph.fault:
            return paragraph.fault
        return _in_sentence(paragraph, first, last + 1)

    def ends(self, text: str) -> bool:
        """Whether the answer ends in a whole sentence of prose at the left margin, so that a line may be
        appended.
        """
        stripped = len(text.rstrip())
        if not stripped or text[stripped - 1] not in ".!?":
            return False
        last = self._starts[bisect_right(self._starts, stripped - 1) - 1]
        return text[last : last + 1].isalnum() and isinstance(self.spot(stripped - 1, stripped), Spot)


def _in_sentence(paragraph: _Paragraph, first: int, last: int) -> Spot | str:
    """The place within its sentence, or the reason why it is left as it is."""
    text = paragraph.text
    number = bisect_right(paragraph.ends, first)
    begin = paragraph.ends[number - 1] if number else 0
    end = paragraph.ends[number] if number < len(paragraph.ends) else len(text)
    if number not in paragraph.sentences:
        previous = paragraph.ends[number - 2] if number > 1 else 0
        is_introduced = text[begin - 1 : begin] == ":" and SPEECH.search(text, previous, begin) is not None
        paragraph.sentences[number] = QUOTED if is_introduced else _fault(paragraph, text[begin:end])
    fault = paragraph.sentences[number]
    return fault or Spot(text[begin:first], text[last:end], text[begin:end].rstrip().endswith("?"))


def _fault(paragraph: _Paragraph, sentence: str) -> str:
    """Why a sentence may not be changed; "" where it may."""
    words = WORD.findall(sentence)
    if not words or not OPENING.match(sentence) or UNFIT.search(sentence):
        return SHAPE
    if len(words[0]) > 1 and words[0].isupper():
        return SHAPE
    if not WHOLE_ENDING.search(sentence) and len(words) < MIN_WORDS_WITHOUT_END:
        return SHAPE
    if paragraph.is_english is None:
        paragraph.is_english = is_english(paragraph.text)
    return "" if paragraph.is_english and is_english(sentence) else LANGUAGE


def _read(paragraph: _Paragraph, quoted: list[tuple[int, int]]) -> None:
    """Hide the quoted parts of a paragraph, and find the ends of its sentences."""
    letters = list(paragraph.block.text)
    for start, end in quoted:
        letters[start:end] = (BOX if one != "\n" else one for one in letters[start:end])
    paragraph.text = "".join(letters)
    paragraph.ends = [match.end() for match in SENTENCE_END.finditer(paragraph.text)]
    lines = paragraph.text.split("\n")
    commas = {line.count(",") for line in lines}
    if any(map(_is_field, lines, lines[1:])) or (len(lines) > 1 and len(commas) == 1 and 0 not in commas):
        paragraph.fault = LINES
    elif not OPENING.match(paragraph.text) or COMMENT.search(paragraph.text):
        paragraph.fault = SHAPE


def _is_field(line: str, following: str) -> bool:
    """Whether a line ends before its sentence does, although the next word would have fitted."""
    is_short = len(line.strip()) + len(following.split(" ", 1)[0]) < MAX_FIELD
    return is_short and not WHOLE_ENDING.search(line) and (following[:1].isupper() or following[:1].isdigit())


# -------------------------------------------------------------------------------------- quotations


def _quotations(texts: list[str]) -> list[list[tuple[int, int]]]:
    """Extents of quotations in each paragraph.

    A quotation lies between paired signs. Where signs do not pair, it extends from the first to the last;
    where one stays open, on to the next paragraph with a sign.
    """
    out: list[list[tuple[int, int]]] = []
    texts = [TYPED_QUOTES.sub(f'"{BOX}', text) for text in texts]
    last = max((at for at, text in enumerate(texts) if any(sign in text for sign in QUOTES)), default=-1)
    is_open = False
    for number, text in enumerate(texts):
        signs = [at for at, letter in enumerate(text) if letter in QUOTES]
        if is_open:
            end = signs[-1] + 1 if signs else len(text)
            closes = bool(signs) and not text[end : end + 1].isalnum()
            out.append([(0, end if closes else len(text)), *_single(text)])
            is_open = number < last and not closes
            continue
        found: list[tuple[int, int]] = []
        if len(signs) % 2:
            found.append((signs[0], len(text)))
            is_open = number < last
        elif all(_is_pair(text, a, b) for a, b in zip(signs[::2], signs[1::2], strict=True)):
            found += [(a, b + 1) for a, b in zip(signs[::2], signs[1::2], strict=True)]
        else:
            found.append((signs[0], signs[-1] + 1))
        out.append([*found, *_single(text)])
    return out


def _is_pair(text: str, first: int, last: int) -> bool:
    """Whether a sign opens and the next closes: each touches the text between them."""
    return (
        not text[first + 1].isspace()
        and not text[last - 1].isspace()
        and not text[last + 1 : last + 2].isalnum()
    )


def _single(text: str) -> Iterator[tuple[int, int]]:
    """Yield extents between single quotation marks, which may be apostrophes; an unclosed one extends to
    the end.
    """
    at = 0
    while (opening := OPENS.search(text, at)) is not None:
        closing = CLOSES.search(text, opening.end())
        at = closing.end() if closing else len(text)
        yield opening.start(), at


# ---------------------------------------------------------------------------- code without fences


class _Apart:
    """Lines of code or data without fences, as (first, last exclusive)."""

    def __init__(self, text: str, every: list[LineBlock]) -> None:
        self._text, self._starts = text, lines_of(text)
        self._left: dict[Callable[[str], bool], int] = {
            code.has_ended: MOST_COUNTED,
            code.is_accepted: MOST_PARSED,
            code.is_yaml: MOST_COUNTED,
        }
        self.lines: list[tuple[int, int]] = []
        runs = _runs(text, self._starts, every)
        at = 0
        while at < len(runs):
            first = runs[at].first
            if runs[at].is_code or (self.lines and runs[at].is_fragment):
                end = self._end(runs[at:])
                self.lines.append((first, end))
                while at < len(runs) and runs[at].first < end:
                    at += 1
            else:
                at += 1

    def _end(self, runs: list[_Run]) -> int:
        """Line (exclusive) at which the code or data that begins with the first run ends.

        The ends tried are, in order: that of a YAML document; where everything opened is closed; where a
        parser accepts it; the end of the answer. A fragment without signs of code is decided by parsers
        alone.
        """
        first = runs[0].first
        lines = range(first, runs[0].last)
        if (
            key := next((line for line in lines if code.KEY.match(self._source(line, line + 1))), None)
        ) is not None:
            every = [run.last for run in runs][:MOST_EXTENTS]
            if end := next((last for last in reversed(every) if self._asks(code.is_yaml, key, last)), 0):
                return end
        ends = [run.last for run in runs if run.is_code or run is runs[0]]
        if runs[0].is_code and (
            end := next((last for last in ends[:MOST_EXTENTS] if self._asks(code.has_ended, first, last)), 0)
        ):
            return end
        if end := next(
            (last for last in (ends[0], ends[-1]) if self._asks(code.is_accepted, first, last)), 0
        ):
            return end
        return len(self._starts)

    def _asks(self, check: Callable[[str], bool], first: int, last: int) -> bool:
        """Whether the lines pass a check; False where that check has used up its budget of characters."""
        text = self._source(first, last)
        self._left[check] -= len(text)
        return self._left[check] >= 0 and check(text)

    def _source(self, first: int, last: int) -> str:
        """The text of lines `first` to `last` (exclusive)."""
        return _lines(self._text, self._starts, first, last)


def _lines(text: str, starts: list[int], first: int, last: int) -> str:
    """The text of lines `first` to `last` (exclusive), by the offsets at which lines start."""
    return text[starts[first] : starts[min(last, len(starts) - 1)]]


@dataclass(slots=True)
class _Run:
    """Blocks without a blank line between them."""

    first: int
    last: int
    is_code: bool = False
    is_fragment: bool = False  # words at the left margin that form no sentence


def _runs(text: str, starts: list[int], every: list[LineBlock]) -> list[_Run]:
    """Runs of blocks that follow each other without a line between them, and whether one holds code."""
    out: list[_Run] = []
    for block in every:
        is_code = (
            block.kind == "code"
            or (block.kind == "paragraph" and _is_code(block, text, starts))
            or (block.kind == "heading" and _opens(_lines(text, starts, block.first, block.last)))
        )
        is_fragment = (
            block.kind == "paragraph" and block.sources[0] == starts[block.first]
            and BOX not in block.text and not WHOLE_ENDING.search(block.text)
        )  # fmt: skip
        if out and block.first <= out[-1].last:
            out[-1].last = max(out[-1].last, block.last)
            out[-1].is_code |= is_code
            out[-1].is_fragment = False
        else:
            out.append(_Run(block.first, block.last, is_code, is_fragment))
    return out


def _opens(heading: str) -> bool:
    """Whether a heading opens a comment, a string or a bracket that it does not close, so that it is code: a
    title in a comment, with a line below it.
    """
    title = heading.lstrip("# ")
    return code.has_signs(title) and not code.is_closed(title)


def _is_code(block: LineBlock, text: str, starts: list[int]) -> bool:
    """Whether a paragraph has signs of code or data and is not a sentence that mentions some."""
    source = _lines(text, starts, block.first, block.last)
    lines = block.text.split("\n")
    if sum(code.KEY.match(line) is not None for line in lines) > 1:
        return True
    if not code.has_signs(block.text):
        return False
    if code.OPEN_ENDED.search(source) or code.TAG.search(source) or not code.is_closed(source):
        return True
    return not (
        len(lines) == 1
        and OPENING.match(block.text)
        and WHOLE_ENDING.search(block.text)
        and is_english(block.text)
    )
