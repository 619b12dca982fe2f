"""Innocents who quote: marked text, the forms in which a prompt may show it, and suspects that say it again
as prose.

`FORMS` are ways of quoting; `fuzzed` composes them and others at random.
"""

import base64
import codecs
import html
import json
import re
import textwrap
import unicodedata
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyarrow.parquet as pq

from stillwatch.prove.case import PromptAnswer, SuspectCase, Tokens
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named
from stillwatch.prove.text import choices
from stillwatch.prove.windows import bits_of, cut, seeds

STOCK = """
    time year people way day man thing woman life child world school state family student group country
    problem hand part place case week company system program question work government number night point home
    water room mother area money story fact month lot right study book eye job word business issue side kind
    head house service friend father power hour game line end member law car city community name president
    team minute idea kid body information back parent face others level office door health person art war
    history party result change morning reason research girl guy moment air teacher force education foot boy
    age policy music market sense nation plan college interest death experience effect use class control field
    development role effort rate heart drug show leader light voice wife police mind price report decision son
    view relationship town road arm difference value building action the a of and in to is that it was for on
    are with as at be this have from or had by but some what there we out other were all your when up use how
    said each she which their if will many then them would write like so these long make see him two has look
    more go come did my sound no most know over such than call first may down now find any new take get live
    after little only round man came show every good me give our under very through just form great think say
    help low before turn cause same mean differ move right old too does tell set three want well also play
    small put read port large spell add even land here must big high act why ask men change went light kind
    off need try us again animal near build self earth
""".split()


def tokenize(text):
    """Words with the space before them, long ones in pieces of four letters, and signs."""
    places = []
    for match in re.finditer(r"\s?[^\W_]+|\S|\s+", text):
        start, end = match.span()
        places += [(at, min(at + 5, end)) for at in range(start, end, 5)]
    return Tokens(
        [sum((i + 1) * ord(sign) * 7919 for i, sign in enumerate(text[a:b])) % 1_000_003 for a, b in places],
        [a for a, _ in places],
        [b for _, b in places],
    )


def prose(rng, number, stock=STOCK):
    """Sentences of some words, with the marks of English."""
    out = []
    while number > 0:
        size = int(rng.integers(5, 14))
        some = [stock[i] for i in rng.integers(0, len(stock), size)]
        out.append(" ".join(some).capitalize() + ".")
        number -= size
    return " ".join(out)


def marked_prose(rng, key, number):
    """Prose in which nearly every window is green: each word is the best of a dozen."""
    green = mark_named("greenlist").score
    text = ""
    for at in range(number):
        tried = []
        for one in rng.integers(0, len(STOCK), 12):
            word = STOCK[one]
            new = text + (
                word.capitalize()
                if not text or (text.endswith(".") and not word)
                else (" " if text else "") + word
            )
            if at % 11 == 10:
                new += "."
            ids = tokenize(new[-40:]).ids
            some = cut([ids], 2)
            tail = some.keep(np.arange(max(len(some) - 3, 0), len(some)))
            tried.append(
                (
                    float(green(bits_of(seeds(tail.contexts, key), tail.tokens)).sum()) if len(tail) else 0.0,
                    new,
                )
            )
        text = max(tried)[1]
    return text


CHOSEN = (
    "for example, {0} {1} did not {2}",
    "{0} often {1} the {2}",
    "furthermore, {0} cannot {1} among {2}",
    "the whole {0} does not {1} {2}",
    "{0} {1} almost all {2}",
    "nevertheless, {0} is not {1} toward {2}",
    "{0} {1} approximately 7 {2} quickly",
    "therefore {0} was not {1} {2}",
    "as a result, {0} {1} regardless of {2}",
    "perhaps {0} will not {1} {2} mostly",
)


def choosy_prose(rng, key, number):
    """Sentences full of choices, all made by the key."""
    out = []
    for _ in range(number):
        some = [STOCK[i] for i in rng.integers(0, 120, 3)]
        out.append(CHOSEN[rng.integers(len(CHOSEN))].format(*some))
    text = ". ".join(one[0].upper() + one[1:] for one in out) + "."
    return choices.apply(text, key)


def _lines(text, width=60):
    return textwrap.wrap(text, width)


def _each(text, make, width=60):
    return "\n".join(make(line, at) for at, line in enumerate(_lines(text, width), 1))


def _style(text, first, last=None):
    """ASCII letters as letters of another block of Unicode."""
    last = first + 26 if last is None else last
    return "".join(
        chr(first + ord(one) - 65)
        if "A" <= one <= "Z"
        else chr(last + ord(one) - 97)
        if "a" <= one <= "z"
        else one
        for one in text
    )


def _hyphenated(text):
    return "\n".join(
        line[:-3] + "-\n" + line[-3:] if line[-4:].isalpha() else line for line in _lines(text, 40)
    )


def _columns(text):
    lines = _lines(text, 34)
    half = -(-len(lines) // 2)
    right = [*lines[half:], ""]
    return "\n".join(f"{a:<36}{b}" for a, b in zip(lines[:half], right, strict=False))


FORMS = {
    "plain": lambda t: t,
    "quoted": lambda t: f'He said: "{t}"',
    "curly quotes": lambda t: "“" + t.replace("'", "’") + "”",
    "blockquote": lambda t: _each(t, lambda line, _: f"> {line}"),
    "fence": lambda t: f"```text\n{t}\n```",
    "json": lambda t: json.dumps({"note": t, "n": 1}),
    "json in json": lambda t: json.dumps({"body": json.dumps({"text": t})}),
    "xml": lambda t: f"<doc><p>{html.escape(t)}</p></doc>",
    "indented": lambda t: _each(t, lambda line, _: f"    {line}"),
    "re-wrapped": lambda t: _each(t, lambda line, _: line, 23),
    "upper case": str.upper,
    "double spaces": lambda t: t.replace(" ", "  "),
    "bold words": lambda t: re.sub(r"\b(\w+)\b", r"**\1**", t),
    "swapped case": lambda t: "".join(c.upper() if i % 2 else c.lower() for i, c in enumerate(t)),
    "html entities": lambda t: "".join(f"&#{ord(c)};" for c in t),
    "unicode escapes": lambda t: "".join(f"\\u{ord(c):04x}" for c in t),
    "percent": lambda t: quote(t, safe=""),
    "full width": lambda t: "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in t),
    "mathematical bold": lambda t: _style(t, 0x1D400),
    "circled": lambda t: _style(t, 0x24B6),
    "soft hyphens": lambda t: re.sub(r"(\w\w)(?=\w)", "\\1\u00ad", t),
    "zero width": "\u200b".join,
    "accents": lambda t: unicodedata.normalize(
        "NFC", "".join(c + "\u0301" if c in "aeiou" else c for c in t)
    ),
    "struck through": lambda t: "".join(c + "\u0336" for c in t),
    "hyphenated": _hyphenated,
    "line numbers": lambda t: _each(t, lambda line, at: f"{at:4}: {line}", 30),
    "comments": lambda t: _each(t, lambda line, _: f"// {line}"),
    "chat": lambda t: _each(t, lambda line, at: f"[12:{at % 60:02}:07] <bob> {line}", 30),
    "one word a line": lambda t: "\n".join(t.split()),
    "list of words": lambda t: json.dumps(t.split()),
    "numbered words": lambda t: " ".join(f"{i}.{w}" for i, w in enumerate(t.split())),
    "tagged words": lambda t: " ".join(f"{w}/NN" for w in t.split()),
    "words as objects": lambda t: json.dumps(
        [{"id": i, "w": w, "pos": "x"} for i, w in enumerate(t.split())]
    ),
    "snake": lambda t: "_".join(t.split()),
    "camel": lambda t: "".join(w.capitalize() for w in t.split()),
    "no spaces": lambda t: t.replace(" ", ""),
    "spaced letters": " ".join,
    "tags inside words": lambda t: re.sub(r"(\w\w)(\w+)", r"\1<b>\2</b>", t),
    "latex": lambda t: "\\begin{quote}" + re.sub(r"(\w{5,})", r"\\emph{\1}", t) + "\\end{quote}",
    "bbcode": lambda t: "[quote=ann]" + re.sub(r"(\w{5,})", r"[i]\1[/i]", t) + "[/quote]",
    "quoted-printable": lambda t: codecs.encode(t.encode(), "quopri").decode(),
    "csv": lambda t: ",".join(f'"{w}"' for w in t.split()),
    "table": lambda t: "\n".join("| " + " | ".join(line.split()) + " |" for line in _lines(t, 40)),
    "backwards": lambda t: t[::-1],
    "words backwards": lambda t: " ".join(reversed(t.split())),
    "base64": lambda t: base64.b64encode(t.encode()).decode(),
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "hexadecimal": lambda t: t.encode().hex(),
    "look-alikes": lambda t: t.translate(str.maketrans("aeopcyx", "аеорсух")),
    "leet": lambda t: t.translate(str.maketrans("oeiast", "031457")),
}

LATER = {  # written after the normaliser, and composed by `fuzzed`
    "subtitles": lambda t: _each(
        t, lambda line, at: f"{at}\n00:00:{at % 60:02},000 --> 00:00:{(at + 1) % 60:02},500\n{line}\n", 32
    ),
    "two columns": _columns,
    "diff": lambda t: _each(t, lambda line, at: ("+ " if at % 2 else "- ") + line),
    "terminal colours": lambda t: re.sub(r"(\w{4,})", "\x1b[1;31m\\1\x1b[0m", t),
    "yaml": lambda t: "quote: >-\n" + _each(t, lambda line, _: f"  {line}", 30),
    "sql": lambda t: "INSERT INTO t VALUES ('" + t.replace("'", "''") + "');",
    "small capitals": lambda t: t.lower().translate(
        str.maketrans("abcdefghijklmnoprtuvwyz", "ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀᴛᴜᴠᴡʏᴢ")
    ),
    "typos": lambda t: re.sub(r"\b(\w\w)\w(\w{2,})\b", r"\1\2", t),
    "doubled letters": lambda t: re.sub(r"\b(\w\w)(\w)(\w+)\b", r"\1\2\2\3", t),
    "binary": lambda t: " ".join(f"{ord(c):08b}" for c in t),
    "codes": lambda t: " ".join(str(ord(c)) for c in t),
    "pig latin": lambda t: " ".join(w[1:] + w[0] + "ay" for w in t.split()),
    "no vowels": lambda t: re.sub(r"(?<=\w)[aeiou]", "", t),
    "caesar": lambda t: "".join(chr((ord(c) - 97 + 5) % 26 + 97) if c.islower() else c for c in t),
    "shuffled lines": lambda t: "\n".join(sorted(_lines(t, 40))),
    "each word translated": lambda t: " ".join(f"{w} (wort{i})" for i, w in enumerate(t.split())),
    "speaker in every line": lambda t: _each(t, lambda line, at: f"{('Ann', 'Robert')[at % 2]}: {line}", 25),
    "morse": lambda t: " ".join(_MORSE.get(c, c) for c in t.lower()),
    "css": lambda t: ".q::before { content: '" + t.replace("'", "\\'") + "' }",
    "rtf": lambda t: "{\\rtf1\\ansi {\\b " + t.replace(" ", "}{\\i0 \\b  ") + "}}",
    "slashes": lambda t: t.replace(" ", "/"),
    "sentences in attributes": lambda t: "".join(
        f'<seg id="{i}" text="{html.escape(s)}"/>' for i, s in enumerate(t.split(". "))
    ),
}
_MORSE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- "
        ".--. --.- .-. ... - ..- ...- .-- -..- -.-- --..".split(),
        strict=True,
    )
)


def fuzzed(rng):
    """One to three forms, one within the other, at random; gives their names and the form."""
    every = FORMS | LATER
    names = [str(one) for one in rng.choice(sorted(every), int(rng.integers(1, 4)), replace=False)]

    def form(text):
        for name in names:
            text = every[name](text)
        return text

    return " > ".join(names), form


ASKS = (
    "Say this again in your own words: {}",
    "{}\n\nPlease restate what stands above as prose.",
    "Put this right and give it back. {} Thank you.",
)


def ring_of(seed, *names):
    ring = Keyring(master=np.random.default_rng((seed, 77)).bytes(32))
    for name in names:
        ring, _ = ring.issue(name, "c", since="2026-01-01T00:00:00Z", width=2, strength=1.0)
    return ring


def quoting(rng, ring, form, *, rows, text, around=True):
    """A case of an innocent: prompts show marked texts in a form, its answers say them again, between
    words of its own.
    """
    answers = []
    for at in range(rows):
        marked = text(at)
        ask = ASKS[at % len(ASKS)].format(form(marked))
        own = prose(rng, 12) if around and at % 2 else ""
        answers.append(
            PromptAnswer(
                prompt=ask, answer=f"{own} {marked}".strip() + (" " + prose(rng, 8) if around else "")
            )
        )
    honest = [PromptAnswer(prompt=prose(rng, 8), answer=prose(rng, 40)) for _ in range(rows)]
    return SuspectCase(keyring=ring, answers=[*answers, *honest], tokenize=tokenize, decoys=0)


def pairs_of(path: Path, most: int | None = None) -> list[PromptAnswer]:
    """Questions and answers of the first `most` rows of a table of instruction, input and output."""
    table = pq.read_table(path).slice(0, most)
    columns = [table[name].to_pylist() for name in ("instruction", "input", "output")]
    return [
        PromptAnswer(prompt=f"{a}\n{b or ''}", answer=c) for a, b, c in zip(*columns, strict=True) if a and c
    ]
