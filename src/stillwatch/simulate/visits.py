"""The exchanges of an honest crowd: people's sittings, scheduled runs, and their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from stillwatch.simulate.grammar import GRAMMAR
from stillwatch.simulate.people import People, Setting, words
from stillwatch.simulate.population import DAY, HOUR, SECOND, texts
from stillwatch.simulate.prompts import Texts, place
from stillwatch.simulate.traffic import within_group
from stillwatch.stats.arrays import Bools, Floats, Ints

# Greetings with which a person may begin a conversation.
OPENERS = (
    "Hi, ",
    "hello! ",
    "Question: ",
    "quick one: ",
    "Hey, can you help? ",
    "I need help with this. ",
    "For work: ",
    "Dear assistant, ",
    "ok so ",
    "As briefly as possible: ",
    "Short answer please. ",
    "Be honest: ",
    "Good day. ",
    "One more thing: ",
    "I am a beginner. ",
    "No lists please. ",
    "In detail: ",
    "Thanks in advance. ",
)
PASTED = 0.06  # share of own details that are a pasted document; chosen
OWN_CLIENT = 0.7  # share of crowds whose other traffic comes from clients of the accounts' own; chosen
MAX_OTHER_PER_DAY = 400.0  # most exchanges of an account's other traffic per day, on average


@dataclass(slots=True, kw_only=True)
class VisitRows:
    """Exchanges without the columns that depend on their accounts.

    * `account`: position in the crowd; `at`: microseconds since 1970.
    * `conversation`: number of the conversation, -1 for none; `turn`: position in it, 0 for its opening.
    * `run`: number of the scheduled run since the first day, `place` the position in the run; both 0 for
      people.
    * `columns`: columns of the contract whose values are the exchange's own, such as `prompt`.
    """

    account: Ints
    at: Ints
    conversation: Ints
    turn: Ints
    run: Ints
    place: Ints
    columns: dict[str, Texts] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.account)

    def take(self, rows: Ints | Bools) -> VisitRows:
        """The exchanges at these positions or under this mask."""
        return VisitRows(
            account=self.account[rows],
            at=self.at[rows],
            conversation=self.conversation[rows],
            turn=self.turn[rows],
            run=self.run[rows],
            place=self.place[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def volumes(rng: np.random.Generator, n: int, low: float, high: float, sigma: float | None = None) -> Ints:
    """Exchanges of each of `n` accounts, at least 1: Poisson counts with log-normal means around one centre
    in [low, high].

    `sigma` is the standard deviation of the log of the means; drawn between 0.05 and 1.4 where None.
    """
    wide = rng.uniform(0.05, 1.4) if sigma is None else sigma
    mean = np.exp(rng.uniform(np.log(low), np.log(high)) + wide * rng.standard_normal(n) - wide**2 / 2)
    return np.maximum(rng.poisson(np.minimum(mean, 20 * high)), 1).astype(np.int64)


def sittings(
    rng: np.random.Generator,
    group: People,
    counts: Ints,
    setting: Setting,
    *,
    between: tuple[int, int] | None = None,
    days: Bools | None = None,
) -> VisitRows:
    """Exchanges of people: sittings in each person's waking hours, with conversations.

    Rows are sorted by account; those that would fall outside the span are moved into it.

    Args:
        rng: random generator.
        group: the people.
        counts: exchanges of each person over all days, shape (n,).
        setting: days and openings.
        between: span in microseconds since 1970 that contains all exchanges; None for the whole setting.
        days: mask of possible days, shape (days,) or (n, days); None for all.
    """
    n = len(group)
    low, high = between or (setting.start, setting.end)
    first, last = (low - setting.start) // DAY, (high - 1 - setting.start) // DAY + 1
    number = np.arange(setting.days)
    weight = np.where(rng.random((n, setting.days)) < group.activity[:, None], 1.0, 0.0)
    weight *= np.exp(group.spread[:, None] * rng.standard_normal((n, setting.days)))
    weekday = (setting.start // DAY + number + 3) % 7
    weight *= np.where(weekday >= 5, group.weekend[:, None], 1.0)
    possible = np.broadcast_to(
        (number >= first) & (number < last) & (True if days is None else days), weight.shape
    )
    weight = np.where(possible, weight + 1e-9, 0.0)
    reach = np.cumsum(weight, axis=1)
    account = np.repeat(np.arange(n), counts)
    drawn = rng.random(len(account)) * reach[account, -1]
    day = np.minimum((reach[account] <= drawn[:, None]).sum(axis=1), setting.days - 1)
    cell = np.sort(account * setting.days + day)
    account, day = cell // setting.days, cell % setting.days
    size = np.bincount(cell, minlength=n * setting.days)
    sits = np.where(
        size > 0, np.maximum(1, np.round(size / np.repeat(group.sitting, setting.days))), 0
    ).astype(np.int64)
    base = np.cumsum(sits) - sits
    sitting = np.sort(base[cell] + (rng.random(len(cell)) * sits[cell]).astype(np.int64))
    whose = np.repeat(np.arange(n * setting.days), sits)
    owner = whose // setting.days
    begins = _waking(rng, group, owner) + setting.start + whose % setting.days * DAY
    begins = np.where((begins < low) | (begins >= high), low + rng.random(len(begins)) * (high - low), begins)
    starts = np.r_[True, sitting[1:] != sitting[:-1]] if len(sitting) else np.zeros(0, bool)
    gap = np.where(starts, 0.0, rng.exponential(group.gap[account]) * SECOND)
    walked = np.cumsum(gap)
    heads = np.flatnonzero(starts)
    offset = walked - np.repeat(walked[heads], np.diff(np.r_[heads, len(sitting)])) if len(heads) else walked
    at = (begins[sitting] + offset).astype(np.int64)
    at = np.where(at >= high, low + (at - low) % max(1, high - low), at)
    opens = starts | (rng.random(len(at)) > group.follow[account])
    conversation = np.cumsum(opens) - 1
    zero = np.zeros(len(at), np.int64)
    return VisitRows(
        account=account,
        at=at,
        conversation=conversation.astype(np.int64),
        turn=within_group(conversation),
        run=zero,
        place=zero,
    )


def _waking(rng: np.random.Generator, group: People, owner: Ints) -> Floats:
    """Start of a sitting of each owner in microseconds after UTC midnight, shape as `owner`."""
    hour = group.wake[owner] + group.awake[owner] * rng.beta(group.peak[owner, 0], group.peak[owner, 1])
    hour = np.where(rng.random(len(owner)) < group.night[owner], rng.random(len(owner)) * 24, hour)
    return np.asarray((hour - group.zone[owner]) % 24 * HOUR)


def ticks(
    rng: np.random.Generator,
    setting: Setting,
    times_s: Floats,
    *,
    requests: Ints | int = 1,
    gap_s: float = 5.0,
    jitter_s: float = 0.0,
    kept: float = 1.0,
    days: Bools | None = None,
) -> VisitRows:
    """Exchanges of scheduled runs.

    Args:
        rng: random generator.
        setting: days.
        times_s: starts of runs in seconds after UTC midnight, shape (accounts, runs per day).
        requests: exchanges of a run, one number or one per account.
        gap_s: mean seconds between exchanges of a run.
        jitter_s: largest delay of a run in seconds.
        kept: probability that a run takes place.
        days: mask of days with runs, shape (days,) or (accounts, days); None for all.
    """
    n, each = times_s.shape
    run = np.arange(setting.days * each)
    takes_place = rng.random((n, len(run))) < kept
    if days is not None:
        takes_place &= np.repeat(np.broadcast_to(days, (n, setting.days)), each, axis=1)
    account, run = np.nonzero(takes_place)
    moment = times_s[account, run % each] + run // each * 86400.0 + rng.random(len(run)) * jitter_s
    wanted = np.broadcast_to(np.asarray(requests, np.int64), n)[account]
    one = np.repeat(np.arange(len(account)), wanted)
    place = within_group(one)
    late = np.cumsum(rng.exponential(gap_s, len(one)))
    heads = np.cumsum(wanted) - wanted
    late = late - late[heads][one] if len(one) else late
    at = setting.start + ((moment[one] + late) * SECOND).astype(np.int64)
    return VisitRows(
        account=account[one],
        at=at,
        conversation=np.full(len(one), -1, np.int64),
        turn=np.zeros(len(one), np.int64),
        run=run[one],
        place=place,
    )


def moments(account: Ints, at: Ints) -> VisitRows:
    """Rows of single exchanges without a conversation, from account numbers and times (microseconds since
    1970).
    """
    zero = np.zeros(len(at), np.int64)
    return VisitRows(
        account=account, at=at, conversation=zero - 1, turn=zero, run=zero, place=np.arange(len(at))
    )


def reacting(
    rng: np.random.Generator, group: People, events: Ints, *, median_h: float, share: float
) -> VisitRows:
    """One exchange of each account that reacts to each event; `run` is the event's number.

    An account reacts with probability `share`, after a log-normal delay with median `median_h` hours, in
    its waking hours: times in the night are moved to the next morning. `events` are in microseconds since
    1970.
    """
    account, event = np.nonzero(rng.random((len(group), len(events))) < share)
    at = events[event] + rng.lognormal(np.log(median_h), 0.9, len(event)) * HOUR
    local = (at / HOUR + group.zone[account]) % 24
    since = (local - group.wake[account]) % 24
    later = np.where(since > group.awake[account], 24 - since + rng.exponential(1.0, len(at)), 0.0)
    rows = moments(account, (at + later * HOUR).astype(np.int64))
    rows.run, rows.place = event, np.zeros(len(event), np.int64)
    return rows


def write(rng: np.random.Generator, group: People, rows: VisitRows, setting: Setting) -> VisitRows:
    """Set the prompts of people's rows, in place; returns the rows.

    Openings are texts of the setting. The stronger the crowd's style, the more often they have a person's
    own topic, length and first words. Later turns come from the grammar.
    """
    said: Texts = np.full(len(rows), "", dtype=object)
    opens = np.flatnonzero(rows.turn == 0)
    said[opens] = openings(rng, group, rows.account[opens], setting)
    follows = np.flatnonzero(rows.turn > 0)
    said[follows] = words(rng, "follow_en", len(follows))
    rows.columns["prompt"] = typed(rng, group, rows.account, said)
    return rows


def openings(rng: np.random.Generator, group: People, account: Ints, setting: Setting) -> Texts:
    """One opening for each entry of `account`, in the account's own way of writing."""
    m, style = len(account), group.style
    order, begins = setting.by_topic
    topic = group.topic[account, rng.integers(0, group.topic.shape[1], m)]
    sizes = begins[topic + 1] - begins[topic]
    choices = []
    for _ in range(2):
        any_text = rng.integers(0, len(setting.texts), m)
        own = order[begins[topic] + (rng.random(m) * sizes).astype(np.int64)]
        choices.append(np.where(rng.random(m) < style, own, any_text))
    near = np.argmin([np.abs(setting.lengths[c] - group.length[account]) for c in choices], axis=0)
    picked = np.where((near == 1) & (rng.random(m) < style), choices[1], choices[0])
    said = setting.texts[picked].astype(object)
    detailed = np.flatnonzero(rng.random(m) < group.detail[account])
    pasted = detailed[rng.random(len(detailed)) < PASTED]
    said[detailed] = said[detailed] + " " + words(rng, "s_en", len(detailed))
    said[pasted] = said[pasted] + "\n\n" + words(rng, "document", len(pasted))
    greeted = np.flatnonzero(rng.random(m) < style * 0.6)
    first = np.array(OPENERS, dtype=object)[group.opener[account[greeted]] % len(OPENERS)]
    said[greeted] = first + said[greeted]
    return said


def typed(rng: np.random.Generator, group: People, account: Ints, said: Texts) -> Texts:
    """The texts as their accounts type them: some with a small first letter, some without a full stop."""
    lower = rng.random(len(said)) < group.lower[account]
    bare = rng.random(len(said)) < group.bare[account]
    out = said.copy()
    for row in np.flatnonzero(lower | bare).tolist():
        text = out[row]
        if lower[row]:
            text = text[:1].lower() + text[1:]
        out[row] = text.rstrip(".") if bare[row] else text
    return out


def own_life(
    rng: np.random.Generator,
    group: People,
    setting: Setting,
    common: VisitRows,
    *,
    share: float | None = None,
) -> VisitRows:
    """Other traffic of the same accounts, in their own words and hours.

    It is `share` of each account's exchanges on average (drawn between 0 and 0.7 where None) and varies
    between accounts. In most crowds it comes from the account's first client, without the program's system
    prompt and sampling parameters.
    """
    mean = rng.uniform(0.0, 0.7) if share is None else share
    each = np.clip(rng.beta(1.0 + 8 * mean, 1.0 + 8 * (1 - mean), len(group)) * (mean > 0.02), 0.0, 0.9)
    sent = np.bincount(common.account, minlength=len(group))
    extra = rng.poisson(np.minimum(sent * each / (1 - each), MAX_OTHER_PER_DAY * setting.days)).astype(
        np.int64
    )
    rows = write(rng, group, sittings(rng, group, extra, setting), setting)
    if rng.random() < OWN_CLIENT:
        rows.columns["user_agent"] = group.own_agent[rows.account]
        rows.columns["tls_fingerprint"] = group.own_tls[rows.account]
        rows.columns["system_prompt"] = texts(len(rows), None)
        for name in ("temperature", "top_p", "max_tokens"):
            rows.columns[name] = np.full(len(rows), np.nan)
    return rows


def text_of(keys: Ints, rule: str) -> Texts:
    """One text of a rule per key; equal keys give equal texts."""
    return GRAMMAR.expand(rule, keys.astype(np.uint64))


def continue_as(rng: np.random.Generator, group: People, rows: VisitRows, opening: Texts) -> VisitRows:
    """Set openings of conversations to these texts and later turns to the person's own words, in place;
    returns the rows.
    """
    said = words(rng, "follow_en", len(rows))
    opens = rows.turn == 0
    said[opens] = opening[opens]
    rows.columns["prompt"] = np.where(opens, said, typed(rng, group, rows.account, said))
    return rows


def on_topics(rng: np.random.Generator, setting: Setting, topics: Ints) -> Texts:
    """One random text of the setting per topic number."""
    order, begins = setting.by_topic
    sizes = begins[topics + 1] - begins[topics]
    return setting.texts[order[begins[topics] + (rng.random(len(topics)) * sizes).astype(np.int64)]].astype(
        object
    )


def through_list(rng: np.random.Generator, rows: VisitRows, pool: Texts, *, shuffled: float = 0.0) -> Texts:
    """For each row the item of `pool` that its account has reached by its number of openings so far.

    Accounts begin with the first item where `shuffled` is 0, have a random order each where it is 1, and
    restart at the end.
    """
    if not len(rows):
        return np.full(0, "", dtype=object)
    accounts = int(rows.account.max()) + 1
    size = len(pool)
    rank = (1 - shuffled) * np.arange(size) + shuffled * size * rng.random((accounts, size))
    order = np.argsort(rank, axis=1)
    sequence = np.lexsort((rows.at, rows.account))
    opened = np.cumsum(rows.turn[sequence] == 0)
    head = np.searchsorted(rows.account[sequence], rows.account[sequence])
    before = opened[head] - (rows.turn[sequence[head]] == 0)
    step = np.zeros(len(rows), np.int64)
    step[sequence] = np.maximum(opened - before - 1, 0)
    return pool[order[rows.account, step % size]].astype(object)


def instruct(
    rng: np.random.Generator,
    rows: VisitRows,
    items: Texts,
    *,
    template: str | None = None,
    as_system: bool | None = None,
) -> VisitRows:
    """Set the prompts of rows to items under one template, in place; returns the rows.

    The template comes from the grammar where None. It stands before or after the items, or in the system
    prompt: there where `as_system`, at random where that is None.
    """
    one = str(words(rng, "product_template")[0]) if template is None else template
    n = len(rows)
    if rng.random() < 0.5 if as_system is None else as_system:
        rows.columns["system_prompt"] = np.full(n, one, dtype=object)
        rows.columns["prompt"] = items.astype(object)
    else:
        stands = np.full(n, int(rng.integers(0, 2)))
        rows.columns["prompt"] = place(np.full(n, one, dtype=object), items.astype(object), stands)
    return rows


def numbered(rng: np.random.Generator, rule: str, number: Ints) -> Texts:
    """One text of a rule per number; equal numbers give equal texts, and each call gives different texts."""
    return text_of(number + int(rng.integers(1, 1 << 60)), rule)


def stacked(parts: Sequence[VisitRows]) -> VisitRows:
    """All rows of all parts, which must have the same columns; equal conversation numbers are one
    conversation.
    """
    return VisitRows(
        account=np.concatenate([part.account for part in parts]),
        at=np.concatenate([part.at for part in parts]),
        conversation=np.concatenate([part.conversation for part in parts]),
        turn=np.concatenate([part.turn for part in parts]),
        run=np.concatenate([part.run for part in parts]),
        place=np.concatenate([part.place for part in parts]),
        columns={name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns},
    )
