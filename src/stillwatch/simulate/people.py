"""The people of an honest crowd: their accounts, places, clients, days and ways of writing."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from stillwatch.simulate.grammar import GRAMMAR, LANGUAGES
from stillwatch.simulate.population import (
    AGENTS,
    BROWSERS,
    COUNTRY,
    DAY,
    DIAL,
    HOUR,
    MAIL,
    SHAPED,
    SHAPES,
    SHARE,
    ZONE,
    addresses,
    fresh,
    hosted,
    residential,
    some,
    texts,
    tls_of,
)
from stillwatch.simulate.prompts import Texts
from stillwatch.stats.arrays import Bools, Floats, Ints

TEXTS = 20_000  # openings generated for a setting without given texts
FIRST_MONDAY = 1_772_409_600_000_000  # 2026-03-02, microseconds since 1970
WEEKS = 30  # weeks from `FIRST_MONDAY` among which a setting's start is drawn
TOPICS = 4  # topics from which one person's texts are drawn
_WORD = re.compile(r"\w{4,}")  # a word of four letters or more, by which texts are compared
# First words of the names of programs.
_NAMES = (
    "amber birch cobalt delta ember fathom garnet harbor indigo juniper kelp lumen mosaic nimbus onyx".split()
)
# Second words of the names of programs.
_KINDS = "desk pilot kit bridge notes sheet bot flow client reader helper studio".split()


@dataclass(frozen=True, kw_only=True)
class Setting:
    """The days in which a crowd is active, and what ordinary people ask.

    * `start`: UTC midnight of the first day, microseconds since 1970; `days`: how many days follow, at least
      1.
    * `texts`: openings of ordinary conversations, as an object array of str that holds no harvest.
    """

    start: int
    days: int
    texts: Texts

    @property
    def end(self) -> int:
        """UTC midnight after the last day, microseconds since 1970."""
        return self.start + self.days * DAY

    @cached_property
    def topics(self) -> Ints:
        """Topic number of each text, shape (texts,): that of the rarest of its words which at least one
        text in 400 contains.
        """
        words = [set(_WORD.findall(text.lower())) for text in self.texts.tolist()]
        holders = Counter(word for some_words in words for word in some_words)
        least = max(3, len(words) // 400)
        named = [
            min(((holders[w], w) for w in some_words if holders[w] >= least), default=(0, ""))[1]
            for some_words in words
        ]
        return np.unique(np.array(named), return_inverse=True)[1].astype(np.int64)

    @cached_property
    def by_topic(self) -> tuple[Ints, Ints]:
        """Positions of `texts` sorted by topic, and the offset at which each topic begins; the last offset
        is the length.
        """
        order = np.argsort(self.topics, kind="stable").astype(np.int64)
        return order, np.searchsorted(self.topics[order], np.arange(self.topics.max() + 2)).astype(np.int64)

    @cached_property
    def lengths(self) -> Floats:
        """Natural log of each text's length in characters plus one, shape (texts,)."""
        return np.log(np.array([len(text) for text in self.texts.tolist()], dtype=np.float64) + 1.0)


def setting(rng: np.random.Generator, days: int, texts: Texts | None = None) -> Setting:
    """A setting of `days` days that starts on a Monday of 2026; openings come from the grammar where
    `texts` is None.
    """
    if texts is None:
        rules = [f"person_{language}" for language in LANGUAGES]
        share = rng.dirichlet([12.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
        counts = np.maximum(rng.multinomial(TEXTS, share), 1)
        texts = np.concatenate([words(rng, rule, int(n)) for rule, n in zip(rules, counts, strict=True)])
    return Setting(start=FIRST_MONDAY + int(rng.integers(0, WEEKS)) * 7 * DAY, days=days, texts=texts)


def words(rng: np.random.Generator, rule: str, n: int = 1) -> Texts:
    """`n` texts of a rule of the grammar, each with a random key."""
    return GRAMMAR.expand(rule, rng.integers(0, 1 << 62, n).astype(np.uint64))


@dataclass(slots=True, kw_only=True)
class People:
    """Columns of accounts, all of one length, that the functions below change in place.

    * Account: `created` (microseconds since 1970), `email_domain`, `email_shape`, `card`, `card_country`,
      `phone`, `signup_ip`, `program`, `plan`, `organization`.
    * Place: `ip`, `asn` of the main address, `other_ip`, `other_asn` of a telephone, `roaming` the share of
      exchanges from it, `country`, `zone` (hours from UTC).
    * Client: `agent`, `tls`, `shape` (position in `population.SHAPED`), `stream`, `model`, `system` (null for
      none), `own_agent` and `own_tls` (client of other traffic).
    * Day: `wake` (local hour), `awake` (hours), `peak` (two parameters of a beta law over the waking day),
      `night` (share of sittings at any hour), `activity` (share of days), `weekend` (factor), `spread` (sigma
      of the logarithm of daily volumes), `sitting` (exchanges), `follow` (chance that an exchange continues a
      conversation), `gap` (seconds).
    * Writing: `style` (0 none to 1 strong) of the whole crowd, `topic`, `length` (logarithm of characters),
      `opener`, `lower` and `bare` (chance of a small first letter and of no full stop), `detail` (chance of
      an own detail), `answer` (logarithm of output tokens).
    """

    created: Ints
    email_domain: Texts
    email_shape: Texts
    card: Texts
    card_country: Texts
    phone: Texts
    signup_ip: Texts
    program: Texts
    plan: Texts
    organization: Texts
    ip: Texts
    asn: Ints
    other_ip: Texts
    other_asn: Ints
    roaming: Floats
    country: Texts
    zone: Floats
    agent: Texts
    tls: Texts
    shape: Ints
    stream: Bools
    model: Ints
    system: Texts
    own_agent: Texts
    own_tls: Texts
    wake: Floats
    awake: Floats
    peak: Floats
    night: Floats
    activity: Floats
    weekend: Floats
    spread: Floats
    sitting: Floats
    follow: Floats
    gap: Floats
    style: float
    topic: Ints
    length: Floats
    opener: Ints
    lower: Floats
    bare: Floats
    detail: Floats
    answer: Floats

    def __len__(self) -> int:
        return len(self.created)


def around(rng: np.random.Generator, n: int, low: float, high: float) -> Floats:
    """`n` positive values around one centre, drawn log-uniformly from [low, high], with a random spread."""
    centre = np.exp(rng.uniform(np.log(low), np.log(high)))
    return np.asarray(centre * np.exp(rng.uniform(0.05, 0.6) * rng.standard_normal(n)))


def people(
    rng: np.random.Generator,
    n: int,
    setting: Setting,
    *,
    one_country: bool | None = None,
    style: float | None = None,
    sdk: float | None = None,
) -> People:
    """`n` independent people, each with a home address, client, free mail, card, day and way of writing of
    its own.

    Args:
        rng: random generator.
        n: number of people.
        setting: days and openings.
        one_country: whether all live in one country; None draws it, true with probability 0.4.
        style: strength of personal writing, 0 to 1; None draws it.
        sdk: share of accounts with a client library in place of a browser; None draws it.
    """
    local = rng.random() < 0.4 if one_country is None else one_country
    country = np.full(n, rng.choice(len(COUNTRY), p=SHARE)) if local else rng.choice(len(COUNTRY), n, p=SHARE)
    ip, asn = residential(rng, country)
    other_ip, other_asn = residential(rng, country, mobile=True)
    library = rng.random(n) < (rng.uniform(0.0, 0.4) if sdk is None else sdk)
    browser = np.minimum(rng.geometric(rng.uniform(0.06, 0.15), n) - 1, BROWSERS - 1)
    agent = AGENTS[np.where(library, rng.integers(BROWSERS, len(AGENTS), n), browser)]
    paid = rng.random(n) < rng.uniform(0.3, 1.0)
    nights = rng.uniform(0.0, 0.06)
    tls = tls_of(agent, np.where(library, 0, rng.integers(0, 6, n)))
    return People(
        created=setting.start - (rng.uniform(1, 400, n) * DAY).astype(np.int64),
        email_domain=MAIL[rng.integers(0, len(MAIL), n)],
        email_shape=SHAPES[rng.integers(0, len(SHAPES), n)],
        card=some(paid, fresh(rng, n, "card_")),
        card_country=some(paid, COUNTRY[country]),
        phone=DIAL[country] + np.array([str(i) for i in range(60, 90)], dtype=object)[rng.integers(0, 30, n)],
        signup_ip=np.where(rng.random(n) < 0.8, ip, other_ip).astype(object),
        program=texts(n, "standard"),
        plan=np.where(paid, np.where(library, "api", "pro"), "free").astype(object),
        organization=texts(n, None),
        ip=ip,
        asn=asn.astype(np.int64),
        other_ip=other_ip,
        other_asn=other_asn.astype(np.int64),
        roaming=rng.beta(1, rng.uniform(2, 8), n),
        country=COUNTRY[country],
        zone=ZONE[country],
        agent=agent,
        tls=tls,
        shape=np.where(library, rng.integers(0, len(SHAPED), n), 0),
        stream=rng.random(n) < 0.9,
        model=rng.choice(3, n, p=rng.dirichlet([2.0, 4.0, 1.5])),
        system=texts(n, None),
        own_agent=agent,
        own_tls=tls,
        wake=np.clip(rng.normal(rng.uniform(6.0, 9.5), rng.uniform(0.3, 1.8), n), 4.0, 14.0),
        awake=np.clip(rng.normal(rng.uniform(14.0, 16.5), 1.0, n), 10.0, 17.5),
        peak=np.stack([around(rng, n, 1.0, 3.0), around(rng, n, 1.0, 3.0)], axis=1),
        night=np.clip(rng.exponential(nights, n), 0.0, 0.25),
        activity=np.clip(rng.beta(2, 2, n) * rng.uniform(0.4, 1.1), 0.05, 1.0),
        weekend=np.clip(around(rng, n, 0.1, 1.2), 0.0, 2.0),
        spread=np.clip(around(rng, n, 0.2, 1.0), 0.0, 1.5),
        sitting=np.clip(around(rng, n, 2.0, 15.0), 1.0, 80.0),
        follow=np.clip(rng.beta(4, 2, n) * rng.uniform(0.3, 1.2), 0.0, 0.97),
        gap=np.clip(around(rng, n, 30.0, 240.0), 5.0, 1200.0),
        style=rng.uniform(0.0, 1.0) if style is None else style,
        topic=setting.topics[rng.integers(0, len(setting.texts), (n, TOPICS))],
        length=setting.lengths[rng.integers(0, len(setting.texts), n)],
        opener=rng.integers(0, 1 << 30, n),
        lower=rng.beta(0.6, 1.2, n),
        bare=rng.beta(0.6, 1.2, n),
        detail=np.clip(rng.beta(2, 2, n) + rng.uniform(-0.4, 0.4), 0.0, 1.0),
        answer=rng.normal(rng.uniform(5.0, 6.3), rng.uniform(0.1, 0.5), n),
    )


def name_of_program(rng: np.random.Generator) -> str:
    """A name for a client program, with a version."""
    first, second = _NAMES[rng.integers(len(_NAMES))], _KINDS[rng.integers(len(_KINDS))]
    number = rng.integers(10, 99)
    version = f"{rng.integers(0, 9)}.{rng.integers(0, 30)}.{rng.integers(0, 10)}"
    return f"{first}-{second}-{number}/{version}"


def give_program(
    rng: np.random.Generator, group: People, *, agent: str | None = None, own: bool = False
) -> None:
    """Give all accounts one client program with its TLS fingerprint, in place; where `own`, a random client
    library each.
    """
    n = len(group)
    if own:
        group.agent = AGENTS[rng.integers(BROWSERS, len(AGENTS), n)]
    else:
        group.agent = texts(n, agent or name_of_program(rng))
    group.tls = tls_of(group.agent, np.zeros(n, np.int64))
    group.shape = np.full(n, rng.integers(0, len(SHAPED))) if not own else rng.integers(0, len(SHAPED), n)


def move_in(
    rng: np.random.Generator, group: People, *, gateways: int = 1, share: float = 1.0, asn: int | None = None
) -> Bools:
    """Move a share of the group behind a few gateways of one network in one country, in place; returns the
    mask of those moved.
    """
    n = len(group)
    network = int(asn if asn is not None else rng.integers(20_000, 24_000))
    gates = addresses(np.full(gateways, network), rng.integers(0, 1 << 40, gateways))
    there = rng.random(n) < share
    group.ip = np.where(there, gates[rng.integers(0, gateways, n)], group.ip)
    group.asn = np.where(there, network, group.asn)
    if there.any():
        first = int(np.argmax(there))
        group.country[there], group.zone[there] = group.country[first], group.zone[first]
    return there


def on_servers(rng: np.random.Generator, group: People, share: float = 1.0) -> None:
    """Move a share of the accounts to hosts in data centres, in place."""
    ip, asn = hosted(rng, len(group))
    there = rng.random(len(group)) < share
    group.ip, group.asn = np.where(there, ip, group.ip), np.where(there, asn, group.asn)
    group.roaming = np.where(there, 0.0, group.roaming)


def on_one_network(rng: np.random.Generator, group: People) -> None:
    """Give all accounts addresses of one consumer network in one country, in place."""
    asn = int(rng.integers(3000, 3600))
    n = len(group)
    group.asn, group.ip = np.full(n, asn), addresses(np.full(n, asn), rng.integers(0, 1 << 40, n))
    group.country[:], group.zone[:] = group.country[0], group.zone[0]


def sign_up_between(
    rng: np.random.Generator, group: People, low: int, high: int, *, at_place: bool = False
) -> None:
    """Draw sign-up times between two times (microseconds since 1970), in place; `at_place` sets the main
    address as that of sign-up.
    """
    group.created = low + (rng.random(len(group)) * max(1, high - low)).astype(np.int64)
    if at_place:
        group.signup_ip = group.ip.copy()


def employ(
    rng: np.random.Generator, group: People, *, declared: bool, one_card: bool, own_mail: bool
) -> None:
    """Make all accounts those of one company, in place.

    `declared` gives one organization, `one_card` one card, `own_mail` one mail domain.
    """
    n = len(group)
    if declared:
        group.organization = texts(n, str(fresh(rng, 1, "org_")[0]))
    if one_card:
        group.card, group.card_country = (
            texts(n, str(fresh(rng, 1, "card_")[0])),
            texts(n, str(group.country[0])),
        )
    if own_mail:
        group.email_domain = texts(n, f"{fresh(rng, 1, 'firm-', 5)[0]}.com")
        group.email_shape = texts(n, ("a.aaaaaa", "aaaaa.aaaaaa", "aaaaa")[rng.integers(3)])
    group.plan = texts(n, "team")


def office_day(rng: np.random.Generator, group: People) -> None:
    """Set the waking day to the working day of one office, in place."""
    n = len(group)
    group.wake = np.clip(rng.normal(rng.uniform(7.0, 9.5), rng.uniform(0.1, 0.8), n), 5.0, 12.0)
    group.awake = np.clip(rng.normal(rng.uniform(8.0, 10.5), 0.6, n), 6.0, 12.0)
    group.weekend = np.full(n, rng.uniform(0.0, 0.2))
    group.activity = np.clip(rng.beta(6, 2, n), 0.3, 1.0)
    group.night = np.zeros(n)


def window(rng: np.random.Generator, setting: Setting, low_h: float, high_h: float) -> tuple[int, int]:
    """A random span in the setting, (start, end) in microseconds since 1970, with log-uniform length from
    `low_h` to `high_h` hours.
    """
    hours = np.exp(rng.uniform(np.log(low_h), np.log(max(low_h, min(high_h, setting.days * 24.0)))))
    length = int(min(hours * HOUR, setting.end - setting.start))
    begins = setting.start + int(rng.random() * (setting.end - setting.start - length))
    return begins, begins + length


def count(rng: np.random.Generator, low: int, high: int) -> int:
    """A log-uniform integer from `low` to `high`, both at least 1."""
    return int(np.clip(np.round(np.exp(rng.uniform(np.log(low), np.log(high)))), low, high))
