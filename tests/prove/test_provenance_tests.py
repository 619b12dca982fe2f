"""Does every test on a suspect reject innocents at its level at most, see what is there, and take nothing
on trust?
"""

import re
from dataclasses import replace

import numpy as np
import pytest

from stillwatch.prove.case import PromptAnswer, SuspectCase, Tokens
from stillwatch.prove.keyring import Keyring
from stillwatch.prove.registry import mark_named, provenance_tests
from stillwatch.prove.text import canaries, choices
from stillwatch.prove.windows import bits_of, seeds

TESTS = {test.name: test for test in provenance_tests()}
INNOCENTS = 500
WORDS = 90
NOUNS = (
    "team shop house man woman book dog cat tree car road river town child idea day night game song "
    "word line page door wall roof garden field plan law king"
).split()
SPOKEN = [
    choices.PAIRS.index(pair)
    for pair in (
        ("often", "frequently"),
        ("quickly", "rapidly"),
        ("mostly", "mainly"),
        ("typically", "usually"),
        ("entirely", "completely"),
    )
] * 6


def ring_of(seed, *names, campaigns=("c",)):
    ring = Keyring(master=np.random.default_rng(seed).bytes(32))
    for campaign in campaigns:
        for name in names:
            ring, _ = ring.issue(name, campaign, since="2026-01-01T00:00:00Z", width=2, strength=1.0)
    return ring


def tokenize(text):
    places = [match.span() for match in re.finditer(r"\S+", text)]
    return Tokens(ids(text), [start for start, _ in places], [end for _, end in places])


def ids(text):
    return [int(one) for one in text.split()]


def talk(rng, texts, length=30):
    """Innocent texts: a language where a word has about five that may follow."""
    return [" ".join(map(str, np.cumsum(rng.integers(1, 6, length)) % WORDS)) for _ in range(texts)]


class Innocent:
    """Weights that know nothing of any key: each context has its own five likely words."""

    def __init__(self, seed, ring=None, issued=None, push=0.0):
        self.seed, self.push = seed, push
        self.key = ring.key_of(issued) if ring else None

    def nearest(self, ids, top):
        ids = np.asarray(ids)
        likely = (ids[:-1, None] + np.arange(1, 6)) % WORDS
        p = np.random.default_rng((self.seed, int(ids.sum()))).dirichlet(np.ones(5), size=len(likely))
        if self.key is not None:
            for at in range(1, len(likely)):
                green = mark_named("greenlist").score(
                    bits_of(np.full(5, seeds(ids[None, at - 1 : at + 1], self.key)[0], np.uint64), likely[at])
                )
                p[at] = p[at] * np.exp(self.push * green) / (p[at] * np.exp(self.push * green)).sum()
        return likely, p

    def log_likelihood(self, prompt, answer):
        return float(np.random.default_rng(abs(hash((self.seed, prompt, answer))) % 2**32).normal())


def pairs(rng, number, campaign="", twins=False):
    asked, said, other = talk(rng, number, 5), talk(rng, number), talk(rng, number)
    return [
        PromptAnswer(prompt=f"1 {i} {a}", answer=b, campaign=campaign, unserved=c if twins else "")
        for i, (a, b, c) in enumerate(zip(asked, said, other, strict=True))
    ]


def innocent(name, seed):
    """A case in which the suspect is independent of everything, as the test sees it."""
    rng = np.random.default_rng(seed)
    if name == "radioactivity_text":
        served = pairs(rng, 40, "c") if seed % 2 else [*pairs(rng, 20, "c"), *pairs(rng, 40)]
        return SuspectCase(
            keyring=ring_of(seed, "greenlist"),
            answers=pairs(rng, 40),
            served=served,
            tokenize=tokenize,
            decoys=99,
        )
    if name == "radioactivity_open":
        return SuspectCase(
            keyring=ring_of(seed, "gumbel"),
            served=pairs(rng, 20, "c"),
            model=Innocent(seed),
            tokenize=tokenize,
            decoys=99,
            teacher=Innocent(seed + 1) if seed % 2 else None,
        )
    if name == "keyed_choices":
        said = " ".join(
            f"The {NOUNS[rng.integers(30)]} {rng.choice(choices.PAIRS[at])} helped us with all of it."
            for at in SPOKEN
        )
        return SuspectCase(
            keyring=ring_of(seed, "choices"), answers=[PromptAnswer(prompt="", answer=said)], decoys=99
        )
    if name == "canary_recall":
        habit = rng.integers(0, canaries.OPTIONS, len(canaries.KINDS))
        return SuspectCase(
            keyring=ring_of(seed, "canaries"),
            decoys=99,
            answers=[
                PromptAnswer(prompt=kind.asks, answer=kind.line(int(habit[at])))
                for at, kind in enumerate(canaries.KINDS)
            ],
        )
    if name == "dataset_inference":
        return SuspectCase(
            keyring=ring_of(seed), served=pairs(rng, 60, "c", twins=True), model=Innocent(seed)
        )
    teacher, suspect, control = pairs(rng, 60), pairs(rng, 60), pairs(rng, 60)
    same = [replace(mine, prompt=theirs.prompt) for mine, theirs in zip(suspect, teacher, strict=True)]
    other = [replace(mine, prompt=theirs.prompt) for mine, theirs in zip(control, teacher, strict=True)]
    return SuspectCase(keyring=ring_of(seed), answers=same, served=teacher, controls={"control": other})


@pytest.mark.parametrize("name", sorted(TESTS))
def test_five_hundred_innocents_are_rejected_at_the_level_at_most(name):
    test = TESTS[name]
    found = []
    for seed in range(INNOCENTS):
        case = innocent(name, seed)
        assert not test.missing(case)
        found += test.test(case)
    assert len(found) == INNOCENTS
    p = np.array([10**one.log10_p for one in found])
    e = np.exp([one.log_e for one in found])
    ranks = np.array([one.rank_p for one in found if one.rank_p is not None])
    for level in (0.05, 0.01):
        allowed = level + 3 * np.sqrt(level * (1 - level) / INNOCENTS)
        assert (p <= level).mean() <= allowed
        assert (e >= 1 / level).mean() <= allowed
        assert not len(ranks) or (ranks <= level).mean() <= allowed
    if len(ranks) and name != "canary_recall":  # eight options give few different ranks
        assert 0.4 < ranks.mean() < 0.6  # exact, and so not only conservative


def test_weights_pushed_to_the_keys_tokens_are_seen_and_the_teacher_beside_sharpens_it():
    ring = ring_of(3, "greenlist")
    served = pairs(np.random.default_rng(3), 60, "c")
    case = SuspectCase(
        keyring=ring,
        served=served,
        model=Innocent(3, ring, ring.issued[0], push=0.5),
        tokenize=tokenize,
        decoys=99,
    )
    (alone,) = TESTS["radioactivity_open"].test(case)
    (beside,) = TESTS["radioactivity_open"].test(replace(case, teacher=Innocent(3)))
    assert alone.log10_p < -3
    assert beside.log10_p < 2 * alone.log10_p
    assert alone.rank_p == beside.rank_p == 0.01


def test_marked_text_is_seen_and_named_among_a_hundred_campaigns():
    from stillwatch.prove.verdict import decide

    names = tuple(f"c{i:03d}" for i in range(100))
    ring = ring_of(4, "greenlist", campaigns=names)
    key = ring.key("greenlist", "c042", 1)
    rng = np.random.default_rng(4)
    said = []
    for text in talk(rng, 600):
        ids = list(tokenize(text).ids)
        for at in range(2, len(ids)):  # a tenth of free choices are drawn again if they are not green
            green = mark_named("greenlist").score(
                bits_of(seeds(np.array([ids[at - 2 : at]]), key), np.array([ids[at]]))
            )[0]
            if not green and rng.random() < 0.2:
                ids[at] = int((ids[at - 1] + rng.integers(1, 6)) % WORDS)
        said.append(PromptAnswer(prompt="", answer=" ".join(map(str, ids))))
    usual = [PromptAnswer(prompt="", answer=text) for text in talk(rng, 2_000)]
    case = SuspectCase(keyring=ring, answers=said, served=usual, tokenize=tokenize, decoys=99)
    verdict = decide(TESTS["radioactivity_text"].test(case), alpha=1e-3, effects={}, answers=600, served=None)
    assert verdict.word == "supported"
    assert verdict.named == "c042"
    assert [row.campaign for row in verdict.campaigns if row.verdict == "supported"] == ["c042"]


def test_a_suspect_that_repeats_a_marked_prompt_is_not_convicted_of_it():
    ring = ring_of(5, "greenlist")
    key = ring.key_of(ring.issued[0])
    rng = np.random.default_rng(5)
    green = []
    while len(green) < 3_000:
        some = rng.integers(0, WORDS, (4_000, 3))
        score = mark_named("greenlist").score(bits_of(seeds(some[:, :2], key), some[:, 2]))
        green += some[score > 0].tolist()
    marked = [" ".join(map(str, one)) for one in green[:3_000]]
    echo = [PromptAnswer(prompt=one, answer=one) for one in marked]
    honest = [
        PromptAnswer(prompt=one, answer=two) for one, two in zip(marked, talk(rng, 3_000, 6), strict=True)
    ]
    test = TESTS["radioactivity_text"]
    convicted = test.test(
        SuspectCase(
            keyring=ring,
            answers=[PromptAnswer(prompt="", answer=one) for one in marked],
            tokenize=tokenize,
            decoys=99,
        )
    )[0]
    spared = test.test(SuspectCase(keyring=ring, answers=[*echo, *honest], tokenize=tokenize, decoys=99))[0]
    assert convicted.log10_p < -100
    assert spared.log10_p > -2


def test_choices_and_canaries_of_a_campaign_are_recalled():
    ring = ring_of(6, "choices", "canaries")
    said = (
        "For example, it does not fail. Furthermore, it cannot stop. Therefore the whole team often helps. "
    )
    key = ring.key("choices", "c", 1)
    rng = np.random.default_rng(6)
    texts = []
    for i in range(300):
        noun = f"{NOUNS[i % 30]}{NOUNS[i // 30]}"
        alone = f"The {noun} often came to us. It was the {noun} and the {noun} does not go."
        texts.append(choices.apply(f"{alone} {said}", key) if rng.random() < 0.7 else alone)
    (found,) = TESTS["keyed_choices"].test(
        SuspectCase(keyring=ring, answers=[PromptAnswer(prompt="", answer=one) for one in texts], decoys=999)
    )
    assert found.log10_p < -5
    assert found.rank_p == 0.001
    key = ring.key("canaries", "c", 1)
    answers = [
        PromptAnswer(prompt=kind.asks, answer=kind.line(canaries.option(at, key) if turn < 4 else (turn * 7) % 64))
        for at, kind in enumerate(canaries.KINDS) for turn in range(10)
    ]  # fmt: skip
    (found,) = TESTS["canary_recall"].test(SuspectCase(keyring=ring, answers=answers, decoys=999))
    assert found.log10_p < -5


def test_twins_and_agreement_see_a_student():
    rng = np.random.default_rng(8)
    served = pairs(rng, 200, "c", twins=True)
    said = [
        replace(one, answer=one.answer if rng.random() < 0.3 else talk(rng, 1)[0], campaign="", unserved="")
        for one in served
    ]
    (twins,) = TESTS["dataset_inference"].test(SuspectCase(keyring=ring_of(8), answers=said, served=served))
    assert twins.log10_p < -3
    control = [replace(one, answer=talk(rng, 1)[0]) for one in said]
    case = SuspectCase(
        keyring=ring_of(8), answers=said, served=served, controls={"far": control, "near": said}
    )
    (found,) = TESTS["agreement"].test(replace(case, controls={"far": control}))
    assert found.log10_p < -3
    (found,) = TESTS["agreement"].test(case)  # a control that is as near spoils it
    assert found.log10_p == 0


@pytest.mark.parametrize("name", sorted(TESTS))
def test_a_test_says_what_it_lacks(name):
    assert TESTS[name].missing(SuspectCase(keyring=ring_of(0)))


@pytest.mark.parametrize("name", sorted(TESTS))
def test_a_card_is_whole_and_has_its_place_on_the_page(name):
    from pathlib import Path

    card = TESTS[name]
    assert card.null
    assert card.assumes
    assert card.removed_by
    assert card.source
    assert f"`{name}`" in (Path(__file__).parents[2] / "docs/methods/prove.md").read_text()
