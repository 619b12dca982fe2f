"""Ways in which a prompt may show a text that a reader can read, written after `prove.seen` and without
looking at its rules.
"""

import base64
import codecs
import html
import itertools
import json
import random
import re
import textwrap
import unicodedata
import zlib
from urllib.parse import quote, quote_plus

FILLER = (
    "the station closes at nine",
    "nobody asked about the blue bicycle",
    "she kept a map of the harbour",
    "rain was expected on friday",
    "his uncle repaired clocks",
    "the recipe needs two lemons",
    "they met near the old mill",
    "a letter arrived from the museum",
)
GERMAN = ("Überschrift", "Einleitung", "Zusammenfassung", "Nächster Abschnitt", "Anmerkung", "Beispiel")


def sentences(text):
    return re.split(r"(?<=[.!?])\s+", text)


def words(text):
    return text.split()


def lines(text, width=48):
    return textwrap.wrap(text, width)


def shuffled(some, seed=3):
    some = list(some)
    random.Random(seed).shuffle(some)
    return some


def each_line(text, make, width=48):
    return "\n".join(make(at, line) for at, line in enumerate(lines(text, width), 1))


def each_word(text, make, between=" "):
    return between.join(make(at, word) for at, word in enumerate(words(text), 1))


def cells(text, columns):
    some = sentences(text)
    some += [""] * (-len(some) % columns)
    rows = [" | ".join(some[at : at + columns]) for at in range(0, len(some), columns)]
    return "\n".join(
        f"| {row} |" for row in [" | ".join("abc"[:columns]), " | ".join(["---"] * columns), *rows]
    )


def unified(text):
    out = ["--- a/notes.txt", "+++ b/notes.txt"]
    for at, line in enumerate(lines(text)):
        out += [f"@@ -{at * 3},3 +{at * 3},4 @@ section {at}"] if at % 3 == 0 else []
        out.append(f"{' +-'[at % 3]}{line}")
    return "\n".join(out)


def mail(text):
    head = "On Tue, 4 Mar 2025 at 09:12, Ann Example <ann@a.example> wrote:\n>\n"
    return head + each_line(text, lambda at, line: f"{'> ' * (1 + at % 3)}{line}")


def of_letters(first, text):
    """Letters of the alphabet as the signs from `first` on; both cases alike."""
    return "".join(
        chr(first + ord(sign.lower()) - 97) if sign.isascii() and sign.isalpha() else sign for sign in text
    )


TURNED = dict(zip("abcdefghijklmnopqrstuvwxyz", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz", strict=True))
RAISED = dict(zip("abcdefghijklmnoprstuvwxyz", "ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻ", strict=True))
BRAILLE = dict(zip("abcdefghijklmnopqrstuvwxyz", "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵", strict=True))


def by_letter(table, text):
    return "".join(table.get(sign.lower(), sign) for sign in text)


def scrambled(word):
    inner = list(word[1:-1])
    random.Random(len(word)).shuffle(inner)
    return word[0] + "".join(inner) + word[-1] if len(word) > 3 else word


def in_turn(text):
    """Every sentence in another way."""
    ways = (
        str.upper,
        lambda t: f"> {t}",
        json.dumps,
        lambda t: f"* {t}",
        html.escape,
        lambda t: t.replace(" ", "_"),
        quote,
    )
    return "\n".join(way(one) for way, one in zip(itertools.cycle(ways), sentences(text), strict=False))


def parsed(text):
    return " ".join(f"(S {' '.join(f'(NN {word})' for word in words(one))})" for one in sentences(text))


def conll(text):
    return "\n".join(
        f"{at}\t{word}\t{word.lower()[:-1]}\tNOUN\t_\tdep" for at, word in enumerate(words(text), 1)
    )


FORMS = {
    "numbered list": lambda t: "\n".join(f"{at}. {one}" for at, one in enumerate(sentences(t), 1)),
    "list from its end": lambda t: "\n".join(
        f"{at}) {one}" for at, one in reversed(list(enumerate(sentences(t), 1)))
    ),
    "sentences in another order": lambda t: " ".join(shuffled(sentences(t))),
    "bullets under German headings": lambda t: "\n".join(
        f"## {GERMAN[at % 6]}\n\n- {one}" for at, one in enumerate(sentences(t))
    ),
    "cells of three columns": lambda t: cells(t, 3),
    "unified patch": unified,
    "mail": mail,
    "verbatim": lambda t: (
        "\\begin{verbatim}\n"
        + each_line(t, lambda at, line: f"\\item[{at}] {line} \\\\")
        + "\n\\end{verbatim}"
    ),
    "no-break spaces": lambda t: t.replace(" ", "&nbsp;").replace("'", "&apos;"),
    "percent twice": lambda t: quote(quote(t, safe=""), safe=""),
    "query of a form": lambda t: f"https://a.example/s?q={quote_plus(t)}&lang=en",
    "json three deep": lambda t: json.dumps(
        {"a": json.dumps({"b": json.dumps(["".join(f"\\u{ord(c):04x}" if c == "e" else c for c in t)])})}
    ),
    "joiners": lambda t: re.sub(r"(\w)(?=\w)", "\\1\u200d", t).replace(" ", "\u2009\u2060"),
    "wide spaces": lambda t: t.replace(" ", "\u3000"),
    "quotes around words": lambda t: each_word(t, lambda _, word: f"‘{word}’"),
    "brackets around words": lambda t: each_word(t, lambda _, word: f"[{word}]", ""),
    "links": lambda t: each_word(t, lambda at, word: f"[{word}](#n{at})"),
    "footnotes": lambda t: each_word(t, lambda at, word: f"{word}[{at}]"),
    "hands": lambda t: each_word(t, lambda _, word: word, " 👏 "),
    "times before lines": lambda t: each_line(
        t, lambda at, line: f"2025-03-04T09:{at % 60:02}:17.204Z INFO  {line}", 30
    ),
    "numbers after lines": lambda t: each_line(t, lambda at, line: f"{line:<52}{at:>4}"),
    "syllables": lambda t: re.sub(r"\b(\w{2,3})(\w{3,})\b", r"\1-\2", t),
    "split strings": lambda t: (
        "char *s =\n" + "\n".join(f'    "{t[at : at + 13]}"' for at in range(0, len(t), 13)) + ";"
    ),
    "train case": lambda t: "-".join(word.capitalize() for word in words(t)),
    "dots between letters": lambda t: each_word(t, lambda _, word: ".".join(word)),
    "a letter a line": "\n".join,
    "a span a letter": lambda t: "".join(f"<span>{html.escape(sign)}</span>" for sign in t),
    "cdata of words": lambda t: each_word(
        t, lambda at, word: f'<w n="{at}"><![CDATA[{word}]]></w>', "<c> </c>"
    ),
    "dictionary of words": lambda t: "{" + each_word(t, lambda at, word: f"'w{at}': {word!r}", ", ") + "}",
    "variables": lambda t: each_word(t, lambda at, word: f"const w{at} = {json.dumps(word)};", "\n"),
    "parse tree": parsed,
    "lines of a corpus": conll,
    "escaped": re.escape,
    "bytes": lambda t: repr(t.encode()),
    "shell": lambda t: "printf '%s' '" + t.replace("'", "'\\''") + "'",
    "raised letters": lambda t: by_letter(RAISED, t),
    "boxed letters": lambda t: of_letters(0x1F130, t),
    "dark boxes": lambda t: of_letters(0x1F170, t),
    "turned over": lambda t: by_letter(TURNED, t)[::-1],
    "braille": lambda t: by_letter(BRAILLE, t),
    "ligatures": lambda t: (
        t.replace("fi", "ﬁ").replace("ff", "ﬀ").replace("fl", "ﬂ").replace("st", "ﬆ").replace("s", "ſ")
    ),
    "a letter hidden": lambda t: re.sub(r"\b(\w\w)\w(\w+)", r"\1*\2", t),
    "two letters hidden": lambda t: re.sub(r"\b(\w)\w\w(\w+)", r"\1**\2", t),
    "a letter of short words hidden": lambda t: re.sub(r"\b(\w)\w(\w)\b", r"\1_\2", t),
    "every third letter hidden": lambda t: re.sub(r"(\w\w)\w", r"\1•", t),
    "hidden by a digit": lambda t: re.sub(r"\b(\w\w)\w(\w+)", r"\g<1>9\2", t),
    "inner letters mixed": lambda t: re.sub(r"\w+", lambda found: scrambled(found.group()), t),
    "neighbours swapped": lambda t: re.sub(r"\b(\w)(\w)(\w)(\w+)", r"\1\3\2\4", t),
    "some spaces gone": lambda t: "".join(word + ("" if at % 3 else " ") for at, word in enumerate(words(t))),
    "first letters apart": lambda t: re.sub(r"\b([A-Z])(\w+)", r"\1 \2", t),
    "editor's brackets": lambda t: re.sub(r"\b(\w)(\w\w+)", r"[\1]\2", t),
    "between other lines": lambda t: "\n".join(
        f"{line}\n{FILLER[at % 8]}" for at, line in enumerate(lines(t, 30))
    ),
    "between other words": lambda t: each_word(t, lambda at, word: f"{word} {words(FILLER[at % 8])[at % 4]}"),
    "halves of lines side by side": lambda t: each_line(
        t, lambda _, line: f"| {line[: len(line) // 2]} | {line[len(line) // 2 :]} |"
    ),
    "a play": lambda t: each_line(
        t, lambda at, line: f"{('ANN', 'BOB')[at % 2]} (softly): {line.rstrip('.')}...", 26
    ),
    "turns": lambda t: "\n\n".join(
        f"<|{('user', 'assistant')[at % 2]}|>\n{one}" for at, one in enumerate(sentences(t))
    ),
    "signs by name": lambda t: (
        t.replace(",", " comma").replace(".", " full stop").replace("'", " apostrophe ")
    ),
    "every sentence another way": in_turn,
    "letters of music": lambda t: each_word(t, lambda at, word: "♪" * (at % 4) + word, " ~ "),
    "counted words": lambda t: "".join(f"{word}{at}" for at, word in enumerate(words(t))),
    "reading aids": lambda t: each_word(t, lambda _, word: f"<ruby>{word}<rt>{word[:1]}</rt></ruby>"),
    "plus signs": lambda t: '"' + '" + "'.join(t[at : at + 7] for at in range(0, len(t), 7)) + '"',
    "backslashes at ends": lambda t: "\\\n".join(lines(t, 20)),
    "title case in a chapter list": lambda t: each_line(
        t.title(), lambda at, line: f"Chapter {at} . . . . . {line} . . . . . {at * 7}"
    ),
}


ORDINARY = (
    "apple book car day east fire game home ice job king love money night orange paper queen road sun time "
    "use voice water box year zero"
).split()
NUMBERED = "All right, now please write down the next word of the text that we want on this page, which is"


def spelled(text, make):
    """Every word letter by letter, each letter in a way of its own."""
    return each_word(
        text, lambda _, word: " ".join(make(sign) for sign in word.lower() if "a" <= sign <= "z"), ", "
    )


def by_selectors(text):
    """Bytes as variation selectors after one visible sign: a reader sees a dot, a model the text."""
    return "." + "".join(
        chr(0xFE00 + byte) if byte < 16 else chr(0xE0100 + byte - 16) for byte in text.encode()
    )


def stemmed(word):
    return re.sub(r"(ing|ed|ies|ation|ment|ness|ally|ly|es|s|er|al|ive|e|y)$", "", word)


def glossary(text):
    meaning = (
        "something that people say when they talk about a thing that they know well and that other people may "
        "not know at all, as in the case of a house or a book that was made long ago"
    )
    return each_word(text, lambda _, word: f"{word}: {meaning}.", "\n")


def timed(text):
    return json.dumps(
        [{"word": f" {word}", "start": at / 4, "p": 0.97} for at, word in enumerate(words(text))]
    )


# A third round: forms of an outsider, written with the rules of the first two in sight.
THIRD = {
    "tag characters": lambda t: "".join(chr(0xE0000 + ord(c)) if " " <= c <= "~" else c for c in t),
    "variation selectors": by_selectors,
    "bits of no width": lambda t: "".join("\u200b\u200c"[int(bit)] for c in t for bit in f"{ord(c):08b}"),
    "names of characters": lambda t: "".join(f"\\N{{{unicodedata.name(c, 'SPACE')}}}" for c in t),
    "letters as in": lambda t: spelled(t, lambda c: f"{c} as in {ORDINARY[ord(c) - 97]}"),
    "a code of ordinary words": lambda t: spelled(t, lambda c: ORDINARY[ord(c) - 97]),
    "a code of ordinary words, by lines": lambda t: "\n".join(
        f"{ORDINARY[ord(c) - 97]} and more of it" for c in t.lower() if "a" <= c <= "z"
    ),
    "clipped words": lambda t: re.sub(
        r"\w{5,}", lambda found: found.group()[: -(len(found.group()) // 3)] + ".", t
    ),
    "stems": lambda t: re.sub(r"\w{5,}", lambda found: stemmed(found.group().lower()), t),
    "dictated": lambda t: each_word(t, lambda _, word: f"{NUMBERED} {word}."),
    "glossary": glossary,
    "karaoke": lambda t: each_word(
        t, lambda at, word: "".join(f"{{\\k{20 + at}}}{word[i : i + 2]}" for i in range(0, len(word), 2))
    ),
    "chords": lambda t: each_word(
        t, lambda at, word: f"{word[:2]}[{('Am', 'C#m7', 'E7/9')[at % 3]}]{word[2:]}"
    ),
    "overstruck": lambda t: "".join(f"{c}\b{c}" for c in t),
    "words with times": timed,
    "lines of blame": lambda t: each_line(
        t, lambda at, line: f"{at * 7919:07x} (Ann Example 2025-03-04 10:00 {at:3}) {line}", 34
    ),
    "gettext": lambda t: each_line(t, lambda at, line: f'#: a.c:{at}\nmsgid "{line}"\nmsgstr "Zeile"\n', 40),
    "base85": lambda t: base64.b85encode(t.encode()).decode(),
    "compressed": lambda t: base64.b64encode(zlib.compress(t.encode())).decode(),
    "escapes of a style sheet": lambda t: "".join(f"\\{ord(c):x} " for c in t),
}


def some_words(text, make, every=3):
    """Each third word in a form; the others as they are."""
    return each_word(
        text,
        lambda at, word: (
            re.sub(r"[A-Za-z]+", lambda found: make(found.group()), word) if at % every == 0 else word
        ),
    )


def by_table(text, table):
    return re.sub(r"[A-Za-z]+", lambda found: table.get(found.group().lower(), found.group()), text)


def pairs_of(text):
    return dict(one.split(":") for one in text.split())


SMS = pairs_of(
    "you:u your:ur are:r be:b to:2 for:4 see:c why:y before:b4 people:ppl great:gr8 that:dat the:da this:dis they:dey "
    "know:kno would:wud should:shud have:hav from:frm though:tho some:sum when:wen is:iz was:woz of:ov can:cn "
    "often:oft make:mk will:wil which:wch has:hs one:1 and:n not:nt with:w/ good:gud more:mor"
)
MISTYPED = pairs_of(
    "the:teh and:adn to:ot of:fo is:si it:ti in:ni for:fro with:wiht that:taht are:aer was:wsa not:nto you:yuo "
    "can:acn be:eb as:sa or:ro at:ta by:yb an:na has:hsa do:od but:btu we:ew he:eh she:hse one:noe who:woh how:hwo so:os"
)
AS_SIGNS = pairs_of(
    "and:& at:@ is:= are:= to:→ not:¬ for:∀ all:∀ there:∃ with:w/ number:# money:$ sun:☀ in:∈ of:° between:↔ or:∨ "
    "more:↑ less:↓ about:~ eye:👁 see:👀 car:🚗 book:📖 heart:❤ house:🏠 world:🌍 people:👥 water:💧 first:🥇 no:🚫 hand:✋"
)
OF_A_DIALECT = pairs_of(
    "you:ye your:yer my:me of:o' and:an' the:th' to:t' is:be are:be for:fer with:wi' have:'ave her:'er his:'is how:'ow "
    "not:nae do:dae about:'bout over:o'er before:afore it:'t this:dis that:dat no:nay get:git can:kin just:jist"
)
CYRILLIC = dict(zip("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопярстувшхыз", strict=True))
MORSE = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyz",
        ".- -... -.-. -.. . ..-. --. .... .. .--- -.- .-.. -- -. --- "
        ".--. --.- .-. ... - ..- ...- .-- -..- -.-- --..".split(),
        strict=True,
    )
)
# Words of a text in a form that a reader undoes one by one; a prompt may also show a few words only.
CIPHERS = {
    "rot13": lambda w: codecs.encode(w, "rot13"),
    "mirrored alphabet": lambda w: "".join(chr(219 - ord(c)) for c in w.lower()),
    "base64": lambda w: base64.b64encode(w.encode()).decode(),
    "backwards": lambda w: w[::-1],
    "sorted letters": lambda w: "".join(sorted(w)),
    "halves swapped": lambda w: w[len(w) // 2 :] + w[: len(w) // 2],
    "Cyrillic": lambda w: by_letter(CYRILLIC, w),
    "Morse": lambda w: " ".join(MORSE[c] for c in w.lower()),
}
# A fourth round, with every word of the case explained: texts of which a part only is altered.
FOURTH = {
    "short messages": lambda t: by_table(t, SMS),
    "short words mistyped": lambda t: by_table(t, MISTYPED),
    "signs for words": lambda t: by_table(t, AS_SIGNS),
    "dialect": lambda t: by_table(t, OF_A_DIALECT),
    "a word a paragraph": lambda t: each_word(t, lambda _, word: f"{NUMBERED} {word}.\n" + (FILLER[0] + ". ") * 40),
    "vowels of some words gone": lambda t: some_words(t, lambda w: re.sub("[aeiou]", "", w) or w, 2),
} | {
    f"some words, {name}": lambda t, make=make: some_words(t, make) for name, make in CIPHERS.items()
}  # fmt: skip


def fuzzed(rng):
    """One to three of the forms, one within the other, at random; gives their names and the form."""
    names = [str(one) for one in rng.choice(sorted(FORMS), int(rng.integers(1, 4)), replace=False)]

    def form(text):
        for name in names:
            text = FORMS[name](text)
        return text

    return " > ".join(names), form
