"""Comparison of items about an actor with a campaign, and the likelihood of the outcome under each
hypothesis.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Literal

from stillwatch.attribution import calendar, densities
from stillwatch.attribution.calendar import Calendar
from stillwatch.attribution.densities import Density, EvidenceFamily
from stillwatch.attribution.grades import CERTAIN, Belief, believed
from stillwatch.attribution.knowledge import Item, Knowledge, Observation, hours_from_utc, moment_of
from stillwatch.attribution.seen import CROWD, CampaignFacts, MemberValue, covers
from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.enrich.describe import network_class
from stillwatch.enrich.networks import bundled

# Who may have caused an observation: the actor, anyone else, a forger, a vendor, a reseller.
RIVALS = ("own", "rest", "forged", "vendor", "reseller")
Agreement = Literal["fits", "does not fit"]
# Kinds of shared values that are addresses or ranges.
ADDRESSES = ("client_prefix", "signup_address", "client_address")
EXITS = frozenset({"client_prefix", "client_address"})
"""Kinds of value that show from where members send, which may be a proxy or another's machine."""
OF_ONE_HOLDER = frozenset({"payment_fingerprint", "client_prefix", "signup_address", "email_domain"})
"""Kinds of value that only the holder can use; names of programs and templates can be copied."""
FEWEST_MEMBERS = 2  # least members that show a value
MIN_SHARE_OF_INTERESTS = 0.5  # least overlap, as a share of the shorter list, of capabilities that fit


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An item compared with a campaign.

    `log10` maps each of `RIVALS` to the log10 likelihood ratio of the outcome against `rest`, if the item
    is true; `log10_rest` is the log10 probability under `rest`. `belief` is the lower belief in the item and
    in the observation that it is compared with. `is_shared` says that many customers share the value.
    """

    item: Item
    outcome: Agreement
    family: EvidenceFamily
    log10: Mapping[str, float]
    log10_rest: float
    belief: Belief
    is_hard: bool
    is_shared: bool
    statement: str

    @property
    def group(self) -> str:
        """Name of the group of dependent items that share one ratio."""
        return self.item.group or self.family


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A campaign, observations of it from outside its results, and the calendar of its control acts."""

    seen: CampaignFacts
    observed: tuple[Observation, ...]
    calendar: Calendar
    shared_ranges: frozenset[tuple[str, str]]

    def of(self, kind: str) -> tuple[set[str], Belief] | None:
        """Observed values of a kind, in lower case, and the least belief in them; None without an
        observation.
        """
        some = [one for one in self.observed if one.kind == kind]
        if not some:
            return None
        belief = reduce(Belief.least, (believed(one.grade) for one in some))
        return {v.casefold() for one in some for v in one.values}, belief

    def values(self, *kinds: str) -> list[MemberValue]:
        """Values of these kinds that at least `FEWEST_MEMBERS` members show."""
        return [one for one in self.seen.values if one.kind in kinds and one.members >= FEWEST_MEMBERS]


def facts(seen: CampaignFacts, known: Knowledge) -> Facts:
    """Collect what can be compared for one campaign."""
    mine = tuple(one for one in known.observations if one.campaign == seen.campaign)
    control_times = [moment_of(v) for one in mine if one.kind == "control_times" for v in one.values]
    acts = [at for at in control_times if at is not None]
    return Facts(
        seen=seen,
        observed=mine,
        calendar=calendar.infer(acts or seen.acts),
        shared_ranges=known.shared_ranges(),
    )


def matches(items: Iterable[Item], about: Facts) -> list[Match]:
    """Every item that can be compared with the campaign; items without a counterpart are left out."""
    found = []
    for item in items:
        one = COMPARE[item.kind](item, about)
        if one is not None:
            found.append(one)
    return found


def _match(
    item: Item,
    fits: bool,
    density: Density,
    statement: str,
    belief: Belief = CERTAIN,
    *,
    is_shared: bool = False,
) -> Match:
    """The match of an item: its outcome, and its log10 likelihood ratio for each of `RIVALS`. `belief`
    is that in the observation.
    """
    chances = {
        "own": density.own,
        "rest": density.rest,
        "forged": density.forged,
        "vendor": density.rest if density.vendor is None else density.vendor,
        "reseller": density.rest if density.reseller is None else density.reseller,
    }
    if not fits:
        if not density.is_hard:
            chances["forged"] *= densities.FLAG_FITS_ANYWAY
        chances = {name: 1.0 - chance for name, chance in chances.items()}
    return Match(
        item=item, outcome="fits" if fits else "does not fit", family=density.family,
        log10={name: math.log10(chance / chances["rest"]) for name, chance in chances.items()},
        log10_rest=math.log10(chances["rest"]), belief=believed(item.grade).least(belief),
        is_hard=density.is_hard and fits and not is_shared, is_shared=is_shared, statement=statement,
    )  # fmt: skip


def _addresses(about: Facts) -> tuple[list[MemberValue], str, Belief]:
    """Observed control addresses, or members' addresses where none were observed; with a name for them and
    the belief in them.
    """
    items = about.of("control_addresses")
    if items is None:
        return about.values(*ADDRESSES), "members' addresses", CERTAIN
    values = [
        MemberValue(
            kind="control_address",
            value=one,
            members=1,
            others=None,
            network_class=network_class("client_address", one, bundled()),
        )
        for one in sorted(items[0])
    ]
    return values, "control addresses", items[1]


def _range(item: Item, about: Facts) -> Match | None:
    """Whether members' addresses are in the ranges of an item; None where no address is known."""
    every, where, belief = _addresses(about)
    if not every:
        return None
    known = [one for one in every if any(covers(given, one.value) for given in item.values)]
    use = item.options.get("use")
    is_shared = (
        use == "shared"
        or item.options.get("customers", 1) >= CROWD
        or any((item.actor, value) in about.shared_ranges for value in item.values)
        or (bool(known) and all(one.is_shared for one in known))
    )
    statement = (
        f"{len(known) or 'none'} of the {where} {'lies' if len(known) < 2 else 'lie'} in the stated range"
    )
    if is_shared:
        return _match(
            item,
            bool(known),
            densities.SHARED,
            f"{statement}, which many customers share",
            belief,
            is_shared=True,
        )
    is_hosted = any(
        one.network_class == "hosting" for one in known
    )  # a hoster's addresses change customers, whatever use is stated
    is_exit = bool(known) and all(one.kind in EXITS for one in known)
    if use == "rented" or is_hosted or (is_exit and use != "own"):
        density = densities.RENTED_RANGE
    elif is_exit:
        density = densities.EXIT_IN_OWN_RANGE
    else:
        density = densities.OWN_RANGE if use == "own" else densities.UNSTATED_RANGE
    return _match(item, bool(known), density, statement, belief)


def _observed(kind: str, density: Density, shown: str) -> Callable[[Item, Facts], Match | None]:
    """A comparison of items with observations of the same kind, or else with values of kind `shown` that
    members show. An item fits where any value agrees, so the probability that it fits by chance grows with
    the number of pairs of a stated and an observed value, which are taken as independent.
    """

    def compare(item: Item, about: Facts) -> Match | None:
        """The comparison of one item; None where nothing comparable was observed."""
        items = about.of(kind)
        if items is None:
            values = {one.value.casefold() for one in about.values(shown)}
            items = (values, CERTAIN) if values else None
        if items is None:
            return None
        common = {one.casefold() for one in item.values} & items[0]
        words = kind.replace("_", " ")
        is_shared = item.options.get("customers", 1) >= 1000 and kind == "payment_processors"
        pairs = len({one.casefold() for one in item.values}) * len(items[0])
        statement = (
            f"{len(common)} of {len(items[0])} {words} observed are those stated"
            if common
            else f"none of the {words} observed is stated"
        )
        return _match(
            item,
            bool(common),
            densities.SHARED if is_shared else _by_chance(density, 1.0 - (1.0 - density.rest) ** pairs),
            statement,
            items[1],
            is_shared=is_shared,
        )

    return compare


def _payment(item: Item, about: Facts) -> Match | None:
    """Whether members paid with a payment account of the item; None where none is known."""
    items = about.of("payment_accounts")
    seen = {one.value.casefold(): one for one in about.values("payment_fingerprint")}
    values = set(seen) | (items[0] if items else set())
    if not values:
        return None
    common = {one.casefold() for one in item.values} & values
    is_shared = bool(common) and all(one in seen and seen[one].is_shared for one in common)
    statement = (
        f"{len(common)} of the stated payment accounts pay for members"
        if common
        else "no stated payment account pays for members"
    )
    density = densities.SHARED if is_shared else densities.PAYMENT_ACCOUNT
    return _match(item, bool(common), density, statement, items[1] if items else CERTAIN, is_shared=is_shared)


def _earlier(item: Item, about: Facts) -> Match | None:
    """Whether members share values with an earlier campaign of the item; None where none of these kinds is
    known.
    """
    kinds = {kind for kind, _value in item.options.get("indicators", ())}
    values = about.values(*kinds)
    if not values:
        return None
    wanted = {(kind, value.casefold()) for kind, value in item.options["indicators"]}
    common = [
        one
        for one in values
        if (one.kind, one.value.casefold()) in wanted
        or (
            one.kind in ADDRESSES
            and any(kind == one.kind and covers(value, one.value) for kind, value in wanted)
        )
    ]
    rare = [one for one in common if not one.is_shared]
    is_shared = bool(common) and not rare
    is_copied = item.options.get("public", False) or not any(one.kind in OF_ONE_HOLDER for one in rare)
    density = (
        densities.SHARED
        if is_shared
        else densities.EARLIER_PUBLIC
        if common and is_copied
        else densities.EARLIER
    )
    many = "indicator" if len(common) == 1 else "indicators"
    statement = (
        f"{len(common)} {many} of the earlier campaign {'is' if len(common) == 1 else 'are'} seen "
        f"again{', which many share' if is_shared else ''}"
        if common
        else "no indicator of the earlier campaign is seen again"
    )
    return _match(item, bool(common), density, statement, is_shared=is_shared)


def _by_chance(density: Density, rest: float) -> Density:
    """The density with a computed probability of a fit by chance, where that is above the density's own: what
    an item states can lessen the worth of its fit, and not add to it.
    """
    return density.with_chance(min(max(rest, density.rest), densities.MAX_CHANCE))


def overlap_chance(sought: int, wanted: int, classes: int, least: float) -> float:
    """Probability that two random sets of `sought` and `wanted` of `classes` classes have at least `least`
    in common (hypergeometric distribution).

    Example: `overlap_chance(2, 4, 7, 1.0)` is 1 - 3/21.
    """
    ways = sum(
        math.comb(wanted, common) * math.comb(classes - wanted, sought - common)
        for common in range(math.ceil(least), min(sought, wanted) + 1)
        if sought - common <= classes - wanted
    )
    return ways / math.comb(classes, sought)


def _capability(item: Item, about: Facts) -> Match | None:
    """Whether the campaign asks for the capabilities of the item; None where it asks for none. An item that
    states most classes fits most campaigns.
    """
    sought = {one.casefold() for one in about.seen.capabilities}
    wanted = {one.casefold() for one in item.values}
    if not sought:
        return None
    least = MIN_SHARE_OF_INTERESTS * min(len(sought), len(wanted))
    fits = len(sought & wanted) >= least
    statement = f"{len(sought & wanted)} of {len(sought)} capabilities sought are among the stated interests"
    chance = overlap_chance(
        len(sought), len(wanted), len(frozenset(CAPABILITIES) - {"other"} | sought | wanted), least
    )
    return _match(item, fits, _by_chance(densities.CAPABILITY, chance), statement)


def _release(item: Item, about: Facts) -> Match | None:
    """Whether a release of the actor followed the campaign within `RELEASE_WITHIN_DAYS`.

    By chance it does with 1 - exp(-n w / s) at least, with n dates stated, w the length of the time in which
    a release fits and s that of the shortest time that holds it and all dates: releases as a Poisson process.
    """
    days = [at for one in item.values if (at := moment_of(one)) is not None]
    begin, end = about.seen.first, about.seen.last + timedelta(days=densities.RELEASE_WITHIN_DAYS)
    after = [at for at in days if begin <= at <= end]
    chance = -math.expm1(-len(days) * ((end - begin) / (max([end, *days]) - min([begin, *days]))))
    statement = (
        f"a release lies within {densities.RELEASE_WITHIN_DAYS} days after the campaign"
        if after
        else f"no release lies within {densities.RELEASE_WITHIN_DAYS} days after the campaign"
    )
    return _match(item, bool(after), _by_chance(densities.RELEASE, chance), statement)


def _tools(item: Item, about: Facts) -> Match | None:
    """Whether members use clients of the toolchain of the item; None where no client is known."""
    items = about.of("toolchains")
    values = about.values("user_agent", "tls_fingerprint")
    if not values and items is None:
        return None
    wanted = [one.casefold() for one in item.values]
    common = [one for one in values if any(one.value.casefold().startswith(given) for given in wanted)]
    also = {one for one in (items[0] if items else ()) if any(one.startswith(given) for given in wanted)}
    is_shared = not also and bool(common) and all(one.is_shared for one in common)
    statement = (
        "programs that members use are those stated" if common or also else "no stated program is used"
    )
    density = densities.SHARED if is_shared else densities.TOOLCHAIN
    return _match(
        item,
        bool(common or also),
        density,
        statement,
        items[1] if also and items else CERTAIN,
        is_shared=is_shared,
    )


def _statement(item: Item, about: Facts) -> Match:  # noqa: ARG001  as the others
    """The match of a statement about the campaign: admission, denial or allegation."""
    said = item.options["said"]
    density = {
        "admission": densities.ADMISSION,
        "denial": densities.DENIAL,
        "allegation": densities.ALLEGATION,
    }[said]
    words = {
        "admission": "the actor says that it did",
        "denial": "the actor denies it",
        "allegation": "somebody else says that the actor did",
    }
    return _match(item, True, density, words[said])


def _is_of(item: Item, about: Facts) -> bool:
    """Whether an item is about this campaign; items that name none are."""
    return item.options.get("campaign", about.seen.campaign) == about.seen.campaign


def _training(item: Item, about: Facts) -> Match | None:
    """The match of a test on a model of the actor; None for a test that decided nothing or of another
    campaign.
    """
    verdict = item.options["verdict"]
    if not _is_of(item, about) or verdict == "not supported":
        return None
    if verdict == "supported":
        return _match(
            item,
            True,
            densities.TRAINED,
            "a test on a model of the actor supports that it was trained on the answers",
        )
    return _match(
        item,
        True,
        densities.NOT_TRAINED,
        "a test on a model of the actor, able to see it, does not find the answers",
    )


def _record(item: Item, about: Facts) -> Match | None:
    """The match of a record about the campaign; None for one about another campaign."""
    if not _is_of(item, about):
        return None
    return _match(
        item, True, densities.RECORD, "a record names the actor as the one who holds or pays for the accounts"
    )


def _working(item: Item, about: Facts) -> Match | None:
    """Compare zone, week and holidays as one item: they all state when the same people work. Where the acts
    are those of strangers, they say nothing of the actor.
    """
    inferred = about.calendar
    zone = item.options.get("time_zone")
    ahead = None if zone is None else hours_from_utc(zone, about.seen.first)
    if inferred.zone is None or ahead is None:
        return None
    ratio = calendar.log10_ratio(inferred, ahead)
    stated = {calendar.WEEKS[inferred.week]} if inferred.week else set()
    week = tuple(item.options.get("week", ()))
    if week and stated:
        days = {("mon", "tue", "wed", "thu", "fri", "sat", "sun")[day] for day in next(iter(stated))}
        ratio += 0.1 if days == set(week) else -0.3
    quiet = inferred.holiday(item.options.get("holidays", ()))
    if quiet is not None:
        ratio += 0.1 if quiet[1] == quiet[0] else -0.1 * (quiet[0] - quiet[1])
    strangers = densities.ACTS_OF_STRANGERS
    ratio = min(math.log10(strangers + (1.0 - strangers) * 10**ratio), densities.LARGEST_CALENDAR_LOG10)
    imitated = densities.HOURS_IMITATED
    statement = (
        f"control acts fit local time UTC{inferred.zone[1]:+g} to UTC{inferred.zone[2]:+g} (90 %); "
        f"the actor's is UTC{ahead:+g}"
    )
    if quiet is not None:
        statement += f"; {quiet[1]} of {quiet[0]} of its holidays are without an act"
    return Match(
        item=item,
        outcome="fits" if ratio > 0 else "does not fit",
        family="time",
        log10={
            "own": ratio,
            "rest": 0.0,
            "forged": math.log10(imitated * 10**ratio + 1.0 - imitated),
            "vendor": 0.0,
            "reseller": 0.0,
        },
        log10_rest=math.log10(0.2),
        belief=believed(item.grade),
        is_hard=False,
        is_shared=False,
        statement=statement,
    )


# The comparison of each kind of item with a campaign.
COMPARE: Mapping[str, Callable[[Item, Facts], Match | None]] = {
    "address_ranges": _range,
    "card_countries": _observed("card_countries", densities.CARD_COUNTRY, "payment_country"),
    "payment_processors": _observed("payment_processors", densities.PROCESSOR, "payment_processor"),
    "payment_accounts": _payment,
    "earlier_campaigns": _earlier,
    "capability_interests": _capability,
    "working_calendar": _working,
    "release_dates": _release,
    "toolchains": _tools,
    "statements": _statement,
    "model_tests": _training,
    "records": _record,
}
