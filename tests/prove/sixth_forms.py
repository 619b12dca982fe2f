"""Forms of quotations for scripts/short_quotations.py.

`SIXTH` was written before its author saw the rules, `AFTER` after the last of them; both were tried as they
stand here. Those that convicted are in tests/prove/short_forms.py too.
"""

import itertools
import random
import re
import string

from tests.prove.short_forms import BRAILLE, braille

AL = string.ascii_lowercase


def rng_of(text):
    return random.Random(text)


def wordwise(f):
    return lambda t: " ".join(f(w) for w in t.split())


def mapped(table, between="", gap=" "):
    return lambda t: gap.join(between.join(table.get(c, c) for c in w.lower()) for w in t.split())


def replaced(t, pairs):
    """The text after each pair's first part was replaced by its second, in order."""
    for a, b in pairs:
        t = t.replace(a, b)
    return t


def keyboard_right(t):
    rows = ["qwertyuiop[", "asdfghjkl;", "zxcvbnm,"]
    m = {a: b for r in rows for a, b in itertools.pairwise(r)}
    return "".join(m.get(c, c) for c in t.lower())


T9 = {
    c: str(n)
    for n, g in zip(range(2, 10), ["abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"], strict=False)
    for c in g
}
MULTI = {
    c: str(n) * (i + 1)
    for n, g in zip(range(2, 10), ["abc", "def", "ghi", "jkl", "mno", "pqrs", "tuv", "wxyz"], strict=False)
    for i, c in enumerate(g)
}


def pig(w):
    m = re.match(r"([^aeiouAEIOU]*)(.*)", w)
    return m[2] + m[1] + "ay"


def ubbi(w):
    return re.sub(r"([aeiou]+)", r"ub\1", w)


def jeringonza(w):
    return re.sub(r"([aeiou])", r"\1p\1", w.lower())


def loeffel(w):
    return re.sub(r"([aeiou])", r"\1lew\1", w.lower())


def rovar(w):
    return re.sub(r"([bcdfghjklmnpqrstvwxz])", r"\1o\1", w.lower())


def vertical(t):
    ws = t.split()
    out = []
    for at in range(0, len(ws), 6):
        some = ws[at : at + 6]
        out += [" ".join(w[i] if i < len(w) else " " for w in some) for i in range(max(map(len, some)))]
        out.append("")
    return "\n".join(out)


def word_search(t):
    r = rng_of(t)
    rows = []
    for w in t.split():
        left = r.randrange(0, 6)
        row = (
            [r.choice(AL) for _ in range(left)]
            + list(w.lower())
            + [r.choice(AL) for _ in range(max(0, 14 - left - len(w)))]
        )
        rows.append(" ".join(row).upper())
    return "\n".join(rows)


def rails(t):
    return t[0::3] + "\n" + t[1::3] + "\n" + t[2::3]


def sorted_letters(w):
    return "".join(sorted(w.lower()))


def typoglycemia(w):
    if len(w) < 4:
        return w
    mid = list(w[1:-1])
    rng_of(w).shuffle(mid)
    return w[0] + "".join(mid) + w[-1]


def pos(t):
    r = rng_of(t)
    return "\n".join(
        f"{i}\t{w}\t{w.lower()}\t{r.choice(['NOUN', 'VERB', 'ADP', 'DET', 'ADJ'])}\t_\t{r.randrange(9)}"
        for i, w in enumerate(t.split(), 1)
    )


CYR = dict(zip("abcdefghijklmnopqrstuvwxyz", "абцдефгхийклмнопкрстувухйз", strict=False))
GREEK = dict(zip("abcdefghijklmnopqrstuvwxyz", "αβκδεφγηιικλμνοπκρστυβωξυζ", strict=False))
HEB = (
    dict(zip("bcdfghjklmnpqrstvwxyz", "בקדפגהיקלמנפקרסתווקיז", strict=False))
    | dict.fromkeys("aeo", "")
    | {"i": "י", "u": "ו"}
)
DEVA = dict(zip("abcdefghijklmnopqrstuvwxyz", "अबकदएफगहइजकलमनओपकरसतउववकयज", strict=False))
RUNE = dict(zip("abcdefghijklmnopqrstuvwxyz", "ᚨᛒᚲᛞᛖᚠᚷᚺᛁᛃᚲᛚᛗᚾᛟᛈᚲᚱᛋᛏᚢᚠᚹᛪᚤᛉ", strict=False))
LETTERS_OF = {"that": "t", "you": "y", "not": "n"}


def ascii_braille(t):
    return " ".join(BRAILLE.get(w) or LETTERS_OF.get(w) or braille(w) for w in t.lower().split())


def spoonerism(t):
    ws = t.split()
    for i in range(0, len(ws) - 1, 2):
        a, b = (re.match(r"([^aeiouAEIOU]*)(.*)", w) for w in ws[i : i + 2])
        ws[i], ws[i + 1] = b[1] + a[2], a[1] + b[2]
    return " ".join(ws)


def verlan(w):
    h = (len(w) + 1) // 2
    return w[h:] + w[:h]


def flags(t):
    return " ".join(
        "".join(chr(0x1F1E6 + AL.index(c)) if c in AL else c for c in w.lower()) for w in t.split()
    )


def classes(t):
    return r"\s+".join(
        "".join(f"[{c.upper()}{c.lower()}]" if c.isalpha() else c for c in w) for w in t.split()
    )


def numbered_dictionary(t):
    words = sorted(set(t.split()))
    at = {w: i for i, w in enumerate(words, 1)}
    return "; ".join(f"{i}={w}" for w, i in at.items()) + "\ntext: " + " ".join(str(at[w]) for w in t.split())


def inverted_index(t):
    ws = t.split()
    return "; ".join(
        f"{w}: {', '.join(str(i) for i, x in enumerate(ws, 1) if x == w)}" for w in sorted(set(ws))
    )


def linked_list(t):
    ws = t.split()
    order = list(range(len(ws)))
    rng_of(t).shuffle(order)
    return "\n".join(
        f"n{i}: data={ws[i]} next={'n' + str(i + 1) if i + 1 < len(ws) else 'nil'}" for i in order
    )


def run_length(w):
    return re.sub(r"(.)\1*", lambda m: f"{m[1]}{len(m[0])}", w)


def stretched(w):
    return re.sub(r"([aeiou])", r"\1\1\1\1", w)


def doubled(w):
    return "".join(c * 2 for c in w)


def noise_letters(t):
    r = rng_of(t)
    return " ".join("".join(c + r.choice("bcdfghjklmnpqrstvwxyz") for c in w) for w in t.split())


def zipped_pairs(t):
    ws = t.split()
    out = []
    for i in range(0, len(ws), 2):
        a, b = ws[i], ws[i + 1] if i + 1 < len(ws) else ""
        out.append(
            "".join(
                (a[k] if k < len(a) else "") + (b[k] if k < len(b) else "")
                for k in range(max(len(a), len(b)))
            )
        )
    return " ".join(out)


CODON = {c: "".join("ACGT"[(i // 4**k) % 4] for k in range(3)) for i, c in enumerate(AL)}


def colours(t):
    h = t.encode().hex()
    return " ".join("#" + h[i : i + 6] for i in range(0, len(h), 6))


def addresses(t):
    b = t.encode()
    return ", ".join(".".join(map(str, b[i : i + 4])) for i in range(0, len(b), 4))


def old_print(t):
    t = t.lower()
    t = re.sub(r"\bthe\b", "yͤ", t).replace("th", "þ")
    t = re.sub(r"\bu", "v", re.sub(r"\bv", "u", t))
    t = re.sub(r"(?<=\w)v(?=\w)", "u", t).replace("j", "i")
    t = re.sub(r"s(?=\w)", "ſ", t).replace("w", "vv")
    return re.sub(r"([bcdfgklmnprt])\b", r"\1e", t)


LEET = {
    "a": "/-\\",
    "b": "|3",
    "c": "(",
    "d": "|)",
    "e": "[-",
    "f": "|=",
    "g": "(_+",
    "h": "|-|",
    "i": "|",
    "j": "_|",
    "k": "|<",
    "l": "|_",
    "m": "/\\/\\",
    "n": "|\\|",
    "o": "()",
    "p": "|>",
    "q": "(,)",
    "r": "|2",
    "s": "_/‾",
    "t": "‾|‾",
    "u": "|_|",
    "v": "\\/",
    "w": "\\/\\/",
    "x": "><",
    "y": "`/",
    "z": "‾/_",
}


def karaoke(t):
    r = rng_of(t)
    return "".join(
        f"{{\\k{r.randrange(9, 40)}}}{s}"
        for s in re.findall(r"[^aeiouAEIOU]*[aeiouAEIOU]+|[^aeiouAEIOU]+", t)
    )


def skeleton_and_rest(t):
    return (
        re.sub("[aeiouAEIOU]", "_", t) + "\nIn the gaps, in order: " + " ".join(re.findall("[aeiouAEIOU]", t))
    )


def columns_cipher(t):
    s = "".join(t.lower().split())
    return " ".join(s[k::5] for k in (2, 0, 4, 1, 3))


def shifted_spaces(t):
    s = list(t)
    for m in re.finditer(" ", t):
        i = m.start()
        if 0 < i < len(s) - 1:
            s[i - 1], s[i] = " ", s[i - 1]
    return "".join(s)


def telegraph_groups(t):
    s = "".join(t.upper().split())
    return " ".join(s[i : i + 5] for i in range(0, len(s), 5))


def respelt(t):
    t = replaced(
        t.lower(),
        (
            ("ough", "uff"),
            ("tion", "shun"),
            ("sion", "zhun"),
            ("ph", "f"),
            ("gh", ""),
            ("ck", "k"),
            ("qu", "kw"),
            ("x", "ks"),
            ("ce", "se"),
            ("ci", "si"),
            ("c", "k"),
            ("ea", "ee"),
            ("ai", "ay"),
            ("kn", "n"),
            ("wr", "r"),
            ("ow", "au"),
            ("ee", "i"),
            ("oo", "u"),
            ("y", "i"),
        ),
    )
    return re.sub(r"(\w{3,})e\b", r"\1", t)


def options(t):
    r = rng_of(t)
    other = ["stone", "river", "green", "under", "quick", "seven", "paper", "cloud", "never", "table"]
    return " ".join("[" + " | ".join(r.sample([w, *r.sample(other, 2)], 3)) + "]" for w in t.split())


def css(t):
    return "\n".join(f'.w{i}::before {{ content: "{w}"; order: {i}; }}' for i, w in enumerate(t.split()))


COVER = "garden window market yellow bottle simple corner people silver travel number winter letter summer doctor orange pocket second basket island".split()


def second_letters(t):
    """Ordinary words whose second letter is the next letter of the text."""
    words = {
        "a": "garden",
        "b": "abroad",
        "c": "actor",
        "d": "edge",
        "e": "letter",
        "f": "after",
        "g": "again",
        "h": "where",
        "i": "winter",
        "j": "eject",
        "k": "sky",
        "l": "place",
        "m": "small",
        "n": "under",
        "o": "corner",
        "p": "open",
        "q": "equal",
        "r": "order",
        "s": "essay",
        "t": "stone",
        "u": "number",
        "v": "every",
        "w": "sweet",
        "x": "exact",
        "y": "system",
        "z": "azure",
    }
    return " / ".join(" ".join(words.get(c, c) for c in w.lower()) for w in t.split())


def capitals_in_cover(t):
    """A cover of ordinary words with the text's letters as capitals within."""
    out, k = [], 0
    for w in t.split():
        for c in w.lower():
            cover = COVER[k % len(COVER)]
            out.append(cover[:3] + c.upper() + cover[3:])
            k += 1
        out.append(".")
    return " ".join(out)


def echo_back(w):
    return w + w[::-1]


def one_vowel(t):
    return re.sub("[aeiou]", "i", t.lower())


def vowels_turned(t):
    return t.lower().translate(str.maketrans("aeiou", "eioua"))


def voiced(t):
    return t.lower().translate(str.maketrans("bdgvzptkfs", "ptkfsbdgvz"))


def german_spelling(t):
    return (
        t.lower()
        .replace("sh", "sch")
        .replace("th", "z")
        .replace("w", "v")
        .replace("ee", "ie")
        .replace("y", "j")
        .replace("c", "k")
    )


def without_first(w):
    return w[1:] if len(w) > 1 else w


def second_half(w):
    return w[len(w) // 2 :]


def shingles(t):
    ws = t.split()
    return " | ".join(f"{a} {b}" for a, b in itertools.pairwise(ws))


def trigrams(t):
    s = t.replace(" ", "_")
    return " ".join(s[i : i + 3] for i in range(len(s) - 2))


def typed(t):
    return ", ".join(w[: i + 1] for w in t.split() for i in range(len(w)))


def keylog(t):
    r = rng_of(t)
    out = []
    for c in t:
        if r.random() < 0.15:
            out += [r.choice(AL), "<bksp>"]
        out.append({" ": "<space>"}.get(c, f"<shift>{c.lower()}" if c.isupper() else c))
    return "".join(out)


SC = dict(zip(AL, "1 3 3 2 1 4 2 4 1 8 5 1 3 1 1 3 10 1 1 1 1 4 4 8 4 10".split(), strict=False))


def scrabble(t):
    return " / ".join(" ".join(c.upper() + SC.get(c.lower(), "") for c in w) for w in t.split())


def bilingual(t):
    fake = ["der", "Haus", "laufen", "blau", "nicht", "Stein", "weil", "immer", "Wasser", "gehen"]
    r = rng_of(t)
    return " ".join(f"{w} ({r.choice(fake)})" for w in t.split())


def assembly(t):
    return "\n".join(f"    mov al, '{c}'\n    call putc" for c in t)


def boustrophedon(t):
    ws = t.split()
    lines = [" ".join(ws[i : i + 2]) for i in range(0, len(ws), 2)]
    return "\n".join(one[::-1] if i % 2 else one for i, one in enumerate(lines))


def pseudo_latin(w):
    return re.sub(r"[aeiou]?$", "us", w)


def after_comes(t):
    ws = ["<start>", *t.split()]
    pairs = [f"After '{a}' comes '{b}'." for a, b in itertools.pairwise(ws)]
    rng_of(t).shuffle(pairs)
    return " ".join(pairs)


def corrections(t):
    def bad(w):
        return w[1] + w[0] + w[2:] if len(w) > 2 else w + w[-1]

    return "\n".join(f"{bad(w)} -> {w}" for w in t.split())


def syllable_dots(t):
    return re.sub(r"([aeiouy])([bcdfghjklmnpqrstvwxz])(?=[aeiouy])", r"\1·\2", t)


def format_args(t):
    ws = t.split()
    order = list(range(len(ws)))
    rng_of(t).shuffle(order)
    place = {w: i for i, w in enumerate(order)}
    return (
        '"'
        + " ".join("{" + str(place[i]) + "}" for i in range(len(ws)))
        + '".format('
        + ", ".join(repr(ws[i]) for i in order)
        + ")"
    )


def sql(t):
    return "\n".join(f"INSERT INTO said (at, word) VALUES ({i}, '{w}');" for i, w in enumerate(t.split()))


def stutter(w):
    return f"{w[0]}-{w[:2]}-{w}" if w[:1].isalpha() else w


def infix(w):
    h = max(1, len(w) // 2)
    return w[:h] + "-bloomin-" + w[h:]


def trie(t):
    ws = sorted(set(t.split()))
    out, last = [], ""
    for w in ws:
        k = 0
        while k < min(len(w), len(last)) and w[k] == last[k]:
            k += 1
        out.append("." * k + w[k:])
        last = w
    at = {w: i for i, w in enumerate(ws)}
    return (
        "\n".join(f"{i} {o}" for i, o in enumerate(out))
        + "\norder "
        + ",".join(str(at[w]) for w in t.split())
    )


def bwt(t):
    s = t + "$"
    return "".join(r[-1] for r in sorted(s[i:] + s[:i] for i in range(len(s))))


def phonemes(t):
    t = replaced(
        t.lower(),
        (
            ("th", "θ"),
            ("sh", "ʃ"),
            ("ch", "tʃ"),
            ("ng", "ŋ"),
            ("ee", "iː"),
            ("oo", "uː"),
            ("a", "æ"),
            ("e", "ɛ"),
            ("i", "ɪ"),
            ("o", "ɒ"),
            ("u", "ʌ"),
            ("r", "ɹ"),
            ("y", "j"),
            ("c", "k"),
        ),
    )
    return "/" + t.replace(" ", "/ /") + "/"


def roman_letters(t):
    rom = "i ii iii iv v vi vii viii ix x xi xii xiii xiv xv xvi xvii xviii xix xx xxi xxii xxiii xxiv xxv xxvi".split()
    return " / ".join("-".join(rom[AL.index(c)] for c in w.lower() if c in AL) for w in t.split())


def numeronym(w):
    return f"{w[0]}{len(w) - 2}{w[-1]}" if len(w) > 4 else w


def letter_transposed(t):
    """Last letter of each word goes to the front of the next."""
    ws = t.split()
    return " ".join((ws[i - 1][-1] if i else ws[-1][-1]) + w[:-1] for i, w in enumerate(ws))


def every_second_hidden(t):
    """Words in turn: whole, and as its letters by turns with dots."""
    return " ".join(
        "".join(c if k % 2 == i % 2 else "." for k, c in enumerate(w)) for i, w in enumerate(t.split())
    )


# fmt: off
SIXTH = {
    "keyboard right": keyboard_right, "T9": mapped(T9), "multi-tap": mapped(MULTI, "-", "  "), "pig latin": wordwise(pig),
    "ubbi dubbi": wordwise(ubbi), "jeringonza": wordwise(jeringonza), "loeffel": wordwise(loeffel), "rovar": wordwise(rovar),
    "vertical words": vertical, "word search": word_search, "three rails": rails, "letters sorted": wordwise(sorted_letters),
    "middles shuffled": wordwise(typoglycemia), "conll": pos, "cyrillic sounds": mapped(CYR), "greek sounds": mapped(GREEK),
    "hebrew consonants": mapped(HEB), "devanagari": mapped(DEVA), "runes": mapped(RUNE), "ascii braille": ascii_braille,
    "spoonerism": spoonerism, "verlan": wordwise(verlan), "flags": flags, "regex classes": classes, "numbered dictionary": numbered_dictionary,
    "inverted index": inverted_index, "linked list": linked_list, "run length": wordwise(run_length), "stretched": wordwise(stretched),
    "doubled": wordwise(doubled), "noise letters": noise_letters, "zipped pairs": zipped_pairs, "codons": mapped(CODON, " ", " / "),
    "colours": colours, "addresses": addresses, "old print": old_print, "drawn leet": mapped(LEET, " ", "   "), "karaoke": karaoke,
    "skeleton and rest": skeleton_and_rest, "columns cipher": columns_cipher, "shifted spaces": shifted_spaces, "groups of five": telegraph_groups,
    "respelt": respelt, "options": options, "css": css, "second letters": second_letters, "capitals in cover": capitals_in_cover,
    "echo back": wordwise(echo_back), "one vowel": one_vowel, "vowels turned": vowels_turned, "voiced": voiced, "german spelling": german_spelling,
    "without first": wordwise(without_first), "second half": wordwise(second_half), "shingles": shingles, "trigrams": trigrams, "typed": typed,
    "keylog": keylog, "scrabble": scrabble, "bilingual": bilingual, "assembly": assembly, "boustrophedon": boustrophedon,
    "pseudo-latin": wordwise(pseudo_latin), "after comes": after_comes, "corrections": corrections, "syllable dots": syllable_dots,
    "format": format_args, "sql": sql, "stutter": wordwise(stutter), "infix": wordwise(infix), "trie": trie, "bwt": bwt, "phonemes": phonemes,
    "roman letters": roman_letters, "numeronym": wordwise(numeronym), "last letter on": letter_transposed, "every second hidden": every_second_hidden,
}
# fmt: on


def each(f, k, o=0):
    return lambda t: " ".join(f(w) if i % k == o else w for i, w in enumerate(t.split()))


FUNC = {
    "the": "👉",
    "to": "➡",
    "and": "➕",
    "of": "🔗",
    "is": "🟰",
    "in": "📥",
    "a": "1⃣",
    "for": "🎁",
    "are": "👥",
    "with": "🤝",
    "on": "🔛",
    "can": "💪",
    "it": "☝",
    "that": "👆",
    "as": "🔁",
}
GER = {
    "the": "der",
    "to": "zu",
    "and": "und",
    "of": "von",
    "is": "ist",
    "a": "ein",
    "for": "für",
    "are": "sind",
    "with": "mit",
    "on": "auf",
    "can": "kann",
    "it": "es",
    "that": "dass",
    "as": "als",
    "by": "von",
    "or": "oder",
    "this": "dieser",
    "be": "sein",
}
SMS = {
    "for": "4",
    "to": "2",
    "too": "2",
    "you": "u",
    "are": "r",
    "be": "b",
    "before": "b4",
    "great": "gr8",
    "see": "c",
    "why": "y",
    "and": "n",
    "the": "da",
    "at": "@",
    "with": "w/",
    "because": "cuz",
}


def longest_anagram(t):
    ws = t.split()
    k = max(range(len(ws)), key=lambda i: len(ws[i]))
    m = list(ws[k])
    rng_of(t).shuffle(m)
    ws[k] = "".join(m)
    return " ".join(ws)


def footnotes(t):
    ws = t.split()
    out, notes = [], []
    for i, w in enumerate(ws):
        if i % 2:
            notes.append(w)
            out.append(f"[{len(notes)}]")
        else:
            out.append(w)
    return " ".join(out) + "\n" + "; ".join(f"{i}: {w[::-1]}" for i, w in enumerate(notes, 1))


def cumulative(t):
    ws = t.split()
    return " / ".join(" ".join(ws[: i + 1]) for i in range(len(ws)))


def hashtags(t):
    ws = t.split()
    return " ".join("#" + "".join(w.capitalize() for w in ws[i : i + 2]) for i in range(0, len(ws), 2))


def mails(t):
    ws = t.split()
    return ", ".join(
        f"{'.'.join(ws[i : i + 2])}@{'-'.join(ws[i + 2 : i + 4]) or 'x'}.org" for i in range(0, len(ws), 4)
    )


def swapped_pairs(t):
    ws = t.split()
    return " ".join(w for i in range(0, len(ws), 2) for w in reversed(ws[i : i + 2]))


def bpe(w):
    return "@@ ".join(re.findall(".{1,3}", w))


def annotated(t):
    r = rng_of(t)
    return " ".join(w + r.choice(["!", "?", "!?", "??", "+", "#", "=", "±"]) for w in t.split())


def subtitles_two_tracks(t):
    ws = t.split()
    return "A: " + " ... ".join(ws[0::2]) + "\nB: " + " ... ".join(w[:-1] + "~" for w in ws[1::2])


# fmt: off
AFTER = {
    "second reversed": each(lambda w: w[::-1], 2), "second T9": each(lambda w: "".join(T9.get(c, c) for c in w.lower()), 2, 1),
    "longest anagram": longest_anagram, "emoji for small words": lambda t: " ".join(FUNC.get(w.lower(), w) for w in t.split()),
    "german small words": lambda t: " ".join(GER.get(w.lower(), w) for w in t.split()), "text message": lambda t: " ".join(SMS.get(w.lower(), w) for w in t.split()),
    "first letter blank": each(lambda w: "_" + w[1:], 1), "filler within": each(lambda w: w[: len(w) // 2] + " (um) " + w[len(w) // 2 :], 2),
    "shm": each(lambda w: w + "-shm" + re.sub(r"^[^aeiouAEIOU]*", "", w), 1), "question within third": each(lambda w: re.sub("[aeiou]", "?", w), 3, 1),
    "second hex": each(lambda w: w.encode().hex(), 2, 1), "reversed footnotes": footnotes, "second consonants": each(lambda w: re.sub("[aeiou]", "", w) or w, 2),
    "cumulative": cumulative, "hashtags": hashtags, "mails": mails, "swapped pairs": swapped_pairs, "bpe": each(bpe, 1), "annotated": annotated,
    "second abbreviated": each(lambda w: w[: max(1, len(w) // 3)] + ".", 2, 1), "third pig latin": each(lambda w: re.sub(r"^([^aeiouAEIOU]*)(.*)$", r"\2\1ay", w), 3, 1),
    "letters in brackets": each(lambda w: "".join(f"({c})" for c in w), 2), "plus between": each("+".join, 3), "two tracks": subtitles_two_tracks,
    "second next letter": each(lambda w: "".join(AL[(AL.index(c) + 1) % 26] if c in AL else c for c in w.lower()), 2, 1),
    "second codons": each(lambda w: "".join(CODON.get(c, c) for c in w.lower()), 2), "third dashes": each(lambda w: "-" * len(w), 3, 2),
}
# fmt: on
