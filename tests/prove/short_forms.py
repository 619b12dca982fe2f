"""Forms of quotations of a few words, each entirely in the form.

`LEFT` convicted after the fourth round; `AT_FIRST` and `HELD_BACK` were written before the rules against them, `HELD_BACK`
tried after these; `FRESH` was written and tried after the last of the rules of the fifth round. `REPLACED` convicted after it:
a few words are replaced, or have signs in place of letters.
"""

import base64
import binascii
import codecs
import json
import random
import re
import string
import zlib

V = "aeiou"


def ws(t):
    return t.split()


def ew(t, f, sep=" "):
    return sep.join(f(i, w) for i, w in enumerate(ws(t)))


def letters(t):
    return re.sub(r"[^a-z]", "", t.lower())


def sub(t, f):
    return re.sub(r"[A-Za-z]+", lambda m: f(m.group()), t)


def rnd(t):
    return random.Random(zlib.crc32(t.encode()))


def tr(a, b):
    table = str.maketrans(a, b)
    return lambda t: t.lower().translate(table)


GREEK = "αβξδεφγηιϳκλμνοπθρστυϝωχψζ"
CYR = "абцдефгхийклмнопярстувшхыз"
HEB = "אבגדהוזחטיכלמנסעפצקרשתםןףץך"[:26]
KEYS = "qwertyuiopasdfghjklzxcvbnm"
SHIFT = "wertyuiopqsdfghjklaxcvbnmz"
ORDINARY = "apple book car day east fire game home ice job king love money night orange paper queen road sun time use voice water box year zero".split()
SECOND = "car able action idea need off again she give eject okay place among another body open equal great use street suppose over two exact system azure".split()
NATO = "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa quebec romeo sierra tango uniform victor whiskey xray yankee zulu".split()
LET = "ay bee cee dee ee ef gee aitch eye jay kay el em en oh pee cue ar ess tee you vee doubleyou ex why zee".split()
T9 = "22233344455566677778889999"
FILL = "house time river people garden morning paper street music window teacher money water story doctor summer".split()


def spoon(t):
    some = ws(t)
    for i in range(0, len(some) - 1, 2):
        a, b = some[i], some[i + 1]
        some[i], some[i + 1] = b[0] + a[1:], a[0] + b[1:]
    return " ".join(some)


def one_letter(t, make):
    r = rnd(t)

    def f(w):
        i = r.randrange(len(w))
        return w[:i] + make(r, w[i]) + w[i + 1 :]

    return sub(t, f)


def downward(t):
    some = ws(t)
    n = max(map(len, some))
    return "\n".join(" ".join(w[i] if i < len(w) else " " for w in some) for i in range(n))


def half(w):
    return w[: max(1, (len(w) + 1) // 2)]


def uu(t):
    return "".join(binascii.b2a_uu(t.encode()[i : i + 45]).decode() for i in range(0, len(t.encode()), 45))


LEFT = {
    "vowel sign": lambda t: re.sub("[aeiou]", "*", t.lower()),
    "vowel figure": tr(V, "12345"),
    "vowel x": tr(V, "xxxxx"),
    "letter sign": lambda t: one_letter(t, lambda r, c: r.choice("*#%_")),
    "letter figure": lambda t: one_letter(t, lambda r, c: r.choice("0123456789")),
    "letter other": lambda t: one_letter(t, lambda r, c: r.choice(string.ascii_lowercase)),
    "no vowels": lambda t: sub(t, lambda w: re.sub("[aeiouAEIOU]", "", w) or w),
    "first swapped": spoon,
    "first struck": lambda t: sub(t, lambda w: w[1:] or w),
    "s after": lambda t: sub(t, lambda w: w + "s"),
    "x between": lambda t: "x".join(ws(t)),
    "x word between": lambda t: " x ".join(ws(t)),
    "downward": downward,
    "half cut": lambda t: sub(t, half),
    "a1z26": lambda t: ew(t, lambda i, w: " ".join(str(ord(c) - 96) for c in letters(w)), " / "),
    "uuencode": uu,
    "rot13": lambda t: codecs.encode(t, "rot13"),
    "keyboard": tr(KEYS, SHIFT),
    "greek": tr(string.ascii_lowercase, GREEK),
}


def typogly(w, r):
    if len(w) < 4:
        return w
    m = list(w[1:-1])
    r.shuffle(m)
    return w[0] + "".join(m) + w[-1]


def railfence(t):
    s = letters(t)
    return s[::2] + " " + s[1::2]


def block_columns(t, k=5):
    s = letters(t)
    return " ".join(s[i::k] for i in range(k))


def table_columns(t):
    some = ws(t)
    return "\n".join(f"| {FILL[i % 16]} | {w} | {i * 37 % 91} |" for i, w in enumerate(some))


def vertical_table(t, k=3):
    some = ws(t)
    n = -(-len(some) // k)
    return "\n".join(
        " | ".join(some[j * n + i] if j * n + i < len(some) else "" for j in range(k)) for i in range(n)
    )


AT_FIRST = {
    "footnotes": lambda t: (
        ew(t, lambda i, w: f"{w}[{i + 1}]")
        + "\n"
        + ew(t, lambda i, w: f"[{i + 1}] See page {i * 7 + 3}.", "\n")
    ),
    "cues of a word": lambda t: ew(
        t, lambda i, w: f"{i + 1}\n00:00:{i % 60:02},000 --> 00:00:{i % 60:02},900\n{w}\n", "\n"
    ),
    "table columns": table_columns,
    "columns down": vertical_table,
    "reversed words numbered": lambda t: " ".join(
        f"{len(ws(t)) - i}. {w}" for i, w in enumerate(reversed(ws(t)))
    ),
    "ocr": lambda t: (
        t.replace("fi", "ﬁ")
        .replace("fl", "ﬂ")
        .replace("m", "rn")
        .replace("d", "cl")
        .replace("l", "1")
        .replace("e", "c")
    ),
    "ocr mild": lambda t: t.replace("m", "rn").replace("h", "li").replace("d", "cl"),
    "acrostic words": lambda t: " ".join(ORDINARY[ord(c) - 97] for c in letters(t)),
    "second letters": lambda t: " ".join(SECOND[ord(c) - 97] for c in letters(t)),
    "syllables hyphened": lambda t: sub(
        t, lambda w: "-".join(re.findall(r"[^aeiou]*[aeiou]+(?:[^aeiou]+$)?|.+", w))
    ),
    "pig latin": lambda t: sub(t, lambda w: w[1:] + w[0] + "ay"),
    "ubbi dubbi": lambda t: sub(t, lambda w: re.sub("([aeiou]+)", r"ub\1", w)),
    "typoglycemia": lambda t: sub(t, lambda w: typogly(w, rnd(t + w))),
    "doubled": lambda t: sub(t, lambda w: "".join(c + c for c in w)),
    "stutter": lambda t: sub(t, lambda w: f"{w[0]}-{w[0]}-{w}"),
    "x after each letter": lambda t: sub(t, lambda w: "".join(c + "x" for c in w)),
    "z before": lambda t: sub(t, lambda w: "z" + w),
    "last struck": lambda t: sub(t, lambda w: w[:-1] or w),
    "vowels underscore": lambda t: re.sub("[aeiou]", "_", t.lower()),
    "caesar 1": tr(string.ascii_lowercase, string.ascii_lowercase[1:] + "a"),
    "t9": lambda t: ew(t, lambda i, w: "".join(T9[ord(c) - 97] for c in letters(w))),
    "nato": lambda t: ew(t, lambda i, w: " ".join(NATO[ord(c) - 97] for c in letters(w)), ", "),
    "said letters": lambda t: ew(t, lambda i, w: " ".join(LET[ord(c) - 97] for c in letters(w)), ", "),
    "regional": lambda t: "".join(
        chr(0x1F1E6 + ord(c) - 97) if c.isalpha() and c.isascii() else c for c in t.lower()
    ),
    "cyrillic": tr(string.ascii_lowercase, CYR),
    "reversed each": lambda t: sub(t, lambda w: w[::-1]),
    "railfence": railfence,
    "block columns": block_columns,
    "hangman": lambda t: sub(
        t, lambda w: "".join("_" if (i + len(w)) % 3 == 0 else c for i, c in enumerate(w))
    ),
    "dotted": lambda t: sub(t, ".".join),
    "spaces moved": lambda t: re.sub(r" (\w)", r"\1 ", t),
    "groups of three": lambda t: " ".join(letters(t)[i : i + 3] for i in range(0, len(letters(t)), 3)),
    "groups of five": lambda t: " ".join(letters(t)[i : i + 5] for i in range(0, len(letters(t)), 5)),
    "first to end": lambda t: sub(t, lambda w: w[1:] + w[0]),
    "neighbours swapped": lambda t: sub(
        t, lambda w: "".join(w[i : i + 2][::-1] for i in range(0, len(w), 2))
    ),
    "vowels apart": lambda t: sub(
        t,
        lambda w: (
            (re.sub("[^aeiou]", "", w.lower()) or "-") + "/" + (re.sub("[aeiou]", "", w.lower()) or "-")
        ),
    ),
    "filler between": lambda t: ew(t, lambda i, w: f"{w} {FILL[(i * 5) % 16]}"),
}


def interleaved(text):
    some = letters(text)
    half = -(-len(some) // 2)
    return "".join(a + b for a, b in zip(some[:half], some[half:].ljust(half), strict=True))


HELD_BACK = {
    "superscript notes": lambda t: ew(t, lambda i, w: w + "⁰¹²³⁴⁵⁶⁷⁸⁹"[(i + 1) % 10]),
    "teletext caps": lambda t: ew(t, lambda i, w: w.upper() + " STOP"),
    "letters in noise": lambda t: "".join(
        c.upper() + "kqzwj"[(i * 7) % 5] + "bvx"[i % 3] for i, c in enumerate(letters(t))
    ),
    "consonants doubled": lambda t: sub(t, lambda w: re.sub("([b-df-hj-np-tv-z])", r"\1o\1", w.lower())),
    "av language": lambda t: sub(t, lambda w: re.sub("([aeiou])", r"av\1", w.lower())),
    "verlan": lambda t: sub(t, lambda w: w[len(w) // 2 :] + w[: len(w) // 2]),
    "even then odd": lambda t: sub(t, lambda w: w[1::2] + w[::2]),
    "letters sorted": lambda t: sub(t, lambda w: "".join(sorted(w.lower()))),
    "atbash": tr(string.ascii_lowercase, string.ascii_lowercase[::-1]),
    "hebrew letters": tr(string.ascii_lowercase, HEB),
    "hex words": lambda t: ew(t, lambda i, w: w.encode().hex()),
    "ascii85": lambda t: base64.a85encode(t.encode()).decode(),
    "base32": lambda t: base64.b32encode(t.encode()).decode(),
    "octal": lambda t: " ".join(f"{ord(c):o}" for c in t),
    "char list": lambda t: json.dumps(list(t)),
    "string sum": lambda t: sub(t, lambda w: f"{w[: len(w) // 2]}' + '{w[len(w) // 2 :]}"),
    "regex": lambda t: r"\s+".join(re.sub(r"(\w)(\w)", r"\1[\2]", w, count=1) for w in ws(t)),
    "wdiff": lambda t: ew(t, lambda i, w: f"[-{FILL[i % 16]}-]{{+{w}+}}"),
    "mirrored lines": lambda t: "\n".join(
        reversed([" ".join(ws(t)[i : i + 2]) for i in range(0, len(ws(t)), 2)])
    ),
    "alphabetical with places": lambda t: ", ".join(
        f"{w} ({i + 1})" for w, i in sorted((w, i) for i, w in enumerate(ws(t)))
    ),
    "every word twice": lambda t: ew(t, lambda i, w: f"{w} {w}"),
    "lisp": lambda t: t.replace("ss", "th").replace("s", "th").replace("z", "th"),
    "owo": lambda t: re.sub("[rl]", "w", re.sub("[RL]", "W", t)),
    "phonetic": lambda t: (
        t.lower()
        .replace("ough", "uff")
        .replace("ph", "f")
        .replace("c", "k")
        .replace("qu", "kw")
        .replace("x", "ks")
        .replace("th", "d")
        .replace("ee", "i")
        .replace("ea", "i")
        .replace("igh", "y")
        .replace("tion", "shun")
    ),
    "endings dropped": lambda t: sub(t, lambda w: w[:3] + "." if len(w) > 3 else w),
    "first and last letters": lambda t: sub(
        t, lambda w: w if len(w) < 3 else w[0] + "-" * (len(w) - 2) + w[-1]
    ),
    "un prefix": lambda t: sub(t, lambda w: "un" + w),
    "ing suffix": lambda t: sub(t, lambda w: w + "ing"),
    "q for e": lambda t: t.lower().replace("e", "q").replace("t", "z"),
    "a to b, b to c in vowels": tr(V, "eioua"),
    "vowels all o": tr(V, "ooooo"),
    "boustrophedon": lambda t: "\n".join(
        " ".join(ws(t)[i : i + 2])[:: 1 if (i // 2) % 2 == 0 else -1] for i in range(0, len(ws(t)), 2)
    ),
    "acrostic of lines": lambda t: "\n".join(
        f"{ORDINARY[ord(c) - 97].capitalize()} is what we had at the house" for c in letters(t)
    ),
    "middle word of lines": lambda t: ew(
        t,
        lambda i, w: (
            f"{FILL[(3 * i) % 16]} {FILL[(5 * i + 1) % 16]} {w} {FILL[(7 * i + 2) % 16]} {FILL[(i + 5) % 16]}"
        ),
        "\n",
    ),
    "crossword clues": lambda t: ew(
        t,
        lambda i, w: (
            f"{i + 1} across ({len(w)}): {w[0]}"
            + "".join(" " + ("_" if j % 2 else c) for j, c in enumerate(w[1:]))
        ),
        "; ",
    ),
    "emoji joined": lambda t: ew(t, lambda i, w: w + "🙂🎉🔥"[i % 3]),
    "zwj inside": lambda t: sub(t, "\u200d".join),
    "named entities": lambda t: "".join(
        {"a": "&aacute;", "e": "&eacute;", "o": "&oacute;"}.get(c, c) for c in t
    ),
    "stretched": lambda t: re.sub("([aeiou])", r"\1\1\1", t),
    "shifted one right": lambda t: "".join(chr(ord(c) + 1) if c.isalpha() else c for c in t),
    "interleaved": interleaved,
    "first and second words swapped": lambda t: " ".join(
        w for i in range(0, len(ws(t)), 2) for w in reversed(ws(t)[i : i + 2])
    ),
    "all joined, words reversed": lambda t: "".join(w[::-1] for w in ws(t)),
    "vowels dropped, joined": lambda t: re.sub("[aeiou ]", "", t.lower()),
    "every third letter struck": lambda t: sub(
        t, lambda w: "".join(c for i, c in enumerate(w) if i % 3 != 2)
    ),
    "syllable lo": lambda t: sub(t, lambda w: re.sub("([aeiou]+)", r"\1lo", w.lower())),
}
# Written after the rules were fixed, and tried once.
PRE = "re de in un pro con dis mis".split()
FRESH = {
    "mixed prefixes": lambda t: ew(t, lambda i, w: PRE[i % 8] + w),
    "keeps three of five": lambda t: sub(
        t, lambda w: "".join(c for i, c in enumerate(w) if i % 5 in (0, 1, 3))
    ),
    "initial and vowels": lambda t: sub(t, lambda w: w[0] + re.sub("[^aeiou]", "", w[1:].lower())),
    "last three letters": lambda t: sub(t, lambda w: w[-3:]),
    "words cut across": lambda t: " ".join(letters(t)[i : i + 4] for i in range(1, len(letters(t)), 4)),
    "question of cloze": lambda t: (
        ew(t, lambda i, w: "____" if i % 3 == 2 else w)
        + "\nMissing: "
        + ", ".join(w for i, w in enumerate(ws(t)) if i % 3 == 2)
    ),
    "two speakers": lambda t: ew(t, lambda i, w: f"{'AB'[i % 2]}: {w}", "\n"),
    "url slug in a link": lambda t: f"https://a.example/posts/2024/{'-'.join(ws(t)).lower()}?ref=x",
    "file name": lambda t: "_".join(ws(t)) + "_final.txt",
    "hashtag": lambda t: "#" + "".join(w.capitalize() for w in ws(t)),
    "vowels as umlauts": tr(V, "äëïöü"),
    "letters by rows of five": lambda t: "\n".join(
        " ".join(letters(t)[i : i + 5]) for i in range(0, len(letters(t)), 5)
    ),
    "spelling of b and p, d and t": tr("bpdtgkvf", "pbtdkgfv"),
    "welsh style": lambda t: (
        t.lower().replace("v", "f").replace("f", "ff").replace("oo", "w").replace("u", "w").replace("c", "c'")
    ),
    "repeated first syllables": lambda t: sub(t, lambda w: w[:2] + w),
    "synonym and word": lambda t: ew(t, lambda i, w: f"{FILL[(11 * i + 3) % 16]}/{w}"),
    "number words between": lambda t: ew(
        t, lambda i, w: f"{'one two three four five six seven eight nine ten'.split()[i % 10]} {w}"
    ),
    "columns of a csv by letters": lambda t: "\n".join(
        ",".join(w[i] if i < len(w) else "" for w in ws(t)) for i in range(max(map(len, ws(t))))
    ),
    "tap code": lambda t: " ".join(
        "." * ((ord(c) - 97) // 5 + 1) + " " + "." * ((ord(c) - 97) % 5 + 1) for c in letters(t)
    ),
    "roman places": lambda t: " ".join(
        ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x"][(ord(c) - 97) % 10] for c in letters(t)
    ),
}
BRAILLE = {"the": "!", "and": "&", "for": "=", "of": "(", "with": ")"}
PARTS = {"the": "!", "ing": "+", "ch": "*", "sh": "%", "th": "?", "er": "}", "ed": "$", "en": "5", "in": "9", "st": "/", "ar": ">", "ou": "|", "ow": "["}  # fmt: skip


def braille(w):
    """A word in contracted braille as ASCII has it."""
    for part, sign in PARTS.items():
        w = w.replace(part, sign)
    return w


def front_coded(t):
    """The words in the order of the alphabet, with dots for what each has of the one before; their order."""
    some, out, last = sorted(set(ws(t))), [], ""
    for w in some:
        same = next(
            (i for i, (a, b) in enumerate(zip(w, last, strict=False)) if a != b), min(len(w), len(last))
        )
        out.append("." * same + w[same:])
        last = w
    return (
        "\n".join(f"{i} {w}" for i, w in enumerate(out))
        + "\norder "
        + ",".join(str(some.index(w)) for w in ws(t))
    )


REPLACED = {
    "every second word in rot13": lambda t: ew(t, lambda i, w: w if i % 2 else codecs.encode(w, "rot13")),
    "contracted braille": lambda t: sub(t.lower(), lambda w: BRAILLE.get(w) or braille(w)),
    "front-coded": front_coded,
}
