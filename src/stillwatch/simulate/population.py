"""The accounts of a world: sign-up, origin and use.

Accounts are columns of arrays, one row per account. Rules:

1. `first` and `last` bound the times of an account's exchanges (microseconds since 1970).
2. `rate` is the mean number of exchanges per weekday; the number on a day is Poisson, with a spread of its
   own.
3. `pool` is 0 where every item is new, else the number of items drawn from by `shared_key`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from stillwatch.simulate.grammar import ROOT
from stillwatch.simulate.prompts import Texts, mix
from stillwatch.stats.arrays import Bools, Floats, Ints

SECOND = 1_000_000  # microseconds; `HOUR` and `DAY` too
HOUR = 3600 * SECOND  # microseconds
DAY = 24 * HOUR  # microseconds

EVENING, OFFICE, STEADY, NIGHTLY, ALWAYS = range(5)  # daily profiles; rows of `HOURS`
# Relative rate of exchanges in each local hour of people who write in their free time.
_EVENING = [2, 1, 1, 0.5, 0.5, 1, 2, 4, 6, 7, 7, 7, 6, 6, 7, 7, 7, 8, 8, 9, 10, 10, 8, 4]
# Relative rate of exchanges in each local hour of people at work.
_OFFICE = [0.3, 0.2, 0.1, 0.1, 0.1, 0.3, 1, 4, 9, 11, 11, 10, 6, 9, 11, 11, 9, 7, 3, 1.5, 1, 1, 0.7, 0.5]
# Relative rate of exchanges in each local hour of programs that serve people.
_STEADY = [5, 4, 4, 4, 4, 4, 5, 6, 7, 8, 9, 9, 9, 9, 9, 9, 9, 8, 8, 8, 7, 7, 6, 5]
# Relative rate by profile and local hour, shape (5, 24).
HOURS: Floats = np.array([_EVENING, _OFFICE, _STEADY, _STEADY, [1.0] * 24], dtype=np.float64)
# Share of a day's exchanges up to each local hour, shape (5, 24).
HOURS_CUMULATED: Floats = np.cumsum(HOURS, axis=1) / HOURS.sum(axis=1, keepdims=True)

# Names of the models; the place of one is its number elsewhere.
MODELS = ("opus-4", "sonnet-4", "haiku-4", "sonnet-5")
NEW_MODEL = 3  # position in `MODELS` of the model released during the world

# country, share of accounts, hours from UTC, language index of grammar.LANGUAGES, dialling prefix
_COUNTRIES = (
    ("US", 0.30, -6, 0, "+1"),
    ("IN", 0.12, 5.5, 0, "+91"),
    ("GB", 0.07, 0, 0, "+44"),
    ("DE", 0.07, 1, 1, "+49"),
    ("FR", 0.06, 1, 2, "+33"),
    ("ES", 0.04, 1, 3, "+34"),
    ("MX", 0.04, -6, 3, "+52"),
    ("BR", 0.07, -3, 4, "+55"),
    ("PT", 0.01, 0, 4, "+351"),
    ("JP", 0.07, 9, 6, "+81"),
    ("SG", 0.03, 8, 0, "+65"),
    ("TW", 0.03, 8, 5, "+886"),
    ("HK", 0.02, 8, 5, "+852"),
    ("CA", 0.03, -5, 0, "+1"),
    ("AU", 0.02, 10, 0, "+61"),
    ("NL", 0.02, 1, 0, "+31"),
)
COUNTRY: Texts = np.array([row[0] for row in _COUNTRIES], dtype=object)  # code of each country
# Share of accounts that live in each country.
SHARE: Floats = np.array([row[1] for row in _COUNTRIES]) / sum(row[1] for row in _COUNTRIES)
ZONE: Floats = np.array([row[2] for row in _COUNTRIES], dtype=np.float64)  # hours from UTC of each country
# Number of the main language of each country.
_LANGUAGE: Ints = np.array([row[3] for row in _COUNTRIES], dtype=np.int64)
# International dialling code of each country.
DIAL: Texts = np.array([row[4] for row in _COUNTRIES], dtype=object)

# User agents: browsers, then client libraries.
AGENTS: Texts = np.array(
    [
        f"Mozilla/5.0 ({system}) AppleWebKit/537.36 (KHTML, like Gecko) {browser}"
        for system in (
            "Windows NT 10.0; Win64; x64",
            "Macintosh; Intel Mac OS X 10_15_7",
            "X11; Linux x86_64",
            "Linux; Android 15",
            "iPhone; CPU iPhone OS 19_1",
        )
        for browser in (
            "Chrome/146.0.0.0 Safari/537.36",
            "Chrome/145.0.0.0 Safari/537.36",
            "Edg/146.0.0.0",
            "Firefox/151.0",
            "Version/19.1 Safari/605.1",
        )
    ]
    + [
        f"api-python/{major}.{minor}.{patch}"
        for major in (1, 2)
        for minor in (4, 9, 12, 31)
        for patch in (0, 2)
    ]
    + [f"api-node/{major}.{minor}.0" for major in (3, 4) for minor in (1, 6, 20)]
    + ["python-httpx/0.28.1", "python-requests/2.32.3", "curl/8.14.1", "okhttp/5.1.0", "Go-http-client/2.0"],
    dtype=object,
)
BROWSERS = 25  # number of browsers, which come first in `AGENTS`
# Mail domains, each as often as it is used.
MAIL: Texts = np.array(
    ["gmail.com"] * 50
    + ["outlook.com"] * 14
    + ["icloud.com"] * 9
    + ["yahoo.com"] * 6
    + ["proton.me"] * 4
    + ["gmx.de", "web.de", "orange.fr", "uol.com.br", "qq.com", "163.com", "hotmail.com", "mail.com"] * 2,
    dtype=object,
)
# Shapes of the local part of a mail address: a for a letter, 9 for a digit.
SHAPES: Texts = np.array(
    ["a" * i for i in range(4, 13)]
    + [f"{'a' * i}.{'a' * j}" for i in range(1, 8) for j in range(4, 10)]
    + [f"{'a' * i}{'9' * j}" for i in range(3, 11) for j in range(1, 5)]
    + [f"{'a' * i}_{'a' * 5}" for i in (3, 5)],
    dtype=object,
)
# Shapes of requests: temperature, top_p and max_tokens (NaN, -1: not given).
SHAPED: tuple[tuple[float, float, int], ...] = (
    (np.nan, np.nan, -1),
    (np.nan, np.nan, 4096),
    (1.0, np.nan, 4096),
    (0.7, np.nan, 1024),
    (0.0, np.nan, 2048),
    (0.0, np.nan, 256),
    (0.2, 0.9, 8192),
    (0.7, 0.95, 2000),
    (1.0, np.nan, 8192),
    (0.3, np.nan, 512),
    (0.5, 1.0, 1000),
)
# Tools that an application offers to the model.
TOOLSETS: tuple[tuple[str, ...], ...] = (
    ("read_file", "edit_file", "run", "search"),
    ("bash", "str_replace_editor"),
    ("web_search",),
    ("get_weather",),
    ("query_database", "plot"),
    ("browser_open", "browser_click", "screenshot"),
    ("lookup_order", "create_ticket"),
    ("calendar", "mail", "browser"),
    ("read_file", "write_file", "execute_command", "list_files"),
)


@dataclass(slots=True, kw_only=True)
class Population:
    """Columns of accounts, all of one length; the module's docstring has the rules."""

    role: Texts
    account_id: Texts
    organization_id: Texts
    created: Ints
    email_domain: Texts
    email_shape: Texts
    card: Texts
    card_country: Texts
    phone: Texts
    signup_ip: Texts
    program: Texts
    plan: Texts
    ips: Texts
    asns: Ints
    country: Texts
    roaming: Floats
    agent: Texts
    tls: Texts
    zone: Floats
    profile: Ints
    weekend: Floats
    rate: Floats
    activity: Floats
    spread: Floats
    session: Floats
    follow: Floats
    gap: Floats
    first: Ints
    last: Ints
    cron: Floats
    root: Ints
    popular: Floats
    pool: Ints
    shared_key: Ints
    system: Texts
    template: Texts
    place: Ints
    model: Ints
    adopts: Ints
    shape: Ints
    tools: Ints
    stream: Bools

    def __len__(self) -> int:
        return len(self.account_id)

    def take(self, rows: npt.NDArray[Any]) -> Population:
        """The accounts at these positions."""
        return Population(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def concatenate(parts: list[Population]) -> Population:
    """All accounts of all parts, in order."""
    return Population(
        **{f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Population)}
    )


def texts(n: int, value: str | None) -> Texts:
    """Array of `n` times the same text, or None."""
    out: Texts = np.full(n, None, dtype=object)
    out[:] = value
    return out


def some(kept: Bools, values: Texts) -> Texts:
    """The values where `kept`, None elsewhere."""
    out = texts(len(values), None)
    out[kept] = values[kept]
    return out


def fresh(rng: np.random.Generator, n: int, prefix: str, digits: int = 12) -> Texts:
    """`n` random identifiers: `prefix` and `digits` hexadecimal digits."""
    raw = rng.integers(0, 16**digits, n, dtype=np.int64).tolist()
    return np.array([f"{prefix}{value:0{digits}x}" for value in raw], dtype=object)


def addresses(asns: Ints, keys: Ints) -> Texts:
    """One IPv4 address per key, in one of the eight /16 blocks of its autonomous system."""
    block = mix((asns * 8 + keys % 8).astype(np.uint64), 3)
    first = (block % np.uint64(150)).astype(np.int64) + 23
    first = np.where((first == 127) | (first == 100) | (first == 172) | (first == 169), 87, first)
    second = ((block >> np.uint64(16)) % np.uint64(256)).astype(np.int64)
    tail = mix(keys.astype(np.uint64), 5)
    third = (tail % np.uint64(256)).astype(np.int64)
    fourth = ((tail >> np.uint64(20)) % np.uint64(254)).astype(np.int64) + 1
    return np.array(
        [
            f"{a}.{b}.{c}.{d}"
            for a, b, c, d in zip(
                first.tolist(), second.tolist(), third.tolist(), fourth.tolist(), strict=True
            )
        ],
        dtype=object,
    )


def residential(rng: np.random.Generator, country: Ints, mobile: bool = False) -> tuple[Texts, Ints]:
    """Addresses and autonomous systems of consumers, one for each entry of `country`; mobile ones share
    gateways.
    """
    rank = np.minimum(rng.geometric(0.35, len(country)), 9)
    asns = 3000 + country * 40 + rank + (20 if mobile else 0)
    keys = rng.integers(0, 400 if mobile else 1 << 40, len(country))
    return addresses(asns, keys), asns


def hosted(rng: np.random.Generator, n: int, blocks: int = 12) -> tuple[Texts, Ints]:
    """Addresses and autonomous systems of `n` hosts in data centres."""
    asns = 14_000 + np.minimum(rng.geometric(0.25, n), blocks)
    return addresses(asns, rng.integers(0, 1 << 40, n)), asns


def tls_of(agent: Texts, keys: Ints) -> Texts:
    """JA4-like fingerprints of clients; each client program has one or two, chosen by `keys`."""
    distinct, inverse = np.unique(agent.astype(str), return_inverse=True)
    seeds: list[int] = []
    for name in distinct:  # Python's own `hash` changes from run to run
        code = 0
        for letter in name:
            code = (code * 131 + ord(letter)) % (1 << 61)
        seeds.append(code)
    codes = mix((np.array(seeds, dtype=np.int64)[inverse] + keys % 3 % 2).astype(np.uint64), 9).tolist()
    return np.array(
        [f"t13d{code % 7 + 14}{code % 5 + 10}h2_{code % (1 << 48):012x}" for code in codes], dtype=object
    )


def persons(rng: np.random.Generator, n: int, start: int, end: int) -> Population:
    """`n` ordinary single users with cards and addresses of their own; some join and some leave between
    `start` and `end`.
    """
    country = rng.choice(len(COUNTRY), size=n, p=SHARE)
    home, home_asn = residential(rng, country)
    phone, phone_asn = residential(rng, country, mobile=True)
    later, _ = residential(rng, country)
    moved = rng.random(n) < 0.35
    ips: Texts = np.empty((n, 3), dtype=object)
    ips[:, 0], ips[:, 1], ips[:, 2] = home, phone, np.where(moved, later, home)
    asns: Ints = np.stack([home_asn, phone_asn, home_asn], axis=1).astype(np.int64)
    agent = AGENTS[np.minimum(rng.geometric(0.09, n) - 1, BROWSERS - 1)]
    created = start - (rng.exponential(200 * DAY, n)).astype(np.int64) - HOUR
    joins = rng.random(n) < 0.15
    created[joins] = start + (rng.random(joins.sum()) * (end - start)).astype(np.int64)
    leaves = rng.random(n) < 0.12
    last = np.full(n, end, dtype=np.int64)
    last[leaves] = start + (rng.random(leaves.sum()) * (end - start)).astype(np.int64)
    native = np.where(rng.random(n) < 0.75, _LANGUAGE[country], 0)
    root = np.where(rng.random(n) < 0.12, ROOT["dev"], native)
    return Population(
        role=texts(n, "person"),
        account_id=fresh(rng, n, "acct_"),
        organization_id=texts(n, None),
        created=created,
        email_domain=MAIL[rng.integers(0, len(MAIL), n)],
        email_shape=SHAPES[rng.integers(0, len(SHAPES), n)],
        card=some(rng.random(n) < 0.7, fresh(rng, n, "card_")),
        card_country=COUNTRY[country],
        phone=DIAL[country] + np.array([str(i) for i in range(60, 90)], dtype=object)[rng.integers(0, 30, n)],
        signup_ip=home,
        program=texts(n, "standard"),
        plan=np.where(rng.random(n) < 0.6, "pro", "free").astype(object),
        ips=ips,
        asns=asns,
        country=COUNTRY[country],
        roaming=rng.beta(1, 4, n),
        agent=agent,
        tls=tls_of(agent, rng.integers(0, 6, n)),
        zone=ZONE[country],
        profile=np.where(rng.random(n) < 0.7, EVENING, OFFICE),
        weekend=rng.uniform(0.3, 1.2, n),
        rate=rng.lognormal(1.1, 1.1, n),
        activity=rng.beta(2, 2, n) * 0.85 + 0.1,
        spread=rng.uniform(0.3, 0.9, n),
        session=rng.uniform(2, 9, n),
        follow=rng.beta(4, 2, n),
        gap=rng.uniform(40, 200, n),
        first=np.maximum(created, start),
        last=last,
        cron=np.zeros(n),
        root=root.astype(np.int64),
        popular=rng.beta(1.5, 6, n),
        pool=np.zeros(n, dtype=np.int64),
        shared_key=np.zeros(n, dtype=np.int64),
        system=texts(n, None),
        template=texts(n, ""),
        place=np.zeros(n, dtype=np.int64),
        model=rng.choice(3, size=n, p=[0.25, 0.6, 0.15]),
        adopts=np.full(n, 1 << 62, dtype=np.int64),
        shape=np.zeros(n, dtype=np.int64),
        tools=np.full(n, -1, dtype=np.int64),
        stream=rng.random(n) < 0.9,
    )
