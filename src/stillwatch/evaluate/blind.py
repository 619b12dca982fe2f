"""Blind cases of attribution: simulated campaigns whose director is known, and intelligence on actors that
is true, wrong or planted.

The simulator draws features of campaigns (ranges, payment accounts, earlier values, hours) and of actors.
It does not use the densities by which `attribution` weighs evidence; its rates are its own and vary from
case to case.

Kinds of case, with their shares: honest groups reported as campaigns (20 %), resellers of end users (20 %),
false flags (10 %), vendors (8 %), laboratories that are not listed (12 %), listed ones through a reseller
(5 %), listed ones that are seen directly (25 %).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from stillwatch.attribution.knowledge import Knowledge, knowledge
from stillwatch.attribution.seen import CampaignFacts, MemberValue
from stillwatch.attribution.weigh import DECIDED, Assessment, assess
from stillwatch.stats.arrays import Floats
from stillwatch.stats.intervals import of_bounded_sum, of_share

# Share of the cases by kind.
CASES = {
    "honest": 0.20,
    "end users": 0.20,
    "false flag": 0.10,
    "vendor": 0.08,
    "not listed": 0.12,
    "through a reseller": 0.05,
    "listed": 0.25,
}
START = datetime(2026, 4, 1, tzinfo=UTC)  # first day of every campaign
DAYS = 45  # length of every campaign, in days
# Capabilities from which an actor's interests are drawn.
CAPABILITIES = ("coding", "reasoning", "agentic", "vision", "data_analysis", "grading")
# Countries from which actors and decoys are drawn.
COUNTRIES = ("US", "DE", "CN", "IN", "BR", "JP", "GB", "SG", "HK", "FR")
ZONES = (-8, -5, 0, 1, 3, 5.5, 8, 9)  # hours from UTC from which a party's zone is drawn
WRONG = {"A1": 0.02, "A2": 0.06, "B2": 0.08, "B3": 0.15, "C2": 0.15, "C3": 0.25, "D4": 0.40, "F6": 0.50}
"""Probability that an item of intelligence with this grade is wrong in the simulation; chosen to differ from
the rates that `attribution` assumes, in both directions.
"""
BINS = 10  # number of bins of the calibration of probabilities


@dataclass(frozen=True, slots=True, kw_only=True)
class BlindCase:
    """A case: the program's input (`kind`, `seen`, `known`) and the truth.

    `director` is the name of the listed actor who directed the campaign, "" where none did. `evident` says
    whether the evidence suffices to name the director.
    """

    kind: str
    seen: CampaignFacts
    known: Knowledge
    director: str
    evident: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Party:
    """A party behind a campaign: its network, card, mail domain, country, time zone (hours from UTC),
    client program and capabilities that it wants.
    """

    network: str
    card: str
    mail: str
    country: str
    processor: str
    zone: float
    agent: str
    wants: tuple[str, ...]


def _party(rng: np.random.Generator) -> _Party:
    """A party with random properties."""
    a, b, c = rng.integers(1, 250, 3)
    return _Party(
        network=f"{rng.integers(20, 100)}.{a}.{b}.0/24",
        card=f"card_{rng.integers(2**40):x}",
        mail=f"mail-{rng.integers(2**30):x}.example",
        country=str(rng.choice(COUNTRIES)),
        processor=f"processor {rng.integers(1, 7)}",
        zone=float(rng.choice(ZONES)),
        agent=f"client-{rng.integers(1, 12)}/{c}",
        wants=tuple(sorted(rng.choice(CAPABILITIES, rng.integers(2, 5), replace=False).tolist())),
    )


def draw(rng: np.random.Generator) -> BlindCase:
    """Draw one case at random; `CASES` gives the probability of each kind."""
    kind = str(rng.choice(list(CASES), p=list(CASES.values())))
    actors = [_party(rng) for _ in range(rng.integers(2, 7))]
    target = int(rng.integers(len(actors)))
    stranger, pool = _party(rng), _party(rng)
    evident = kind == "listed" and rng.random() < 0.7
    behind = actors[target] if kind in ("listed", "through a reseller") else stranger
    campaign = _campaign(rng, kind, behind, pool, actors[target], evident=evident)
    planted = (
        target if kind == "false flag" else int(rng.integers(len(actors))) if rng.random() < 0.15 else -1
    )
    facts = [
        _intelligence(
            rng,
            f"Actor {number}",
            one,
            campaign if number == planted else None,
            much=evident and number == target,
        )
        for number, one in enumerate(actors)
    ]
    if rng.random() < 0.3:
        facts.append(
            {"name": "Vendor", "kind": "vendor", "address_ranges": [_item(rng, [pool.network], use="shared")]}
        )
    observations = [
        {"campaign": "C1", "kind": what, "values": [value], "source": "payment provider", "grade": "A2"}
        for what, value in (
            ("card_countries", campaign[1].country),
            ("payment_processors", campaign[1].processor),
        )
        if rng.random() < 0.6
    ]
    return BlindCase(
        kind=kind, seen=campaign[0], known=knowledge({"actors": facts, "observations": observations}),
        director=f"Actor {target}" if kind in ("listed", "through a reseller") else "",
        evident=kind == "listed" and _is_evident(facts[target], actors[target], campaign[0]),
    )  # fmt: skip


def _is_evident(facts: Mapping[str, Any], truly: _Party, seen: CampaignFacts) -> bool:
    """Whether the evidence suffices to name the actor.

    It suffices where at least two sources, one of them graded B2 or better, state true values that only
    this actor has (range, card or mail domain) and the scan shows these values.
    """
    if seen.kind not in ("harvest", "mixed"):
        return False
    shown = {
        one.value
        for one in seen.values
        if one.kind in ("payment_fingerprint", "email_domain") and (one.others or 0) < 3
    }
    shown |= {
        truly.network
        for one in seen.values
        if one.kind == "signup_address" and one.value[:-1] == truly.network[:-4]
    }
    items = [
        (item["source"], item["grade"])
        for kind, value in (
            ("address_ranges", truly.network),
            ("payment_accounts", truly.card),
            ("earlier_campaigns", truly.mail),
        )
        for item in facts.get(kind, ())
        if value in shown
        and (value in item["values"] or any(one["value"] == value for one in item.get("indicators", ())))
        and item["grade"] in ("A1", "A2", "B2", "B3", "C2", "C3")
    ]
    return len({source for source, _grade in items}) > 1 and any(
        grade in ("A1", "A2", "B2") for _source, grade in items
    )


def _campaign(
    rng: np.random.Generator, kind: str, behind: _Party, pool: _Party, target: _Party, *, evident: bool
) -> tuple[CampaignFacts, _Party]:
    """What a scan shows of the campaign, and the party whose card and country it shows."""
    honest = {"honest": "fleet", "end users": "relay"}.get(kind)
    called = honest if honest and rng.random() < 0.7 else str(rng.choice(["harvest", "mixed"], p=[0.8, 0.2]))
    log10 = _log10(rng, called)
    members = int(rng.integers(40, 3000))
    values = [
        MemberValue(
            kind="client_prefix",
            value=pool.network,
            members=members,
            others=int(rng.integers(5, 900)),
            network_class="relay",
        )
    ]
    paying = behind if evident or rng.random() < 0.5 else pool
    if kind == "false flag":
        paying = target if rng.random() < 0.3 else behind
        if rng.random() < 0.5:
            paying = _with(behind, country=target.country, processor=target.processor)
        agent, zone = target.agent, target.zone if rng.random() < 0.6 else behind.zone
        wants = target.wants if rng.random() < 0.7 else behind.wants
    else:
        agent, zone, wants = behind.agent, behind.zone, behind.wants
    values += _values(
        rng, kind, behind, pool, card=paying.card, agent=agent, members=members, evident=evident
    )
    acts = _acts(rng, zone if rng.random() < 0.5 else None)
    seen = CampaignFacts(
        campaign="C1",
        kind=called,
        accounts=members,
        exchanges=members * 900,
        first=START,
        last=START + timedelta(days=DAYS),
        q_value=1e-6,
        control_log10=float(rng.uniform(4, 40)),
        log10=log10,
        capabilities=wants,
        values=tuple(values),
        acts=acts,
        control_basis=str(rng.choice(["measured", "inferred"], p=[0.85, 0.15])),
    )
    return seen, paying


def _log10(rng: np.random.Generator, kind: str) -> dict[str, float]:
    """Log10 likelihood of each hypothesis about a campaign of this kind, relative to the likeliest."""
    return {
        "harvest": {
            "H1": 0.0,
            "H2": -rng.uniform(1, 60),
            "H3": -rng.uniform(0.2, 4),
            "H4": -rng.uniform(0, 5),
            "H5": -9.0,
        },
        "mixed": {
            "H1": -rng.uniform(0.1, 1),
            "H2": -rng.uniform(1, 9),
            "H3": 0.0,
            "H4": -rng.uniform(0.5, 4),
            "H5": -9.0,
        },
        "relay": {
            "H1": -rng.uniform(1, 9),
            "H2": 0.0,
            "H3": -rng.uniform(0.2, 2),
            "H4": -rng.uniform(0, 3),
            "H5": -6.0,
        },
        "fleet": {"H1": -rng.uniform(1, 5), "H2": -rng.uniform(0, 9), "H3": -3.0, "H4": 0.0, "H5": -6.0},
    }[kind]


def _values(
    rng: np.random.Generator,
    kind: str,
    behind: _Party,
    pool: _Party,
    *,
    card: str,
    agent: str,
    members: int,
    evident: bool,
) -> list[MemberValue]:
    """The client that all members show, and the sign-up address, card and mail domain that some show."""
    values = [
        MemberValue(
            kind="user_agent",
            value=agent,
            members=members,
            others=int(rng.choice([0, 2, 40])),
            network_class="",
        )
    ]
    if kind not in ("through a reseller", "end users") and rng.random() < (0.85 if evident else 0.25):
        values.append(
            MemberValue(
                kind="signup_address",
                value=behind.network.replace(".0/24", ".7"),
                members=int(rng.integers(2, 40)),
                others=0,
                network_class="",
            )
        )
    if rng.random() < (0.7 if evident else 0.3):
        values.append(
            MemberValue(
                kind="payment_fingerprint",
                value=card,
                members=int(rng.integers(2, 60)),
                others=0,
                network_class="",
            )
        )
    if rng.random() < (0.7 if evident else 0.4):
        values.append(
            MemberValue(
                kind="email_domain",
                value=(behind if kind != "through a reseller" else pool).mail,
                members=int(rng.integers(2, 90)),
                others=int(rng.choice([0, 0, 1, 12])),
                network_class="",
            )
        )
    return values


def _with(party: _Party, *, country: str, processor: str) -> _Party:
    """The party with another country and payment processor."""
    from dataclasses import replace

    return replace(party, country=country, processor=processor)


def _acts(rng: np.random.Generator, zone: float | None) -> tuple[datetime, ...]:
    """Sixty times of control actions over `DAYS` days, sorted: mostly in working hours of a time zone, or
    uniform where `zone` is None.
    """
    found: list[datetime] = []
    while len(found) < 60:
        at = START + timedelta(hours=float(rng.uniform(0, 24 * DAYS)))
        local = at + timedelta(hours=zone or 0)
        works = local.weekday() < 5 and 8 <= local.hour < 20
        if zone is None or works or rng.random() < 0.08:
            found.append(at)
    return tuple(sorted(found))


def _item(
    rng: np.random.Generator,
    values: Sequence[str],
    grade: str | None = None,
    **more: Any,  # noqa: ANN401  fields of an item
) -> dict[str, Any]:
    """An item of an intelligence file, with a random source and, where none is given, a random grade."""
    return {
        "values": list(values),
        "source": f"source {rng.integers(1, 9)}",
        "grade": grade or str(rng.choice(list(WRONG))),
        **more,
    }


def _intelligence(
    rng: np.random.Generator,
    name: str,
    truly: _Party,
    planted: tuple[CampaignFacts, _Party] | None,
    *,
    much: bool,
) -> dict[str, Any]:
    """One actor's entry in the intelligence file: each item is wrong at the rate of its grade.

    A planted actor also gets one or two false items that fit the campaign.
    """
    grades = ["A1", "A2", "B2", "B3", "C2"] if much else list(WRONG)

    def said(make: Any) -> tuple[list[str], str]:  # noqa: ANN401
        """The values of an item, which are another party's at the rate of its random grade, and the grade."""
        grade = str(rng.choice(grades))
        return make(_party(rng) if rng.random() < WRONG[grade] else truly), grade

    actor: dict[str, Any] = {"name": name, "kind": "lab"}
    for kind, chance, make, more in (
        ("address_ranges", 0.9, lambda p: [p.network], {"use": "own"}),
        ("payment_accounts", 0.4, lambda p: [p.card], {}),
        ("card_countries", 0.7, lambda p: [p.country], {}),
        ("payment_processors", 0.5, lambda p: [p.processor], {}),
        ("toolchains", 0.5, lambda p: [p.agent.partition("/")[0]], {}),
        ("capability_interests", 0.8, lambda p: p.wants, {}),
    ):
        if rng.random() < (max(chance, 0.8) if much else chance):
            values, grade = said(make)
            actor[kind] = [_item(rng, values, grade, **more)]
    if rng.random() < (0.7 if much else 0.3):
        (mail,), grade = said(lambda p: [p.mail])
        actor["earlier_campaigns"] = [
            _item(rng, [], grade, indicators=[{"kind": "email_domain", "value": mail}])
        ]
    if rng.random() < 0.7:
        (zone,), grade = said(lambda p: [f"{p.zone:+g}"])
        hours = float(zone)
        actor["working_calendar"] = [
            _item(
                rng,
                [],
                grade,
                time_zone=f"{'+' if hours >= 0 else '-'}{int(abs(hours)):02d}:{int(abs(hours) % 1 * 60):02d}",
            )
        ]
    if rng.random() < 0.5:
        actor["release_dates"] = [
            _item(rng, [(START + timedelta(days=float(rng.uniform(-200, 400)))).date().isoformat()])
        ]
    if rng.random() < 0.3:
        actor["statements"] = [_item(rng, [], said=str(rng.choice(["allegation", "denial"])))]
    if planted is not None:
        _plant(rng, actor, planted[0])
    return actor


def _plant(rng: np.random.Generator, actor: dict[str, Any], seen: CampaignFacts) -> None:
    """Add false items that fit the campaign to an actor's entry."""
    ways = {
        "address_ranges": [v.value for v in seen.values if v.kind == "signup_address"]
        or [seen.values[0].value],
        "payment_accounts": [v.value for v in seen.values if v.kind == "payment_fingerprint"],
        "earlier_campaigns": [v.value for v in seen.values if v.kind == "email_domain"],
    }
    for kind in rng.choice(list(ways), rng.integers(1, 3), replace=False).tolist():
        if not ways[kind]:
            continue
        more: dict[str, Any] = {"use": "own"} if kind == "address_ranges" else {}
        values = ways[kind]
        if kind == "earlier_campaigns":
            more, values = {"indicators": [{"kind": "email_domain", "value": values[0]}]}, []
        item = _item(rng, values, str(rng.choice(["B2", "B3", "C3", "D4"])), **more)
        actor.setdefault(kind, []).append(item)


def trial(cases: int, seed: int) -> list[dict[str, Any]]:
    """Outcomes of `cases` blind cases drawn with `seed`, one dict each: the program's answer and the
    truth.
    """
    rng = np.random.default_rng([seed, 27])
    return [_outcome(case, assess(case.seen, case.known)) for case in (draw(rng) for _ in range(cases))]


def _outcome(case: BlindCase, found: Assessment) -> dict[str, Any]:
    """What the program found of a case, beside the truth."""
    likeliest = found.hypotheses[0]
    return {
        "kind": case.kind,
        "director": case.director,
        "evident": case.evident,
        "named": found.named,
        "best": found.best,
        "refused": bool(found.needed),
        "decided": likeliest.probability >= DECIDED,
        "likeliest": [likeliest.kind, likeliest.actor, likeliest.probability],
        "actors": [[one.of, one.probability, one.of == case.director] for one in _probabilities(found)],
    }


@dataclass(frozen=True, slots=True)
class _Told:
    of: str
    probability: float


def _probabilities(found: Assessment) -> list[_Told]:
    """Probability of each actor."""
    return [_Told(one.actor, one.probability) for one in found.hypotheses if one.kind == "actor"]


def summarise_trials(outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row per world of cases.

    A row holds false accusations, the share named where the evidence suffices, Brier scores, the
    calibration slope, and counts by kind of case.
    """
    worlds: dict[str, list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        worlds.setdefault(outcome["world"], []).extend(outcome["cases"])
    return [{"world": world, "cases": len(some)} | _figures(some) for world, some in worlds.items()]


def _figures(some: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rates over all cases: false names, evident cases named, calibration."""
    false = [one for one in some if one["named"] and one["named"] != one["director"]]
    evident = [one for one in some if one["evident"]]
    decided = [one for one in some if any(is_decided(p) for _name, p, _true in one["actors"])]
    errors = [
        (p - true) ** 2 for one in decided for _name, p, true in one["actors"] if is_decided(p)
    ]  # the probability that this actor directed it, where it is decided either way
    pairs = np.array([(p, float(true)) for one in some for _name, p, true in one["actors"]])
    top = np.array([max(((p, float(true)) for _n, p, true in one["actors"])) for one in some])
    figures = {
        "false_accusations": of_share(len(false), len(some)),
        "named_where_evident": of_share(
            sum(one["named"] == one["director"] for one in evident), len(evident)
        ),
        "brier_decided": of_bounded_sum(float(np.sum(errors)), len(errors)),
        "brier_of_likeliest": of_bounded_sum(float(np.sum((top[:, 0] - top[:, 1]) ** 2)), len(top)),
    }
    slope, low, high = calibration_slope(pairs[:, 0], pairs[:, 1])
    return {name: asdict(value) if value else None for name, value in figures.items()} | {
        "calibration_slope": {"value": slope, "low": low, "high": high, "number": len(pairs)},
        "false": [{"kind": one["kind"], "named": one["named"]} for one in false],
        "kinds": [
            {"kind": kind, "cases": len(part), "named": sum(bool(one["named"]) for one in part),
             "true": sum(bool(one["named"]) and one["named"] == one["director"] for one in part),
             "refused": sum(one["refused"] for one in part)}
            for kind in CASES if (part := [one for one in some if one["kind"] == kind])
        ],
    }  # fmt: skip


def is_decided(probability: float) -> bool:
    """Whether a probability is at least `DECIDED` or at most 1 - `DECIDED`."""
    return probability >= DECIDED or probability <= 1.0 - DECIDED


def calibration_slope(probability: Floats, outcome: Floats) -> tuple[float, float, float]:
    """Slope of the logistic regression of outcomes on the logit of their probabilities, with its 95 % Wald
    interval (Cox 1958; Newton's method).

    Args:
        probability: predicted probabilities, shape (n,); clipped to [1e-6, 1 - 1e-6].
        outcome: 0 or 1, shape (n,).

    Returns:
        Slope, lower limit, upper limit. The slope is 1 where the probabilities are calibrated.
    """
    p = np.clip(probability, 1e-6, 1 - 1e-6)
    x = np.column_stack((np.ones_like(p), np.log(p / (1 - p))))
    beta = np.zeros(2)
    information = np.eye(2)
    for _ in range(50):
        fitted = 1 / (1 + np.exp(-x @ beta))
        information = (x * (fitted * (1 - fitted))[:, None]).T @ x + 1e-9 * np.eye(2)
        step = np.linalg.solve(information, x.T @ (outcome - fitted))
        beta = beta + step
        if np.max(np.abs(step)) < 1e-9:
            break
    half = 1.96 * math.sqrt(np.linalg.inv(information)[1, 1])
    return float(beta[1]), float(beta[1]) - half, float(beta[1]) + half
