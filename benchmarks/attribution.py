"""Are campaigns that another hand drew attributed rightly? A second blind trial of `stillwatch attribute`.

    python benchmarks/attribution.py [CASES [SEED]]
    python benchmarks/attribution.py planted

The densities of `stillwatch.attribution` were chosen with the cases of `evaluate/blind.py` in view. The rates
here were chosen from the command's documentation before any code was read, and no density was fitted to them.
Every case is a results folder and a file of actors, read as the command reads them.

Who is behind a case: an honest group 12 %, a reseller of end users 11 %, an independent person 5 %, a
laboratory that is not listed 12 %, somebody who imitates a listed one 10 %, a vendor 9 %, a listed laboratory
through a reseller 6 %, directly 35 %. Campaigns have 10 to 5,000 accounts and last 2.5 to 150 days. Exits
are in other countries than control; people, programs or sellers of accounts bring accounts into use; 17
countries have their weeks and holidays. Four of ten laboratories resemble another (country, processor,
hosting). Items on actors are true at the rate of their source; wrong ones are noise, another's, out of date
with the grade of their day, or made to fit, and one in eight of these is repeated under another source's
name. Strangers send through a machine of an actor in some cases.

Printed: organisations accused falsely, the share of directors named where the evidence is there, Brier
scores, and the slope of the logistic regression of outcomes on the logits of the stated probabilities, with
an interval by 300 draws of cases with replacement.

`planted` takes the cases of `evaluate/blind.py` (seeds 1 to 7) instead, and gives the actor that is imitated
up to two hard items that fit, each from a source of its own: how many are named by the grades of these items?
"""

import hashlib
import json
import sys
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from ipaddress import ip_network
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.attribution.grades import believed
from stillwatch.attribution.run import attribute
from stillwatch.attribution.weigh import assess
from stillwatch.contract import results as contract
from stillwatch.evaluate import blind
from stillwatch.evaluate.blind import calibration_slope, is_decided
from stillwatch.stats.intervals import of_share

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
# Country: weight, time zone, hours from UTC, working days, holidays from March to October 2026.
COUNTRIES = {
    "CN": (34, "Asia/Shanghai", 8, DAYS[:5], "04-05 05-01 05-02 06-19 10-01 10-02 10-05 10-06"),
    "HK": (3, "Asia/Hong_Kong", 8, DAYS[:5], "04-03 04-06 05-01 07-01 10-01"),
    "SG": (5, "Asia/Singapore", 8, DAYS[:5], "04-03 05-01 08-10"),
    "KR": (8, "Asia/Seoul", 9, DAYS[:5], "05-05 06-03 08-17 09-24 09-25"),
    "JP": (6, "Asia/Tokyo", 9, DAYS[:5], "04-29 05-04 05-05 05-06 07-20 08-11 09-21"),
    "IN": (7, "Asia/Kolkata", 5.5, DAYS[:6], "03-04 08-15 10-02"),
    "AE": (5, "Asia/Dubai", 4, DAYS[:5], "03-20 05-27 05-28"),
    "IL": (3, "Asia/Jerusalem", 3, ("sun", *DAYS[:4]), "04-02 04-08 04-22 09-13 09-21"),
    "IR": (2, "Asia/Tehran", 3.5, ("sat", "sun", *DAYS[:3]), "03-21 03-22 03-23 06-04"),
    "RU": (8, "Europe/Moscow", 3, DAYS[:5], "03-09 05-01 05-11 06-12"),
    "TR": (2, "Europe/Istanbul", 3, DAYS[:5], "04-23 05-01 05-19 05-27 07-15"),
    "DE": (3, "Europe/Berlin", 2, DAYS[:5], "04-03 04-06 05-01 05-14 05-25"),
    "FR": (5, "Europe/Paris", 2, DAYS[:5], "04-06 05-01 05-08 05-14 07-14"),
    "GB": (2, "Europe/London", 1, DAYS[:5], "04-03 04-06 05-04 05-25 08-31"),
    "BR": (2, "America/Sao_Paulo", -3, DAYS[:5], "04-03 04-21 05-01 09-07"),
    "US": (3, "America/New_York", -4, DAYS[:5], "05-25 06-19 07-03 09-07"),
    "VN": (2, "Asia/Ho_Chi_Minh", 7, DAYS[:6], "04-27 04-30 05-01 09-02"),
}
CAPABILITIES = ("coding", "agentic", "reasoning", "grading", "rewriting", "data_analysis", "vision")
SOUGHT = (0.2, 0.2, 0.25, 0.1, 0.07, 0.1, 0.08)  # how often each of them is an interest
# Payment processors and the weights with which they are used.
PROCESSORS = dict(zip("ABCDEFGHIJKLMN", (30, 12, 10, 7, 2, 4, 4, 7, 6, 3, 5, 3, 3, 4), strict=True))
KITS = (
    "api-python/1.9",
    "sdk-python/0.4",
    "gateway/1.5",
    "chain/0.3",
    "fetch/3",
    "requests/2.32",
    "curl/8.6",
)
KINDS = {
    "honest": 0.12, "end users": 0.11, "independent": 0.05, "not listed": 0.12, "false flag": 0.10,
    "vendor": 0.09, "through a reseller": 0.06, "direct": 0.35,
}  # fmt: skip
# Sources: letter of the Admiralty code, and the kinds of item that they supply.
SOURCES = {
    "registry of addresses": ("A", "address_ranges"),
    "processor": ("A", "payment_accounts records card_countries payment_processors"),
    "card network": ("B", "payment_accounts records card_countries"),
    "provider": ("B", "address_ranges payment_accounts earlier_campaigns toolchains model_tests"),
    "liaison": ("B", "records payment_accounts earlier_campaigns"),
    "agency": ("B", "capability_interests working_calendar release_dates statements"),
    "vendor of intelligence 1": ("C", "address_ranges earlier_campaigns toolchains"),
    "vendor of intelligence 2": ("B", "address_ranges earlier_campaigns toolchains model_tests"),
    "trade paper": ("C", "card_countries payment_processors working_calendar release_dates statements"),
    "blog": ("C", "capability_interests working_calendar toolchains statements payment_processors"),
    "former employee": ("C", "payment_accounts records capability_interests working_calendar"),
    "consultant": ("D", "card_countries payment_processors model_tests"),
    "anonymous": ("F", "payment_accounts records statements"),
    "forum": ("E", "toolchains statements capability_interests"),
    "leaked chat": ("D", "payment_accounts records toolchains statements"),
    "academic paper": ("B", "address_ranges earlier_campaigns capability_interests model_tests"),
}
TRUE_AT = {"A": 0.97, "B": 0.90, "C": 0.77, "D": 0.52, "E": 0.28, "F": 0.50}  # by the source's letter
# Probability of the numbers 1 to 6 of true and of false items: who grades sees something of the truth.
NUMBERS = {True: (0.35, 0.40, 0.15, 0.03, 0.01, 0.06), False: (0.05, 0.18, 0.30, 0.15, 0.07, 0.25)}


def pick(rng, values, weights=None):
    """One of some values, with weights that need not add up to 1."""
    p = None if weights is None else np.array(weights, float) / sum(weights)
    return list(values)[int(rng.choice(len(values), p=p))]


def word(rng):
    """Seven random letters."""
    return "".join(rng.choice(list("abcdefghijkmnoprstuvwz"), 7))


def network(rng):
    """A random public range of 256 addresses."""
    return f"{rng.integers(11, 99)}.{rng.integers(0, 255)}.{rng.integers(0, 255)}.0/24"


def address(rng, within):
    """A random address of a range."""
    return str(ip_network(within)[int(rng.integers(2, 250))])


def around(value):
    """The range of 256 addresses around an address or range."""
    return value if "/" in value else str(ip_network(f"{value}/24", strict=False))


def card(rng):
    """The fingerprint of a new card."""
    return "fp_" + hashlib.sha256(rng.bytes(8)).hexdigest()[:14]


@dataclass
class Party:
    """A party with what is true of it."""

    name: str
    kind: str
    country: str
    own: list
    rented: list
    processors: list
    cards: list
    private: list
    public: list
    wants: list
    tool: str
    releases: list
    fame: float


def party(rng, name, kind="lab", like=None):
    """A random party, which may resemble another."""
    step, at, releases = float(np.clip(rng.lognormal(np.log(140), 0.5), 40, 500)), -100.0, []
    while at < 520:
        releases.append(date(2026, 1, 1) + timedelta(days=int(at)))
        at += step * rng.uniform(0.6, 1.5)
    processors = [pick(rng, PROCESSORS, list(PROCESSORS.values())) for _ in range(rng.integers(1, 3))]
    tool = f"{word(rng)}-rt/{rng.integers(0, 4)}" if rng.random() < 0.55 else pick(rng, KITS)
    return Party(
        name=name,
        kind=kind,
        country=like.country if like else pick(rng, COUNTRIES, [one[0] for one in COUNTRIES.values()]),
        own=[network(rng) for _ in range(rng.integers(1, 4))],
        rented=(like.rented[:1] if like and rng.random() < 0.5 else []) + [network(rng)],
        processors=like.processors if like and rng.random() < 0.8 else processors,
        cards=[card(rng) for _ in range(rng.integers(2, 7))],
        private=[("email_domain", f"{word(rng)}.io"), ("payment_fingerprint", card(rng))],
        public=[
            ("email_domain", f"{word(rng)}.top"),
            ("user_agent", f"{word(rng)}/2"),
            ("client_prefix", network(rng)),
        ],
        wants=rng.choice(CAPABILITIES, rng.integers(2, 6), replace=False, p=SOUGHT).tolist(),
        tool=like.tool if like and rng.random() < 0.3 else tool,
        releases=releases,
        fame=float(rng.beta(1.2, 3)),
    )  # fmt: skip


@dataclass
class Case:
    """Who is behind a campaign, and what it shows.

    `operator` runs it with the means of `means`; `director` is the listed laboratory behind it or None.
    `values` are shared values: kind, value, members, others, class of network. `acts` are the moments at
    which accounts are brought into use.
    """

    sort: str
    labs: list
    listed: list
    others: list
    operator: Party
    means: Party
    director: Party | None = None
    target: Party | None = None
    customer: Party | None = None
    accounts: int = 0
    start: datetime | None = None
    end: datetime | None = None
    values: list = field(default_factory=list)
    observations: list = field(default_factory=list)
    acts: list = field(default_factory=list)
    wants: list = field(default_factory=list)
    kind: str = "harvest"
    control: bool = True
    true_items: list = field(default_factory=list)

    def show(self, kind, value, share, others=0, network_class=None):
        """Let a share of the members, and at least three, show a value."""
        self.values.append(
            (kind, value, min(self.accounts, max(3, int(self.accounts * share))), others, network_class)
        )

    def observe(self, rng, kind, values):
        """Add an observation of the campaign from outside its results."""
        source = pick(rng, ("billing", "payment provider", "console log", "identity provider"))
        grade = pick(rng, ("A1", "A2", "B2", "B1", "C3"), (3, 3, 2, 1, 1))
        self.observations.append(
            {"campaign": "C1", "kind": kind, "values": values, "source": source, "grade": grade}
        )

    def shown(self, *kinds):
        """Shared values of these kinds."""
        return [(kind, value) for kind, value, *_ in self.values if kind in kinds]


def cast(rng):
    """The parties of a case, and who of them does what."""
    labs = []
    for number in range(rng.integers(7, 16)):
        like = pick(rng, labs) if labs and rng.random() < 0.38 else None
        labs.append(party(rng, f"Laboratory {number}", like=like))
    vendors = [party(rng, f"Vendor {n}", "vendor") for n in "AB"]
    resellers = [party(rng, f"Reseller {n}", "reseller") for n in "AB"]
    listed = [labs[n] for n in rng.permutation(len(labs))[: rng.integers(2, min(8, len(labs)))]]
    sort = pick(rng, KINDS, list(KINDS.values()))
    target = director = customer = None
    rest = [one for one in labs if one not in listed] or [party(rng, "Laboratory X")]
    operator = means = party(rng, "Nobody")
    if sort in ("direct", "through a reseller"):
        director = operator = means = pick(rng, listed)
        means = pick(rng, resellers) if sort != "direct" else means
    elif sort == "not listed":
        operator = means = pick(rng, rest)
    elif sort == "vendor":
        operator = means = pick(rng, vendors)
        customer = pick(rng, listed) if rng.random() < 0.4 else None
    elif sort == "end users":
        operator = means = pick(rng, resellers)
    elif sort == "false flag":
        target = pick(rng, listed)
        operator = means = pick(rng, [one for one in labs if one is not target])
        director = operator if operator in listed else None
    others = [one for one in vendors + resellers if rng.random() < 0.3]
    return Case(sort, labs, listed, others, operator, means, director, target, customer)


def moments(rng, who, start, days, number, regime):
    """Moments of control: of `who`'s people at work, of people at night, or of a program."""
    _share, _zone, ahead, week, holidays = COUNTRIES[who.country]
    found = []
    while len(found) < number:
        at = start + timedelta(days=float(rng.random() * days))
        if regime != "program":
            local = at + timedelta(hours=ahead)
            is_off = DAYS[local.weekday()] not in week or f"{local:%m-%d}" in holidays.split()
            if regime == "staff" and is_off and rng.random() < 0.88:
                continue
            hour = rng.normal(13.5, 2.6) if regime == "staff" else rng.normal(22, 3)
            at = datetime(local.year, local.month, local.day, tzinfo=UTC) + timedelta(
                hours=float(hour) - ahead
            )
        found.append(at)
    return found


def infrastructure(rng, case, craft):
    """Exits, addresses of control, and machines of others."""
    operator, means = case.operator, case.means
    if case.sort in ("honest", "independent") and rng.random() < 0.5:
        case.show("client_prefix", means.own[0], rng.uniform(0.1, 0.9))
    is_careless = operator.kind == "lab" and rng.random() < 0.30 * (1 - craft) + 0.02
    if is_careless and case.sort in ("direct", "not listed") and rng.random() < 0.5:
        case.show("client_address", address(rng, pick(rng, operator.own)), rng.uniform(0.05, 0.3))
    mode = pick(rng, ("rented", "residential", "vpn", "cloud"), (40, 25, 15, 20))
    if mode == "rented":
        case.show("client_prefix", pick(rng, means.rented), 0.5, 0, pick(rng, ("hosting", None)))
    elif mode == "vpn":
        case.show("client_prefix", network(rng), 0.5, int(rng.integers(3, 400)), "vpn")
    elif mode == "cloud":
        case.show("client_prefix", network(rng), 0.5, int(rng.integers(2, 60)), "hosting")
    if is_careless and case.sort in ("direct", "not listed", "through a reseller") and rng.random() < 0.6:
        case.observe(rng, "control_addresses", [address(rng, pick(rng, operator.own))])
    elif rng.random() < 0.25:
        case.observe(rng, "control_addresses", [address(rng, pick(rng, means.rented + means.own))])
    stranger = None
    if case.sort in ("honest", "independent", "not listed") and rng.random() < 0.03:
        stranger = pick(rng, case.listed)
    if case.sort == "false flag" and rng.random() < 0.10:
        stranger = case.target
    if stranger is not None:
        case.show("client_address", address(rng, pick(rng, stranger.own)), rng.uniform(0.05, 0.5))


def payment(rng, case, craft):
    """Cards, their countries and processors."""
    means, target = case.means, case.target
    if rng.random() < 0.45 * (1 - craft) + 0.08:
        for one in rng.permutation(means.cards)[:2]:
            case.show("payment_fingerprint", str(one), rng.uniform(0.03, 0.4))
    elif rng.random() < 0.4:
        case.show("payment_fingerprint", card(rng), rng.uniform(0.03, 0.3))
    who = target if target is not None and rng.random() < 0.55 else means
    if rng.random() < 0.6:
        own = rng.random() < 0.55
        case.observe(
            rng, "card_countries", [who.country if own else pick(rng, ("US", "GB", "SG", "HK", "DE", "NL"))]
        )
    if rng.random() < 0.5:
        own = rng.random() < 0.65
        any_of_them = pick(rng, PROCESSORS, list(PROCESSORS.values()))
        case.observe(rng, "payment_processors", [pick(rng, who.processors) if own else any_of_them])


def habits(rng, case, craft):
    """Values of earlier campaigns, programs, moments of control and what is asked for."""
    operator, means, target = case.operator, case.means, case.target
    if rng.random() < 0.35 * (1 - craft) + 0.03:
        case.show(*pick(rng, means.private), rng.uniform(0.05, 0.5))
    if rng.random() < (0.6 if target else 0.2):
        case.show(*pick(rng, (target or operator).public), rng.uniform(0.1, 0.7))
    tool = operator.tool if rng.random() < 0.5 * (1 - craft) + 0.2 else pick(rng, KITS)
    tool = target.tool if target and rng.random() < 0.5 else tool
    if rng.random() < 0.8:
        others = int(rng.integers(4, 300)) if tool in KITS else 0
        case.show("user_agent", f"{tool}.{rng.integers(0, 9)}", rng.uniform(0.3, 1), others)
    case.show("email_domain", f"{word(rng)}.site", rng.uniform(0.1, 0.5))
    who = operator if rng.random() < 0.6 else party(rng, "seller of accounts")
    who = target if target and rng.random() < 0.5 else who
    days = (case.end - case.start).total_seconds() / 86_400
    regime = pick(rng, ("staff", "program", "night"), (58, 30, 12))
    case.acts = moments(rng, who, case.start, days, case.accounts, regime)
    if rng.random() < 0.15:
        acts = moments(rng, who if target else operator, case.start, days, int(rng.integers(8, 70)), "staff")
        case.observe(rng, "control_times", [one.isoformat() for one in acts])
    case.wants = [one for one in operator.wants if rng.random() < 0.8] or [pick(rng, CAPABILITIES)]
    if rng.random() < 0.3:
        case.wants.append(pick(rng, CAPABILITIES))
    if target and rng.random() < 0.4:
        case.wants = list(target.wants)
    case.wants = list(dict.fromkeys(case.wants))


def called(rng, case):
    """The kind that the scan reports."""
    if case.sort == "honest":
        return pick(rng, ("fleet", "undetermined", "harvest"), (40, 25, 35))
    if case.sort == "end users":
        return pick(rng, ("relay", "undetermined", "harvest", "mixed"), (75, 10, 7, 8))
    if rng.random() < (0.18 if case.accounts < 30 else 0.05):
        return pick(rng, ("undetermined", "mixed", "fleet"))
    return "mixed" if case.sort == "through a reseller" and rng.random() < 0.4 else "harvest"


def case_of(rng):
    """A case with all that its campaign shows."""
    case = cast(rng)
    craft = rng.beta(2, 1.4)
    case.accounts = int(np.clip(rng.lognormal(np.log(110), 1.25), 10, 5000))
    case.start = datetime(2026, 3, 1, tzinfo=UTC) + timedelta(days=rng.uniform(0, 150))
    case.end = case.start + timedelta(days=float(np.clip(rng.lognormal(np.log(22), 0.75), 2.5, 150)))
    infrastructure(rng, case, craft)
    payment(rng, case, craft)
    habits(rng, case, craft)
    case.kind = called(rng, case)
    case.control = rng.random() < 0.96
    return case


def content(rng, case, kind, about):
    """What a true item of a kind says of `about`; where that is None something that fits nobody, and where it
    is the case itself something that fits the campaign.
    """
    fitted = {
        "own": [around(v) for _k, v in case.shown("client_address", "client_prefix")],
        "cards": [v for _k, v in case.shown("payment_fingerprint")],
        "private": case.shown("email_domain", "user_agent"),
    }
    about = party(rng, "noise") if about is None or about is case else about
    fits = {name: values[:1] for name, values in fitted.items() if values}
    indicators = [{"kind": k, "value": v} for k, v in fits.get("private", about.private)]
    _share, zone, _ahead, week, holidays = COUNTRIES[about.country]
    return {
        "own": {"values": about.own, "use": "own"},
        "rented": {"values": about.rented, "use": "rented"},
        "payment_accounts": {"values": about.cards},
        "private": {"indicators": [{"kind": k, "value": v} for k, v in about.private]},
        "public": {"indicators": [{"kind": k, "value": v} for k, v in about.public], "public": True},
        "card_countries": {"values": [about.country]},
        "payment_processors": {"values": sorted(set(about.processors))},
        "capability_interests": {"values": about.wants},
        "working_calendar": {
            "time_zone": zone, "week": list(week), "holidays": [f"2026-{day}" for day in holidays.split()]
        },
        "release_dates": {"values": [one.isoformat() for one in about.releases]},
        "toolchains": {"values": [about.tool]},
        "records": {"campaign": "C1"},
        "made to fit own": {"values": fits.get("own", about.own), "use": "own"},
        "made to fit payment_accounts": {"values": fits.get("cards", about.cards)},
        "made to fit private": {"indicators": indicators},
        "made to fit records": {"campaign": "C1"},
    }[kind]  # fmt: skip


IN_FILE = {
    "own": "address_ranges", "rented": "address_ranges", "private": "earlier_campaigns",
    "public": "earlier_campaigns",
}  # fmt: skip
"""Names in the file of kinds of content that have another one here."""
MENTIONED = {
    "own": 0.7, "rented": 0.4, "card_countries": 0.5, "payment_processors": 0.4, "payment_accounts": 0.22,
    "private": 0.25, "public": 0.2, "capability_interests": 0.7, "working_calendar": 0.8,
    "release_dates": 0.6, "toolchains": 0.4,
}  # fmt: skip
"""Probability that the file has an item of a kind about an actor."""


def sourced(rng, kind, *, is_planted=False):
    """Whether an item of this kind is true, with its source and grade."""
    some = [name for name, (_letter, kinds) in SOURCES.items() if kind in kinds.split()]
    if is_planted:
        some = [name for name, (letter, _kinds) in SOURCES.items() if letter > "B"]
    source = pick(rng, some)
    letter = SOURCES[source][0]
    is_true = not is_planted and rng.random() < TRUE_AT[letter]
    number = int(rng.choice(6, p=NUMBERS[is_true])) + 1
    if rng.random() < 0.2:
        letter = "ABCDEF"[int(np.clip("ABCDEF".index(letter) + rng.choice([-1, 1]), 0, 5))]
    return is_true, {"source": source, "grade": f"{letter}{number}"}


def say(rng, case, entry, actor, kind, *, is_planted=False):
    """Add one item about an actor to its entry: true, noise, another's, out of date or made to fit."""
    named = IN_FILE.get(kind, kind)
    is_true, item = sourced(rng, named, is_planted=is_planted)
    error = (
        "made to fit"
        if is_planted
        else pick(rng, ("noise", "another's", "stale", "made to fit"), (58, 22, 10, 10))
    )
    about = actor if is_true else None
    if not is_true and error in ("another's", "stale"):
        about = case.operator if rng.random() < 0.35 else pick(rng, case.labs + case.others)
    if error == "stale" and not is_true:  # it was true of the actor, and was graded then
        item["grade"] = pick(rng, ("A1", "A2", "B1", "B2", "B2", "C2"))
    is_fitted = (
        not is_true and error == "made to fit" and kind in ("own", "payment_accounts", "private", "records")
    )
    item |= content(rng, case, f"made to fit {kind}" if is_fitted else kind, about)
    entry.setdefault(named, []).append(item)
    if is_true and actor is case.director:
        case.true_items.append((kind, item))
    if not is_true and error in ("another's", "made to fit") and rng.random() < 0.12:
        again = {"source": pick(rng, SOURCES), "grade": pick(rng, ("B2", "B3", "C2", "C3", "C3"))}
        entry[named].append(item | again)


def statements(rng, case, entry, actor):
    """Allegations, denials, admissions, tests on models, and records."""
    is_director = actor is case.director
    if rng.random() < (0.4 if is_director else 0.12 + 0.4 * actor.fame):
        entry.setdefault("statements", []).append({"said": "allegation"} | sourced(rng, "statements")[1])
    if rng.random() < 0.35:
        entry.setdefault("statements", []).append({"said": "denial"} | sourced(rng, "statements")[1])
    if rng.random() < (0.04 if is_director else 0.006):
        given = sourced(rng, "statements", is_planted=not is_director)[1]
        entry.setdefault("statements", []).append({"said": "admission"} | given)
        if is_director:
            case.true_items.append(("admission", entry["statements"][-1]))
    trains = is_director or actor is case.customer
    if rng.random() < (0.28 if is_director else 0.10):
        is_right, given = sourced(rng, "model_tests")
        says_so = trains if is_right else not trains
        verdict = pick(
            rng, ("supported", "not supported", "refuted"), (55, 35, 10) if says_so else (1.2, 75, 23.8)
        )
        entry["model_tests"] = [{"verdict": verdict, "campaign": "C1"} | given]
        if is_director and verdict == "supported":
            case.true_items.append(("model_tests", entry["model_tests"][0]))
    is_named = is_director and case.sort != "false flag" and rng.random() < 0.16
    if is_named or rng.random() < 0.015:
        say(rng, case, entry, actor, "records", is_planted=not is_director)


def file_of(rng, case):
    """The file of actors of a case."""
    actors = []
    for actor in case.listed + case.others:
        entry = {"name": actor.name, "kind": actor.kind}
        for kind, chance in MENTIONED.items():
            is_more = kind == "payment_accounts" and actor is case.operator
            if rng.random() < (0.45 if is_more else chance):
                say(rng, case, entry, actor, kind)
        statements(rng, case, entry, actor)
        if actor is case.target:
            for kind, chance in (
                ("payment_accounts", 0.16),
                ("records", 0.10),
                ("own", 0.06),
                ("private", 0.10),
            ):
                if rng.random() < chance:
                    say(rng, case, entry, actor, kind, is_planted=True)
        actors.append(entry)
    return {"actors": actors, "observations": case.observations}


def evidence(case):
    """How far true items about what an imitator cannot make, which the campaign shows, suffice to name the
    director: 1 where two sources are graded C3 or better and one of them B2 or better, 2 where also the
    probability that all of these sources are wrong is at most 0.01 (rule 2 of the method's page), else 0.
    """
    shows = {value for _kind, value, *_ in case.values}
    control = [v for one in case.observations if one["kind"] == "control_addresses" for v in one["values"]]
    hard = {}
    for kind, item in case.true_items:
        values = set(item.get("values", ())) | {one["value"] for one in item.get("indicators", ())}
        is_shown = kind in ("records", "model_tests", "admission")
        if kind in ("payment_accounts", "private"):
            is_shown = bool(values & shows)
        if kind == "own":
            is_shown = any(ip_network(v).subnet_of(ip_network(one)) for v in control for one in values)
        if is_shown and item["grade"][0] <= "C" and item["grade"][1] <= "3":
            hard.setdefault(item["source"], []).append(item["grade"])
    is_sound = any(one[0] <= "B" and one[1] <= "2" for some in hard.values() for one in some)
    if case.kind not in ("harvest", "mixed") or len(hard) < 2 or not is_sound:
        return 0
    doubts = [min(1.0 - believed(one).probability for one in some) for some in hard.values()]
    return 2 if np.prod(doubts) <= 0.01 + 1e-9 else 1


def log10(rng, kind):
    """Log10 likelihoods of the hypotheses H1 to H5 about a campaign of that kind."""
    best = {"harvest": "H1", "relay": "H2", "mixed": "H3", "fleet": "H4"}.get(kind) or pick(
        rng, ("H1", "H3", "H4")
    )
    found = {name: -float(np.exp(rng.uniform(0.1, 4))) for name in ("H1", "H2", "H3", "H4", "H5")}
    if kind == "harvest":
        found |= {"H3": -rng.uniform(0.5, 4), "H4": -rng.uniform(0.3, 4)}
    if kind == "undetermined":
        found = {name: -rng.uniform(0.4, 3.5) for name in found}
    return found | {best: 0.0}


def write(rng, case, folder):
    """Write the tables of a results folder that the command reads."""
    spans = []
    for number, at in enumerate(case.acts):
        begun = at + timedelta(
            hours=float(abs(rng.normal(0, 20)) if rng.random() < 0.5 else rng.uniform(0, 2))
        )
        begun = min(max(begun, case.start), case.end)
        days = (case.end - case.start) / timedelta(days=1)
        spans += [(number, begun), (number, min(case.end, begun + timedelta(days=rng.exponential(days / 2))))]
    n, total = case.accounts, case.accounts * 60
    one = {"campaign_id": "C1"}
    tables = {
        contract.CAMPAIGNS: [one | {
            "kind": case.kind, "first_seen": case.start, "last_seen": case.end, "detected_at": None,
            "accounts": n, "exchanges": total, "exchanges_low": total, "exchanges_high": total,
            "q_value": 1e-6,
            "fpr_empirical": None, "fpr_synthetic": None, "explanation": "server_program",
            "capabilities": case.wants,
        }],
        contract.EVIDENCE: [
            one | {
                "kind": kind, "value": value, "accounts": members, "exchanges": members * 5,
                "log10_likelihood_ratio": 2.0, "statement": kind, "basis": "measured", "others": others,
                "network_class": network_class,
            }
            for kind, value, members, others, network_class in (
                *case.values, *([("load_balance", "4 %", n, None, None)] if case.control else [])
            )
        ],
        contract.HYPOTHESES: [
            one | {"hypothesis": name, "log10_likelihood": value, "statement": name}
            for name, value in log10(rng, case.kind).items()
        ],
        contract.ATTRIBUTED: [
            one | {"exchange_id": str(k), "account_id": str(number), "timestamp": at}
            for k, (number, at) in enumerate(spans)
        ],
    }  # fmt: skip
    folder.mkdir()
    for schema, rows in tables.items():
        pq.write_table(pa.Table.from_pylist(rows, schema=schema.arrow), folder / f"{schema.name}.parquet")


def trial(cases, seed):
    """For each case: its truth, the organisation named, and the probability of every listed laboratory."""
    for number in range(cases):
        rng = np.random.default_rng([seed, number, 271])
        case = case_of(rng)
        with tempfile.TemporaryDirectory() as place:
            write(rng, case, Path(place) / "results")
            actors = Path(place) / "actors.json"
            actors.write_text(json.dumps(file_of(rng, case)))
            (found,) = attribute(Path(place) / "results", actors, Path(place) / "out")["campaigns"]
        truth = case.director.name if case.director else ""
        labs = {one.name for one in case.listed}
        yield {
            "sort": case.sort,
            "truth": truth,
            "evidence": evidence(case) if truth else 0,
            "named": (found["accusation"] or {}).get("organisation", ""),
            "actors": [
                (one["probability"], one["actor"] == truth)
                for one in found["hypotheses"]
                if one["hypothesis"] == "actor" and one["actor"] in labs
            ],
        }


def slopes(groups):
    """The slope over all pairs of probability and outcome, with a 95 % interval over groups of them."""

    def slope(some):
        """The slope of these groups."""
        p, outcome = np.array([pair for group in some for pair in group], float).T
        return calibration_slope(p, outcome)[0]

    rng = np.random.default_rng(0)
    draws = [slope([groups[n] for n in rng.integers(0, len(groups), len(groups))]) for _ in range(300)]
    low, high = np.quantile(draws, [0.025, 0.975])
    return f"{slope(groups):.2f} ({low:.2f} to {high:.2f})"


def share(part, whole):
    """A share with its 95 % interval."""
    one = of_share(part, whole)
    return f"{part} of {whole}" + (f" ({100 * one.low:.1f} to {100 * one.high:.1f} %)" if one else "")


def planted(grades):
    """The number of false flags by the number of hard items planted, and of these the number named."""
    sizes, named, last = Counter(), Counter(), [0]

    def plant(rng, actor, seen):
        """Plant up to two hard items in place of what `blind` plants."""
        shown = {
            "address_ranges": ("signup_address", {"use": "own"}),
            "payment_accounts": ("payment_fingerprint", {}),
            "earlier_campaigns": ("email_domain", {}),
        }
        values = {one.kind: one.value for one in seen.values if not one.is_shared}
        ways = [(name, values[kind], more) for name, (kind, more) in shown.items() if kind in values]
        ways = [ways[n] for n in rng.permutation(len(ways))[:2]]
        for name, value, more in ways:
            item = {"values": [value], "source": f"planted {name}", "grade": pick(rng, grades)} | more
            if name == "earlier_campaigns":
                item |= {"values": [], "indicators": [{"kind": "email_domain", "value": value}]}
            actor.setdefault(name, []).append(item)
        last[0] = len(ways)

    with patch.object(blind, "_plant", plant):
        for seed in range(1, 8):
            rng = np.random.default_rng([seed, 27])
            for _case in range(200):
                one = blind.draw(rng)
                if one.kind == "false flag":
                    sizes[last[0]] += 1
                    named[last[0]] += bool(assess(one.seen, one.known).named)
    return {number: f"{named[number]} of {sizes[number]}" for number in sorted(sizes)}


def main(cases=700, seed=1):
    """Print the figures of a trial."""
    found = list(trial(cases, seed))
    false = [one for one in found if one["named"] and one["named"] != one["truth"]]
    every = [one["actors"] for one in found]
    best = [[max(group)] for group in every]
    sizes = Counter(one["sort"] for one in found)
    print(", ".join(f"{name} {sizes[name]}" for name in KINDS))
    print("accused falsely          ", share(len(false), cases), [one["sort"] for one in false])
    for least, name in ((1, "named, two hard sources  "), (2, "named, wrong by 1 % at most")):
        some = [one for one in found if one["evidence"] >= least]
        print(name, share(sum(one["named"] == one["truth"] for one in some), len(some)))
    right = sum(bool(one["truth"]) and one["named"] == one["truth"] for one in found)
    print("named, of all directed   ", share(right, sum(bool(one["truth"]) for one in found)))
    errors = [(p - true) ** 2 for group in every for p, true in group if is_decided(p)]
    print(f"Brier score, decided      {np.mean(errors):.4f} of {len(errors)}")
    print(f"Brier score, likeliest    {np.mean([(p - true) ** 2 for ((p, true),) in best]):.4f}")
    print("calibration slope         of every actor", slopes(every), "and of the likeliest", slopes(best))
    bins = defaultdict(list)
    for group in every:
        for p, true in group:
            bins[int(np.searchsorted([0.01, 0.05, 0.2, 0.5, 0.8, 0.95], p, side="right"))].append((p, true))
    for _place, pairs in sorted(bins.items()):
        stated, true = np.mean(pairs, axis=0)
        print(f"  stated {stated:.3f}, true {true:.3f}, {len(pairs)} actors")


if __name__ == "__main__":
    if sys.argv[1:] == ["planted"]:
        for some in (("B2", "B3", "C3", "D4"), ("A1", "A2", "B2")):
            print("false flags named, by hard items planted, graded", *some, planted(some))
    else:
        main(*map(int, sys.argv[1:]))
