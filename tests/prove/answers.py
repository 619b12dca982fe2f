"""Answers as an assistant gives them, whose code, data, quotations and foreign words a mark must leave alone.

Every answer is (kind, text, kept): `kept` are the pieces that must stand in the marked answer byte for byte,
in order. All of them are full of the words that a mark would change. Sources in the standard library stand
for code as people write it.
"""

import json
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import numpy as np

PROSE = (
    (
        "For example, a tyre shop often keeps stock. Furthermore, it does not sell abroad. Therefore the "
        "whole "
        "shop cannot grow."
    ),
    (
        "Make sure that you save the file. As a result, nearly all of the users were not served quickly, "
        "which "
        "is often a problem."
    ),
    (
        "This does not change what the function gives back. Finally, it is not often that we have numerous "
        "questions about it."
    ),
    (
        "We have not seen the whole picture. Additionally, the team is not entirely sure that it will not "
        "fail "
        "in the end."
    ),
)
NOTE = "It does not often fail, and therefore it is not entirely wrong."
CODE = {
    "python": 'import os\n\nLIMIT = {n}\n"""Notes.\n\n{note}\nMake sure that you often save.\n"""\n\n\ndef '
    'often(x):\n    """Return thus.\n\n    {note}\n    """\n    # Finally, {note}\n    if x is not None:\n   '
    "     return 'do not' + str({n})\n\n    print(\"We do not know, for example, why.\")\n",
    "javascript": "// {note}\nconst often = {{ whole: {n}, 'do not': `it\n\n{note}\n\n${{1}}` "
    "}};\n\n/*\n{note}\n\nMake sure that you often save it.\n*/\nfunction thus(x) {{\n  return 'We do not "
    "know' + x; // {note}\n}}\n",
    "typescript": "interface Often {{ whole: number; }}\n\n/** {note} */\nexport const thus = (x: Often): "
    "string => {{\n  return `We do not know ${{x.whole}}`;\n}};\n\n/*\n\n{note}\n\n*/\nconst n: number = "
    "{n};\n",
    "java": "/*\n * {note}\n\n{note}\n */\npublic class Often {{\n    /** {note} */\n    public static void "
    'main(String[] args) {{\n        System.out.println("We do not know, often {n}.");\n    }}\n}}\n',
    "c": "#include <stdio.h>\n\n/*\n{note}\n\n{note}\n*/\nint main(void) {{\n    /* {note} */\n    "
    'printf("We do not know, often %d\\n", {n});\n    return 0;\n}}\n',
    "cpp": '#include <iostream>\n\n/* {note}\n\n{note}\n*/\nint main() {{\n    std::cout << "We do not know '
    'often" << {n} << std::endl;\n    return 0;\n}}\n',
    "c_sharp": "using System;\n\n/*\n\n{note}\n\n*/\nclass Often {{\n    // {note}\n    static void Main() "
    '{{\n        Console.WriteLine("We do not know often {n}.");\n    }}\n}}\n',
    "go": 'package main\n\nimport "fmt"\n\n/*\n{note}\n\n{note}\n*/\nfunc main() {{\n\t// '
    '{note}\n\tfmt.Println("We do not know often", {n}, `it\n\n{note}\n`)\n}}\n',
    "rust": '/*\n{note}\n\n{note}\n*/\nfn main() {{\n    // {note}\n    let whole = "We do not know '
    'often";\n    println!("{{}} {{}}", whole, {n});\n}}\n',
    "ruby": "# {note}\ndef often(x)\n  puts 'We do not know'\n  x * {n}\nend\n\ntext = "
    "<<~EOS\n\n{note}\n\nEOS\nputs text\n",
    "php": "<?php\n/*\n{note}\n\n{note}\n*/\nfunction often($x) {{\n    // {note}\n    return 'We do not "
    "know' . $x . {n};\n}}\n",
    "bash": "#!/bin/sh\n# {note}\nmv often.txt thus.txt\necho We do not know often\ncat "
    "<<EOF\n\n{note}\n\nEOF\nexit {n}\n",
    "sql": "-- {note}\nSELECT often, whole FROM thus WHERE note = 'It does not often fail.' AND whole IS NOT "
    "NULL LIMIT {n};\n\n/*\n\n{note}\n\n*/\nINSERT INTO often VALUES ('\n\n{note}\n\n', {n});\n",
    "css": "/*\n\n{note}\n\n*/\n.often {{\n  content: 'It does not often fail.';\n  width: {n}px;\n}}\n",
    "lua": '--[[\n\n{note}\n\n]]\nlocal often = {{ whole = "We do not know", n = {n} '
    "}}\n\nprint(often.whole) -- {note}\n",
    "kotlin": '/*\n\n{note}\n\n*/\nfun often(x: Int): String {{\n    val text = """\n\n{note}\n\n"""\n    '
    'return "We do not know $x {n}"\n}}\n',
    "swift": '/*\n\n{note}\n\n*/\nfunc often(_ x: Int) -> String {{\n    let text = """\n\n    {note}\n\n    '
    '"""\n    return "We do not know \\(x) {n}"\n}}\n',
    "perl": "#!/usr/bin/perl\nuse strict;\n\nmy $often = 'We do not know';\nprint $often, "
    "{n};\n\n=pod\n\n{note}\n\n=cut\n\n1;\n",
    "haskell": '{{-\n\n{note}\n\n-}}\nmodule Main where\n\nmain :: IO ()\nmain = putStrLn "We do not know '
    'often {n}"\n',
}
DATA = {
    "yaml": "name: often\nsize: {n}\nnote: It does not often fail.\nsteps:\n  - Make sure that the file is "
    "not empty.\n  - It does not often fail, and therefore it is not wrong.\ntext: >\n  {note}\n\n  {note}\n",
    "yaml_sequence": "steps:\n\n- Make sure that the file is not empty.\n- It does not often fail, and "
    "therefore it is not wrong.\n\nsize: {n}\n",
    "toml": '[often]\nwhole = {n}\nnote = "It does not often fail."\ntext = """\n{note}\n\n{note}\n"""\n',
    "csv": 'id,often,whole\n{n},It does not often fail for us.,thus\n2,"{note}",often\n3,"It is '
    'not\n{note}\nfinal",thus\n',
    "tsv": "id\toften\twhole\n{n}\tIt does not often fail for us.\tthus\n2\tIt is not often that we have "
    "numerous questions.\toften\n",
    "table": "Name | Often | Note\n--- | --- | ---\na | {n} | It does not often fail for us.\nb | thus | It "
    "is not often that we have numerous questions.\n",
    "bare_table": "Name | Often | Note\na | {n} | It does not often fail for us.\nb | thus | It is not often "
    "that we have numerous questions.\n",
    "html": "<!DOCTYPE html>\n<html>\n<body "
    'class="often">\n<p>{note}</p>\n\n<p>\n{note}\n\n{note}\n</p>\n<p>{n}</p>\n</body>\n</html>\n',
    "xml": '<often whole="{n}">\n  <note>{note}</note>\n\n<text>\n\n{note}\n\n</text>\n</often>\n',
    "latex": "\\documentclass{{article}}\n\\begin{{document}}\n\\section{{Often}}\n\n{note}\n\n$often = "
    "{n}$\n\n{note}\n\\end{{document}}\n",
    "ini": "; {note}\n[often]\nwhole={n}\nnote=It does not often fail.\n",
    "diff": "--- a/often.txt\n+++ b/often.txt\n@@ -1,2 +1,2 @@\n- {note}\n+ It is not often that we have {n} "
    "questions.\n",
}
INLINE = (
    "Call `often(x)` with `do not` as `{{'whole': {n}}}`, which is often enough.",
    "See `docs/often/thus.md` and [often used](https://a.b/often) for the rest of it.",
    "The path docs/often/thus.md and the file often.txt are not what you want.",
    "Set often=1 and whole = {n} and then often.run(), which does not fail.",
    "Mail often@example.org or see https://example.org/often/thus?whole=1 for the whole story.",
    "The equation $often = {n}$ and \\(whole + thus\\) often hold for all of the users.",
)
KEPT_INLINE = (
    ("`often(x)`", "`do not`"),
    ("`docs/often/thus.md`", "[often used](https://a.b/often)"),
    ("docs/often/thus.md", "often.txt"),
    ("often=1", "often.run()"),
    ("often@example.org", "https://example.org/often/thus?whole=1"),
    ("$often =", "\\(whole + thus\\)"),
)
QUOTATIONS = (
    "“{q}”",
    '"{q}"',
    "'{q}'",
    "‘{q}’",
    "«{q}»",
    "„{q}“",
    "‚{q}‘",
    "»{q}«",
    "”{q}”",
    "「{q}」",
    "『{q}』",
    "‹{q}›",
    "*{q}*",
    "**{q}**",
    "> {q}",
    "> > {q}",
    "“{q}\n\n“{q}”",
    "```\n{q}\n```",
    "    {q}",
    "# {q}",
    "| {q} |\n|---|\n| {q} |",
)
FOREIGN = {
    "german": (
        (
            "Was not tut, ist Ruhe. Der Name often steht in der Datei thus, und die Firma Finally, GmbH, ist "
            "nicht immer da."
        ),
        (
            "Er sagt, dass whole und almost auf der Seite stehen. First, also zuerst, wird die Datei "
            "gelesen, "
            "und overall, also insgesamt, geht es gut."
        ),
        (
            "Die Funktion gives the result, und das ist often nicht das, was man will. Perhaps kommt er "
            "morgen, "
            "though the Chef das nicht glaubt."
        ),
        (
            "Wir haben die Schaltflächen often und usually umbenannt, damit sie nicht mehr mit den Feldern "
            "thus "
            "und therefore verwechselt werden."
        ),
    ),
    "french": (
        (
            "Finally, le mot often reste dans la phrase, et le fichier thus ne change pas. Perhaps il "
            "viendra "
            "demain, dit-on dans la maison."
        ),
        (
            "Le bouton Make sure that est traduit plus tard. Les mots do not et is not ne sont pas des mots "
            "de "
            "la langue."
        ),
        (
            "In addition, la maison est grande et les mots often, whole et almost all sont dans le titre de "
            "la "
            "page."
        ),
    ),
    "spanish": (
        (
            "Por ejemplo, la palabra often queda en la frase, y el archivo thus no cambia. First, la casa es "
            "grande y el perro no viene."
        ),
        (
            "El texto do not y el texto is not no son palabras de la lengua. Finally, todo queda como estaba "
            "en "
            "la página."
        ),
        "For example, el usuario escribe often en el campo y la aplicación no hace nada con el valor.",
    ),
    "chinese": (
        "单词 often 和 thus 不变。For example, 我们不改变 do not 这个词。",
        "在这个文件中，often 表示经常，is not 表示不是。Finally, 我们保存文件。",
        "请注意 whole 和 almost all 这些词，它们 does not 改变意思。",
    ),
    "dutch": (
        (
            "Het woord often blijft in de zin staan, en het bestand thus verandert niet. First, het huis is "
            "groot en de hond komt niet."
        ),
    ),
    "italian": (
        (
            "La parola often resta nella frase, e il file thus non cambia. Finally, la casa è grande e il "
            "cane "
            "non viene oggi."
        ),
    ),
    "portuguese": (
        (
            "A palavra often fica na frase, e o arquivo thus não muda. For example, a casa é grande e o cão "
            "não "
            "vem hoje."
        ),
    ),
    "polish": (
        (
            "Słowo often zostaje w zdaniu, a plik thus się nie zmienia. First, dom jest duży i pies nie "
            "przychodzi."
        ),
    ),
}
NAMED = (
    "The band Often and the film Almost Famous are in the list, and so is the shop Whole Foods.",
    "The song is by The Whole Entire Band and by Thus Far.",
    "We read the poem Thus Spoke Zarathustra in the class last year.",
    "REM IT DOES NOT OFTEN FAIL",
)


@dataclass(frozen=True)
class Answer:
    kind: str
    text: str
    kept: tuple[str, ...]


def sources(limit=400, most=12_000):
    """Python files of the standard library that have words a mark would change."""
    words = ("do not", "does not", "is not", "often", "cannot", "For example", "Therefore")
    found = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*/*.py"))[::3]:
        try:
            text = path.read_text(encoding="utf-8")
        except (UnicodeDecodeError, OSError):
            continue
        if len(text) <= most and any(word in text for word in words):
            found += 1
            yield text.rstrip("\n")
            if found == limit:
                return


def answers(number, seed=1, real=0):
    """So many answers of every kind in turn; `real` of them have a file of the standard library as
    unfenced code.
    """
    rng = np.random.default_rng(seed)
    files = list(sources(real)) if real else []
    makers = [*_code(), *_data(), *_quoted(), *_foreign()]
    for at in range(number):
        before, after = (str(rng.choice(PROSE)) for _ in range(2))
        if at < len(files):
            yield Answer("python_library", f"{before}\n\n{files[at]}\n\n{after}", (files[at],))
            continue
        yield makers[at % len(makers)](rng, before, after)


def _filled(template, rng):
    return template.format(n=int(rng.integers(2, 900)), note=NOTE)


def _code():
    for name, template in CODE.items():

        def fenced(rng, before, after, name=name, template=template):
            body = _filled(template, rng)
            return Answer(f"{name}_fenced", f"{before}\n\n```{name}\n{body}```\n\n{after}", (body,))

        def unfenced(rng, before, after, name=name, template=template):
            body = _filled(template, rng).rstrip("\n")
            return Answer(f"{name}_unfenced", f"{before}\n\n{body}\n\n{after}", (body,))

        def directly(rng, before, after, name=name, template=template):
            body = _filled(template, rng).rstrip("\n")
            return Answer(f"{name}_directly", f"{before}\n{body}", (body,))

        def alone(rng, before, after, name=name, template=template):
            body = _filled(template, rng)
            return Answer(f"{name}_alone", body, (body,))

        yield from (fenced, unfenced, directly, alone)


def _data():
    for name, template in DATA.items():

        def around(rng, before, after, name=name, template=template):
            body = _filled(template, rng).rstrip("\n")
            return Answer(name, f"{before}\n\n{body}\n\n{after}", (body,))

        def alone(rng, before, after, name=name, template=template):
            body = _filled(template, rng)
            return Answer(f"{name}_alone", body, (body,))

        yield from (around, alone)
    for indent in (None, 1, 4):

        def data(rng, before, after, indent=indent):
            body = json.dumps(
                {
                    "often": [NOTE, "for example,"],
                    "whole": int(rng.integers(900)),
                    "do not": {"thus": None, "note": NOTE},
                },
                indent=indent,
            )
            return Answer("json", f"{before}\n\n{body}\n\n{after}", (body,))

        yield data


def _quoted():
    for number in range(len(INLINE)):

        def inline(rng, before, after, number=number):
            return Answer("inline", f"{before} {_filled(INLINE[number], rng)} {after}", KEPT_INLINE[number])

        yield inline
    for form in QUOTATIONS:

        def quotation(rng, before, after, form=form):
            body = form.format(q=NOTE)
            return Answer("quotation", f"{before}\n\n{body}\n\n{after}", (body,))

        yield quotation
    for form in QUOTATIONS[:14]:

        def within(rng, before, after, form=form):
            body = form.format(q=NOTE)
            return Answer(
                "quotation_within", f"{before} She said {body} and left the house. {after}", (body,)
            )

        yield within


def _foreign():
    for language, texts in FOREIGN.items():
        for text in texts:

            def foreign(rng, before, after, language=language, text=text):
                return Answer(language, text, (text,))

            def mixed(rng, before, after, language=language, text=text):
                return Answer(f"{language}_within", f"{before}\n\n{text}\n\n{after}", (text,))

            yield from (foreign, mixed)
    for text in NAMED:

        def named(rng, before, after, text=text):
            return Answer("names", f"{before}\n\n{text}\n\n{after}", (text,))

        yield named
