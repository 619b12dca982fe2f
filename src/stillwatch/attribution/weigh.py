"""Weigh hypotheses about who directed a campaign, and decide whether an organisation may be named.

Probability of a hypothesis: proportional to its prior times the product of likelihood ratios, one for each
group of dependent items.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from stillwatch.attribution import words
from stillwatch.attribution.calendar import Calendar
from stillwatch.attribution.densities import TRACES
from stillwatch.attribution.grades import DOUBT_WITH_FLAG, PLANTED, PLANTED_WITH_FLAG, SOUND
from stillwatch.attribution.knowledge import Actor, Knowledge
from stillwatch.attribution.match import Match, facts, matches
from stillwatch.attribution.seen import CampaignFacts

PRIORS = {"lab": 0.40, "vendor": 0.15, "reseller": 0.25, "false flag": 0.06, "nobody": 0.14}
"""Prior probability of each kind of explanation, before items about actors. Chosen; reasons in
`docs/methods/actors.md`.
"""
LISTED = 0.5
"""Share of a kind's prior for all actors in the file together; the rest is for actors not listed."""
LEAST_CONTENT_LOG10 = -1.3
"""Lower bound of the log10 likelihood of a kind of explanation from the campaign's content. Of 60 worlds of
one kind none was read as another (`docs/evaluation.md`), so at most 3 in 60 are, with 95 % confidence (Hanley
and Lippman-Hand 1983). The upper limit is taken, since logs are harder to read than simulated worlds.
"""
THROUGH_RESELLER_LOG10 = -1.0
"""Log10 share of laboratories, and of those who imitate one, that work through a reseller's accounts, so that
the campaign's content is that of H3. Chosen.
"""
LEAST_LEADS: Mapping[str, Mapping[str, float]] = {
    "harvest": {"H2": -1.0, "H3": -0.2, "H4": -1.0, "H5": -1.0},
    "mixed": {"H1": -0.2, "H2": -1.0, "H4": -1.0, "H5": -1.0},
    "relay": {"H1": -1.0, "H3": -0.2, "H4": -0.2, "H5": -1.0},
    "fleet": {"H1": -1.0, "H2": -1.0, "H3": -1.0, "H5": -1.0},
}
"""Log10 likelihoods used where results have no table of hypotheses: the smallest differences with which a
scan reports the kind (`docs/methods/hypotheses.md`).
"""
DECIDED = 0.95
"""Least probability of a decided hypothesis, and of an actor for claim 5."""
WITHOUT_ONE = 0.5
"""Least probability of the actor for claim 5 when any one source, or any one group of items, is left out."""
MIN_GROUPS = 2  # least item groups, and least sources, that support claim 5
MOST_DOUBT = 0.01
"""Largest probability that all sources of hard evidence are wrong, for claim 5: reached by A1 with C3 or
better, or two sources of B2. Chosen.
"""
CLOSE = 1.0 + 1e-9  # relative tolerance for products of rounded probabilities
SPEAKS_LOG10 = math.log10(2.0)
"""Least log10 ratio of a group that counts as evidence for or against."""


MISSING = "missing traces"  # name of the group of traces that the campaign does not show


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemGroup:
    """Dependent items about one actor; `chosen` is the one whose ratio counts.

    `log10` maps hypothesis columns (`RIVALS`) to log10 likelihood ratios.
    """

    actor: str
    name: str
    chosen: Match
    sharing: tuple[Match, ...]
    log10: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One explanation: its kind, the actor that it names or "", and its prior and posterior probability.

    `log10_for` is the sum of the positive log10 ratios; `log10_against` the sum of the log10 factors by
    which the hypothesis falls behind the best one, item group by item group; `against` are those items, the
    strongest first.
    """

    kind: str
    actor: str
    prior: float
    probability: float
    log10_for: float
    log10_against: float
    against: tuple[str, ...]

    @property
    def key(self) -> str:
        """Unique key: kind, and actor where there is one."""
        return f"{self.kind}: {self.actor}" if self.actor else self.kind

    @property
    def name(self) -> str:
        """The hypothesis as a clause."""
        return {
            "actor": f"{self.actor} directed it",
            "unknown lab": "a laboratory that is not listed directed it",
            "shared vendor": "a vendor that serves several customers ran it",
            "reseller": "a reseller passed on its customers' requests",
            "false flag": f"somebody imitates {self.actor}"
            if self.actor
            else "somebody imitates a listed actor",
            "nobody": "no single party harvested: an honest fleet, other fraud, or independent accounts",
        }[self.kind]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """The assessment of one campaign.

    `best` is the likeliest actor. `named` is that actor where claim 5 may be stated, else ""; `needed`
    lists what is missing for it. `unmatched` is the number of items that could not be compared. `word` and
    `confidence` are those of the likeliest actor.
    """

    seen: CampaignFacts
    hypotheses: tuple[Hypothesis, ...]
    groups: tuple[ItemGroup, ...]
    unmatched: int
    calendar: Calendar
    best: str
    named: str
    needed: tuple[str, ...]
    word: str
    confidence: str
    is_trained: bool

    def of_actor(self, name: str) -> float:
        """Probability that this actor directed the campaign; 0 for an unknown actor."""
        return next(
            (one.probability for one in self.hypotheses if (one.kind, one.actor) == ("actor", name)), 0.0
        )


def assess(seen: CampaignFacts, known: Knowledge) -> Assessment:
    """Weigh all hypotheses for one campaign, and decide whether an organisation may be named."""
    about = facts(seen, known)
    compared = {actor.name: matches(actor.items, about) for actor in known.actors}
    groups = [group for name, some in compared.items() for group in grouped(name, some)]
    hypotheses = weighed(seen, known.actors, groups)
    best = max(
        (one for one in hypotheses if one.kind == "actor"), key=lambda one: (one.probability, one.actor)
    )
    kept = _least_without(seen, known.actors, groups, best.actor) if best.probability >= WITHOUT_ONE else 0.0
    needed = _needed(seen, known, groups, best, kept)
    mine = [group for group in groups if group.actor == best.actor]
    is_trained = any(group.chosen.family == "training" and _speaks_for(group) for group in mine)
    sound = {group.chosen.item.source.casefold() for group in mine if _speaks_for(group)}
    sure = words.confidence(len(sound), is_decided_by_one=kept < WITHOUT_ONE)
    word = words.likelihood(best.probability)
    if not is_trained:  # claim 5 without claim 4 is at most likely, with moderate confidence
        word = "likely" if word in ("very likely", "almost certain") else word
        sure = "moderate" if sure == "high" else sure
    return Assessment(
        seen=seen,
        hypotheses=hypotheses,
        groups=tuple(groups),
        unmatched=sum(len(actor.items) for actor in known.actors) - sum(map(len, compared.values())),
        calendar=about.calendar,
        best=best.actor,
        named="" if needed else best.actor,
        needed=needed,
        word=word,
        confidence=sure,
        is_trained=is_trained,
    )


def grouped(actor: str, some: Iterable[Match]) -> list[ItemGroup]:
    """Group an actor's dependent items; the strongest item of a group counts.

    Items of one family depend on each other, whatever their outcomes. So do traces of all families that are
    missing (`TRACES`): who hides one hides the others. Their group is `MISSING`; a `group` that the file
    states is kept. The groups of one source are bounded together (`_bounded`).
    """
    families: dict[str, list[Match]] = defaultdict(list)
    for one in some:
        families[one.group].append(one)
    parts: dict[str, list[Match]] = defaultdict(list)
    for name, sharing in families.items():
        one = _strongest(sharing)
        is_missing = one.outcome == "does not fit" and one.family in TRACES and not one.item.group
        parts[MISSING if is_missing else name] += sharing
    groups = []
    for name, sharing in sorted(parts.items()):
        chosen = _strongest(sharing)
        rest = tuple(one for one in sharing if one is not chosen)
        groups.append(ItemGroup(actor=actor, name=name, chosen=chosen, sharing=rest, log10=_believed(chosen)))
    return _bounded(groups)


def _strongest(sharing: Iterable[Match]) -> Match:
    """The item with the largest log10 likelihood ratio for or against the actor; of equal ones the first."""
    return max(sharing, key=lambda one: (abs(_believed(one)["own"]), -one.item.number))


def _believed(one: Match) -> dict[str, float]:
    """Log10 likelihood ratios against `rest`, given that the item is true only with probability `belief`."""
    fits = one.outcome == "fits"
    rest = 10**one.log10_rest
    found = {}
    for name, ratio in one.log10.items():
        doubt, planted = 1.0 - one.belief.probability, PLANTED
        if name == "forged":
            doubt, planted = min(doubt * DOUBT_WITH_FLAG, 1.0), PLANTED_WITH_FLAG
        otherwise = planted * fits + (1.0 - planted) * rest
        found[name] = math.log10((1.0 - doubt) * rest * 10**ratio + doubt * otherwise)
    return {name: value - found["rest"] for name, value in found.items()}


def _bounded(groups: list[ItemGroup]) -> list[ItemGroup]:
    """Scale the groups of each source so that their product is at most 1 / (doubt times `PLANTED`), since
    all of them may be planted.
    """
    by_source: dict[str, list[int]] = defaultdict(list)
    for place, group in enumerate(groups):
        if group.log10["own"] > 0:
            by_source[group.chosen.item.source.casefold()].append(place)
    for places in by_source.values():
        most = -math.log10((1.0 - max(groups[place].chosen.belief.probability for place in places)) * PLANTED)
        total = sum(groups[place].log10["own"] for place in places)
        if total > most:
            for place in places:
                scale = most / total
                groups[place] = replace(
                    groups[place], log10={n: v * scale for n, v in groups[place].log10.items()}
                )
    return groups


def priors(seen: CampaignFacts, actors: Sequence[Actor]) -> dict[tuple[str, str], float]:
    """Probability of each hypothesis, by kind and actor, from the priors and the campaign's content."""
    leads = seen.log10 or LEAST_LEADS.get(seen.kind, {})
    content = {one: max(leads.get(one, 0.0), LEAST_CONTENT_LOG10) for one in ("H1", "H2", "H3", "H4", "H5")}
    lab = max(content["H1"], content["H3"] + THROUGH_RESELLER_LOG10)
    like = {
        "lab": lab,
        "false flag": lab,
        "vendor": max(content["H1"] + math.log10(0.5), content["H3"]),
        "reseller": max(content["H2"], content["H3"]),
        "nobody": max(content["H4"], content["H5"]),
    }
    if seen.control_basis == "not shown":
        like["nobody"] = 0.0
    mass = {kind: prior * 10 ** like[kind] for kind, prior in PRIORS.items()}
    found: dict[tuple[str, str], float] = {}
    unlisted = {"lab": "unknown lab", "vendor": "shared vendor", "reseller": "reseller"}
    for kind, name in unlisted.items():
        listed = [actor.name for actor in actors if actor.kind == kind]
        for actor in listed:
            found["actor", actor] = mass[kind] * LISTED / len(listed)
        found[name, ""] = mass[kind] * (1.0 - LISTED if listed else 1.0)
    for actor_ in actors:
        found["false flag", actor_.name] = mass["false flag"] / len(actors)
    found["nobody", ""] = mass["nobody"]
    total = sum(found.values())
    return {key: value / total for key, value in found.items()}


# Column of `RIVALS` by kind of hypothesis, for hypotheses that name no actor.
COLUMN = {"shared vendor": "vendor", "reseller": "reseller"}


def column(kind: str, actor: str, group: ItemGroup) -> str:
    """The column of a group's ratios that applies to a hypothesis."""
    if actor == group.actor:
        return {"actor": "own", "false flag": "forged"}[kind]
    return COLUMN.get(kind, "rest")


def weighed(
    seen: CampaignFacts, actors: Sequence[Actor], groups: Sequence[ItemGroup]
) -> tuple[Hypothesis, ...]:
    """All hypotheses with their probabilities, the likeliest first."""
    before = priors(seen, actors)
    ratios = {
        (kind, actor): [(group, group.log10[column(kind, actor, group)]) for group in groups]
        for kind, actor in before
    }
    log10 = {key: math.log10(before[key]) + sum(value for _group, value in ratios[key]) for key in before}
    top = max(log10.values())
    total = sum(10 ** (value - top) for value in log10.values())
    found = []
    for key in before:
        best = {
            id(group): max(ratios[other][n][1] for other in before)
            for n, (group, _v) in enumerate(ratios[key])
        }
        lost = [(group, best[id(group)] - value) for group, value in ratios[key]]
        against = sorted((one for one in lost if one[1] >= SPEAKS_LOG10), key=lambda one: -one[1])
        found.append(
            Hypothesis(
                kind=key[0],
                actor=key[1],
                prior=before[key],
                probability=10 ** (log10[key] - top) / total,
                log10_for=sum(value for _group, value in ratios[key] if value > 0),
                log10_against=sum(value for _g, value in against),
                against=tuple(f"{group.actor}: {group.chosen.statement}" for group, _value in against),
            )
        )
    return tuple(sorted(found, key=lambda one: (-one.probability, one.kind, one.actor)))


def _speaks_for(group: ItemGroup) -> bool:
    """Whether the item that counts in a group fits, with a fair grade and a sufficient ratio."""
    return (
        group.chosen.belief.is_fair and group.log10["own"] >= SPEAKS_LOG10 and group.chosen.outcome == "fits"
    )


def _hard(groups: Iterable[ItemGroup]) -> list[Match]:
    """Items of hard evidence (`Density.is_hard`) graded C3 or better; those that share a ratio count too."""
    return [
        one
        for group in groups
        for one in (group.chosen, *group.sharing)
        if one.is_hard and one.belief.is_fair
    ]


def _doubt(items: Iterable[Match]) -> float:
    """Probability that every source of these items is wrong, by the greatest belief in each."""
    found: dict[str, float] = {}
    for one in items:
        source = one.item.source.casefold()
        found[source] = max(one.belief.probability, found.get(source, 0.0))
    return math.prod(1.0 - belief for belief in found.values())


def _least_without(
    seen: CampaignFacts, actors: Sequence[Actor], groups: Sequence[ItemGroup], actor: str
) -> float:
    """Least probability of the actor over all ways to leave out one source, or one group about it."""
    mine = [group for group in groups if group.actor == actor and group.log10["own"] > 0]
    sources = {group.chosen.item.source.casefold() for group in mine}
    left = [[g for g in groups if g.chosen.item.source.casefold() != source] for source in sources]
    left += [[g for g in groups if g is not group] for group in mine]
    found = [
        next(
            one.probability
            for one in weighed(seen, actors, some)
            if (one.kind, one.actor) == ("actor", actor)
        )
        for some in left
    ]
    return min(found, default=0.0)


def _needed(
    seen: CampaignFacts, known: Knowledge, groups: Sequence[ItemGroup], best: Hypothesis, kept: float
) -> tuple[str, ...]:
    """What is missing before claim 5 may be stated of the likeliest actor, as phrases; empty where it may
    be stated.

    `kept` is the least probability of the actor without any one source or group.
    """
    needed = []
    if seen.control_basis == "not shown":
        needed.append("claim 2: evidence that one party controls these accounts")
    if seen.kind not in ("harvest", "mixed"):
        needed.append(
            "claim 3: evidence that the purpose is harvesting, rather than what a reseller or a fleet does"
        )
    if next(actor.kind for actor in known.actors if actor.name == best.actor) != "lab":
        needed.append("evidence of who directed it: a vendor or a reseller acts for customers")
    mine = [group for group in groups if group.actor == best.actor and _speaks_for(group)]
    hard = _hard(mine)
    doubt = _doubt(hard)
    if max((one.belief.lowest for one in hard), default=0.0) < SOUND:
        needed.append(
            "evidence that an imitator cannot make at will, graded B2 or better: an address range of its "
            "own, a payment account, a record "
            "from a processor or a registrar, infrastructure of an earlier campaign, or a test that supports "
            "claim 4"
        )
    elif doubt > MOST_DOUBT * CLOSE:
        needed.append(
            f"such evidence from a further source, or of a better grade: all of it is wrong with a "
            f"probability of {doubt:.3g}, and {MOST_DOUBT} is needed"
        )
    if len({group.chosen.item.source.casefold() for group in mine}) < MIN_GROUPS or len(mine) < MIN_GROUPS:
        needed.append(
            "a second independent source, graded C3 or better, for something else than the first says"
        )
    misfits = {
        one.group
        for g in groups
        if g.actor == best.actor and g.chosen.outcome == "does not fit"
        for one in (g.chosen, *g.sharing)
        if one.outcome == "does not fit" and one.belief.is_fair
    }
    if len(misfits) > len({group.name for group in mine}):
        needed.append(f"an explanation of what does not fit the actor: {', '.join(sorted(misfits))}")
    rivals = sorted({
        group.actor for group in groups
        if group.actor != best.actor and group.log10["own"] >= SPEAKS_LOG10 and _hard([group])
    })  # fmt: skip
    if rivals:
        needed.append(f"an explanation of what points to {', '.join(rivals)} instead")
    refuted = [g.chosen for g in groups if g.actor == best.actor and g.chosen.family == "training"]
    if any(one.belief.is_fair and one.log10["own"] < 0 for one in refuted):
        needed.append("an explanation of the test on the actor's model that does not find the answers")
    if best.probability < DECIDED:
        needed.append(
            f"evidence that separates the actor from its rivals: its probability is {best.probability:.2f}, "
            f"and {DECIDED} is needed"
        )
    elif kept < WITHOUT_ONE:
        needed.append("evidence that does not rest on one item or one source alone")
    return tuple(needed)


def contradictions(assessment: Assessment) -> list[tuple[Hypothesis, int]]:
    """Hypotheses with their ranks, the one with the least evidence against it first (Heuer 1999, chapter
    8).
    """
    ordered = sorted(
        assessment.hypotheses, key=lambda one: (one.log10_against, -one.probability, one.kind, one.actor)
    )
    return [(one, rank) for rank, one in enumerate(ordered, 1)]
