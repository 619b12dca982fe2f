"""Benches and judged groups made by hand: accounts `a0000`, `a0001` ..., tests whose evidence is a known
function of the members.
"""

import numpy as np

from stillwatch.detect.judge import Bench, Judged, Trial, _indexed
from stillwatch.detect.propose import Candidate
from stillwatch.signals.registry import (
    FAMILIES,
    Card,
    Explanation,
    ExplanationCard,
    Finding,
    GroupTest,
    NoFinding,
)
from tests.signals.crowds import traits


def names(places):
    """Accounts at these places."""
    return frozenset(f"a{place:04}" for place in places)


def group(places, graph="words"):
    """A candidate of the accounts at these places."""
    return Candidate(accounts=names(places), graph=graph)


def made_test(name, family, log_e):
    """A group test that reads the members' places only; `log_e` maps these to a log e-value, or to a
    reason for no finding.
    """

    def statistic(rows, member):
        places = np.unique(np.asarray(rows["account"])[member])
        found = log_e(places)
        return (
            NoFinding(found)
            if isinstance(found, str)
            else Finding(
                log_e=float(found),
                value="",
                accounts=len(places),
                exchanges=0,
                statement=f"{len(places)} members: {name}",
            )
        )

    card = Card(
        name=name,
        measures="",
        null="",
        innocent=(),
        evaded_by="",
        source="",
        reads=("observations.timestamp",),
    )
    return GroupTest(card=card, family=family, rows=None, sample_null=None, statistic=statistic)


def made_explanation(name, bends, labels, *, accompanies=False):
    """An explanation whose mark is one label for every account of the bench."""
    card = ExplanationCard(
        name=name, what="", carries="", produces="", cannot="", settled_by="", source=""
    )  # fmt: skip
    labels = np.asarray(labels, np.int64)
    return Explanation(
        card=card,
        bends=frozenset(bends),
        mark=lambda _traits, members: labels[members],
        draw=None,
        accompanies=accompanies,
    )


def made_bench(accounts, tests=(), explanations=(), **columns):
    """A bench of so many accounts, with these tests and explanations; `columns` are traits, as
    `crowds.traits` takes them.
    """
    known = traits(accounts, **columns)
    rows = _indexed({"account": np.arange(accounts)}, accounts)
    every = {test.card.name: rows for test in tests}
    return Bench(
        tests=tuple(tests),
        explanations=tuple(explanations),
        traits_of=lambda: known,
        rows=every,
        sampled=every,
        others=np.ones(accounts, bool),
        names=tuple(f"a{place:04}" for place in range(accounts)),
        owners=np.asarray(known.owner),
    )


def made_trial(marked, log_e, excess=0.0, name="made"):
    """The trial of an explanation whose mark so many members carry, of which one stands for all."""
    return Trial(
        explanation=made_explanation(name, (), ()), marked=marked, effective=1, log_e=log_e, excess=excess
    )


def made_judged(
    places, unexplained=0.0, log_e=None, q_value=1.0, graph="words", findings=None, trials=(), **families
):
    """A judged group of the accounts at these places, each with an owner of its own."""
    return Judged(
        candidate=group(places, graph),
        owners=frozenset(places),
        findings=findings or {},
        families=dict.fromkeys(FAMILIES, 0.0) | families,
        unexplained=unexplained,
        trials=tuple(trials),
        log_e=unexplained if log_e is None else log_e,
        q_value=q_value,
    )
