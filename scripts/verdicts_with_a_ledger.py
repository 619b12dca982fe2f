"""What does `prove` say of innocents and of students, with a ledger and where the mark was never served?

    python scripts/verdicts_with_a_ledger.py [SUSPECTS [ANSWERS]]

So many suspects of each kind (60) give so many answers (300) in the small language of tests/prove/talking.py,
where a student of 10 % marked training is an ideal one: in each place it says what the key prefers with a
chance of 10 %. All go through the whole of `prove`, from files to the page, at 1e-5. The effect that is
assumed is the mean of other such students.
"""

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from stillwatch.flows import prove as flow
from stillwatch.prove import ledger
from stillwatch.prove.case import PromptAnswer, SuspectCase
from stillwatch.prove.tests.radioactivity_text import radioactivity_text

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.prove import talking
from tests.prove.talking import issued, talk, tokenize, write

SUSPECTS = int(sys.argv[1]) if len(sys.argv) > 1 else 60
ANSWERS = int(sys.argv[2]) if len(sys.argv) > 2 else 300
SHARE, ALPHA = 0.1, 1e-5
flow.load_tokenizer = lambda _: tokenize  # the language has no file
ring = issued("gumbel/c", "choices/c")
sampling, choice = ring.issued
key = ring.key_of(sampling)


talking.WORDS = 240  # of 1,200 contexts; five words may follow each
served = talk(
    np.random.default_rng(1), 150, key, 0.5
)  # what stands in them says only which contexts were served


def rows(texts: list[str], **more: str) -> list[dict[str, str]]:
    """Prompts and answers."""
    return [{"prompt": f"q{at}", "answer": one, **more} for at, one in enumerate(texts)]


def assumed() -> float:
    """The mean effect of ten students that are not tried below."""
    pairs = [PromptAnswer(prompt="", answer=one, campaign="c") for one in served]
    out = []
    for seed in range(10):
        said = talk(np.random.default_rng(1_000 + seed), ANSWERS, key, SHARE)
        case = SuspectCase(
            keyring=ring,
            answers=[PromptAnswer(prompt="", answer=one) for one in said],
            served=pairs,
            tokenize=tokenize,
            decoys=0,
        )
        out.append(radioactivity_text.test(case)[0].effect)
    return float(np.mean(out))


def main() -> None:
    """Print how often each word is said of each kind of suspect, and the power that is stated."""
    effect = assumed()
    print(f"effect assumed at {100 * SHARE:g} % marked training: {effect:.4f} standard deviations a window")
    kinds = {
        "an innocent": (0.0, sampling),
        "a student of 10 %": (SHARE, sampling),
        "a student, mark never served": (0.0, choice),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ring.write(folder / "marks.json")
        write(folder / "served.jsonl", rows(served, campaign_id="c"))
        for turn, (kind, (share, mark)) in enumerate(kinds.items()):
            book = folder / f"{turn}.jsonl"
            ledger.append(book, ring, [ledger.entry(ring, mark, "a", one, is_marked=True) for one in served])
            said, powers, p = Counter[str](), [], []
            for seed in range(SUSPECTS):
                file = write(
                    folder / "suspect.jsonl",
                    rows(talk(np.random.default_rng((seed, turn)), ANSWERS, key, share)),
                )
                inputs = flow.Inputs(
                    suspect=file,
                    marks=folder / "marks.json",
                    served=(str(folder / "served.jsonl"),),
                    ledgers=(book,),
                    tokenizer=folder,
                    alpha=ALPHA,
                    effect=effect,
                    share=SHARE,
                    decoys=199,
                )
                verdict = flow.prove(inputs, folder / "verdict")["verdict"]
                said[verdict["word"]] += 1
                powers.append(verdict["power"])
                p.append(verdict["log10_p"])
            print(
                f"{kind}: {dict(said)}; power stated {min(powers):.3f} to {max(powers):.3f}; log10 p, median "
                f"{np.median(p):.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
