"""Whether a text is English: py3langid's model of 140 languages, confirmed by the share of English function
words.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")  # a word, with hyphens and apostrophes
# The commonest English function words that are not common words of German, Dutch, French, Spanish, Italian or
# Portuguese.
FUNCTION_WORDS = frozenset(
    """
        a about after all although an and any are as at be because been before being both but by can cannot
        could did do does during each either every for from had has have having he her his how i if in into is
        it its just may might more most must my no nor not of on only or other our should since so some such
        than that the their them then there these they this those to under until up upon us was we were what
        when where whether which while who why will with within would you your
    """.split()
)
MIN_WORDS = 4  # chosen: below, the model is unsure of any language
# chosen: English prose has 0.4 to 0.5, a list of names and a foreign sentence hardly any
MIN_FUNCTION_SHARE = 0.2
MIN_PROBABILITY = 0.4  # chosen: English sentences of five words reach 0.6 to 0.99, mixed ones 0.2 to 0.3
MAX_FOREIGN_LETTERS = 0.1  # share of words with letters outside ASCII


def is_english(text: str) -> bool:
    """Whether a sentence or paragraph is clearly English; false for short or mixed text."""
    words = WORD.findall(text)
    if len(words) < MIN_WORDS:
        return False
    if sum(not word.isascii() for word in words) - text.count("’") > MAX_FOREIGN_LETTERS * len(words):
        return False
    grammar = sum(word.lower().partition("'")[0].partition("’")[0] in FUNCTION_WORDS for word in words)
    if grammar < max(2, MIN_FUNCTION_SHARE * len(words)):
        return False
    language, probability = _model().classify(" ".join(words))
    return bool(language == "en" and probability >= MIN_PROBABILITY)


@cache
def _model() -> LanguageIdentifier:
    """The model that recognises languages."""
    from py3langid import langid

    model: LanguageIdentifier = langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)
    return model
