"""Members of a campaign and the exchanges attributed to it.

Each exchange has a log-likelihood ratio from the values that it shows (naive Bayes over kinds; Fellegi and
Sunter 1969). A value counts in favour of the campaign only if three of its accounts show it, so an account's
own address does not count.

An *account* is a member by its share of campaign-like exchanges, which is higher for members than for others
(one beta-binomial law for each side, fitted by moments). A member's *exchange* is attributed by its content
only: wording, instructions and parameters (`Indicator.is_content`), and its style compared with ordinary use
(`detect.excess`). Address and program do not separate the exchanges of one account, since all of them come
from there. Style is the only content left where a campaign never repeats a text.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from typing import TypeVar

import ibis
import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from stillwatch.detect.excess import Excess, excess
from stillwatch.detect.fold import columns_of, halvings, thin
from stillwatch.engine.connect import Keep
from stillwatch.signals.registry import Indicator
from stillwatch.stats.arrays import Bools, Floats
from stillwatch.stats.membership import log_beta_binomial, moments

LN2 = float(np.log(2))  # natural logarithm of 2
MOST_DOUBLINGS = 64  # doublings that a length can have in the number that encodes a style
ACCOUNT_CODES = 1 << 15  # codes of accounts; in one of ten thousand triples two have one code and count once
LARGEST_LOG_RATIO, SMALLEST_LOG_RATIO = 6.0, -4.0  # bounds on the log-likelihood ratio of one value
A = TypeVar("A")  # any type
SHARE_IN_STYLE = 0.2  # share of an account's exchanges in the campaign's styles from which it is examined
ROUNDS = 2  # times that ratios and members are estimated in turn
MOST_TEACHING_EXCHANGES = 8_000_000  # exchanges from which the ratios of phrases are estimated
LOG_ODDS_OF_PROPOSED = 3.0  # added to the log odds of membership of an account that was proposed
# Least probability of membership of a member that was proposed, and of one that was not. In the last round
# the first one holds for both, with `FALSE_MEMBERS`.
LEAST_SCORE_OF_PROPOSED, LEAST_SCORE_OF_OTHERS = 0.5, 0.95
# Share of the proposed accounts that must be members in the end. With fewer, the evidence would be about
# other accounts than those attributed.
SHARE_OF_PROPOSED_KEPT = 0.5
FALSE_MEMBERS = 0.01  # expected share of members that do not belong, at most
DEVIATIONS_OF_90_PERCENT = 1.645  # standard deviations of a normal law within which 90 % lie
CONVERSATION_SHARE = 0.5  # share of follow-ups, relative to the usual, from which traffic is conversation
# Of `membership`: the share of the proposal's median share of hits from which an account begins on neither
# side; the iterations; and the share of insiders left out of the fit at either end.
BEGINNING_SHARE_OF_HITS, EM_TURNS, TRIMMED_TAIL = 0.5, 4, 0.15
FEWEST_HITS = 10  # campaign-like exchanges that a member needs that was not proposed; a few occur by chance
TRIMMED_OUTSIDE = 0.1  # share of outsiders with the most hits, possible members, left out of the fit
# Prior odds that an account fits neither law. Accounts that a campaign imitates are removed elsewhere, by
# their lack of common control (`refine.contacts`).
PRIOR_OF_NEITHER = 1e-5
# Quantile of the share of hits of accounts outside that counts as usual; hits beyond may be missed members'.
QUANTILE_OF_USUAL_HITS = 0.97
LOG_ODDS_OF_MEMBERS_EXCHANGE = 1.0  # prior log odds that a member's exchange belongs to the campaign
LEAST_SPEAKING_LOG_RATIO = 1.0  # log-likelihood ratio above which a value is evidence for the campaign
# Bound on the summed log ratios of address, program and network, which are one piece of evidence, not four.
LARGEST_SOURCE_SCORE = 3.0
TEMPER = 0.5  # factor on summed log ratios: kinds are dependent, so their sum overstates the evidence


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """Members of a campaign with their probability, and the attributed exchanges.

    * `members`: `account_id`, `score` (probability of membership), `exchanges` (number attributed).
    * `exchanges`: one row per attributed exchange, with id, account, time, capability, tokens, text key and
      words.
    * `low`, `high`: a nominal 90 % interval of the number of the campaign's exchanges. It covers doubtful
      members, doubtful exchanges of members, and exchanges of other accounts beyond the usual.
    * `unusual`: share of all of the members' exchanges that differ from ordinary use in style
      (`detect.excess`).
    * `follow_up`: share of the proposed accounts' exchanges of that kind that continue a conversation; None
      where it was not measured (no conversation ids, or no such exchange).
    """

    members: pa.Table
    exchanges: ir.Table
    low: int
    high: int
    unusual: float
    follow_up: float | None


def style(exchanges: ir.Table) -> ir.IntegerValue:
    """The style of each exchange as one number: its capability class, and the lengths of prompt (words) and
    answer (tokens), both rounded down to powers of two. A null length counts as 0.
    """

    def doublings(count: ir.Value) -> ir.IntegerValue:
        """Rounded-down log2(1 + count), 0 for null."""
        return ((count.fill_null(0).cast("float64").clip(0) + 1).ln() / LN2).floor().cast("int64")

    kind = exchanges.capability.cast("int64")
    return (kind * MOST_DOUBLINGS + doublings(exchanges.words)) * MOST_DOUBLINGS + doublings(
        exchanges.output_tokens
    )


def background(sightings: ir.Table, units: tuple[Indicator, ...]) -> ir.Table:
    """Kind × value: number of exchanges of the whole log that show it (`all`), for the weighed kinds that
    have one value per exchange.
    """
    names = [unit.card.name for unit in _weighed(units)]
    counted = sightings.filter(_.kind.isin(names)).group_by(["kind", "value"])
    return counted.agg(all=_.exchanges.sum())


def _weighed(units: tuple[Indicator, ...]) -> list[Indicator]:
    """The indicators with one value per exchange that have a log ratio here."""
    return [u for u in units if u.is_timed and not u.is_list and not u.proposes_only]


def _listed(units: tuple[Indicator, ...]) -> list[Indicator]:
    """The indicators with a list of values per exchange, such as phrases, that have log ratios here."""
    return [u for u in units if u.is_timed and u.is_list and not u.proposes_only]


def _values(exchanges: ir.Table, units: Sequence[Indicator], *columns: str | ir.Value) -> ir.Table:
    """One row for each value of each exchange in the lists of `units`, with these columns of the exchange.
    Digests of different columns have different keys, so that values of several units do not meet.
    """
    parts = [exchanges.select(*columns, value=unit.value(exchanges).unnest()) for unit in units]
    return parts[0] if len(parts) == 1 else ibis.union(*parts)


def _read(units: tuple[Indicator, ...]) -> list[str]:
    """Columns of an exchange from which the values of the weighed kinds are made; `half`, which is not used,
    where there are no such kinds.
    """
    return columns_of(_weighed(units)) or ["half"]


def _log_ratio(inside: int, total: int) -> ir.Value:
    """Natural-log ratio of a value's frequency in the `inside` exchanges to that in the others, with 1/2
    added.
    """
    return ((_.within + 0.5) / (inside + 1.0)).ln() - (
        (ibis.greatest(_.all - _.within, 0) + 0.5) / (total - inside + 1.0)
    ).ln()


def _ratios(
    mine: ir.Table, known: ir.Table, units: tuple[Indicator, ...], inside: int, total: int, keep: Keep
) -> ir.Table:
    """Kind × value: log-likelihood ratio of the campaign against all other exchanges, clipped.

    `mine` are the `inside` exchanges of `total` that are taken to be the campaign's; `known` is the result of
    `background`. A value that no exchange of the campaign shows has the ratio of a count of 0. A positive
    ratio becomes 0 where only one or two accounts of the campaign show the value.
    """
    together = mine.group_by(["account_key", *_read(units)]).agg(n=_.count())
    together = keep("together", together)
    parts = []
    for unit in _weighed(units):
        shown = together.select("n", value=unit.value(together), who=together.account_key % ACCOUNT_CODES)
        grouped = shown.filter(_.value.notnull()).group_by("value")
        counted = grouped.agg(within=_.n.sum(), several=_three(shown.who))
        parts.append(counted.mutate(kind=ibis.literal(unit.card.name)))
    if not parts:
        return known.select("kind", "value", ratio=ibis.literal(0.0))
    within = ibis.union(*(part.select("kind", "value", "within", "several") for part in parts))
    both = known.left_join(within, ["kind", "value"]).select(
        "kind", "value", "all", within=_.within.fill_null(0), several=_.several.fill_null(False)
    )
    rows = both.mutate(raw=_log_ratio(inside, total))
    return rows.select(
        "kind",
        "value",
        ratio=ibis.cases(
            ((rows.raw > 0) & ~rows.several, 0.0), else_=rows.raw.clip(SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO)
        ),
    )


def _three(who: ir.IntegerColumn) -> ir.BooleanScalar:
    """Whether a group has at least three different codes: whether a code lies strictly between the least and
    the greatest. Computed from sums only, which engines add up cheaply.
    """
    low, high = who.min(), who.max()
    return (low + high) * who.sum() - (who * who).sum() - who.count() * low * high > 0


def _phrases(
    likely: ir.Table,
    exchanges: ir.Table,
    listed: Sequence[Indicator],
    known: ir.Table | None,
    inside: int,
    total: int,
    keep: Keep,
) -> tuple[ir.Table, ir.Table]:
    """Phrase: log-likelihood ratio, for the phrases that are evidence for the campaign; and updated `known`.
    Phrases are the values of the indicators `listed`.

    `likely` are the `inside` exchanges of `total` that are taken to be the campaign's. With more than
    `MOST_TEACHING_EXCHANGES` exchanges, a fixed sample of one in 2^k is used. `known` caches the number of
    all exchanges with a phrase, so that each phrase is counted once over the rounds.
    """
    fewer = halvings(total, MOST_TEACHING_EXCHANGES)
    taught = thin(exchanges, fewer, "exchange_key")
    mine = taught.semi_join(likely, "exchange_key")
    said = _values(mine, listed, (mine.account_key % ACCOUNT_CODES).name("who"))
    shared = said.group_by("value").agg(within=_.count(), several=_three(said.who)).filter(_.several)
    shared = keep("shared", shared)
    new = shared if known is None else shared.anti_join(known, "value")
    everywhere = _values(taught, listed).semi_join(new, "value")
    more = everywhere.group_by("value").agg(all=_.count())
    known = keep("known", more if known is None else known.union(more))
    both = shared.join(known, "value")
    if fewer:
        some = thin(likely, fewer, "exchange_key")
        inside, total = (int(rows.count().to_pyarrow().as_py()) for rows in (some, taught))
    ratios = both.select(
        "value", ratio=_log_ratio(inside, total).clip(SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO)
    ).filter(_.ratio > LEAST_SPEAKING_LOG_RATIO)
    return keep("phrases", ratios), known


def exchange_scores(
    exchanges: ir.Table,
    combined: ir.Table,
    units: tuple[Indicator, ...],
    ratios: ir.Table,
    phrases: ir.Table | None,
    styles: ir.Table,
    likely: ir.Table,
    inside: int,
    total: int,
    keep: Keep,
) -> ir.Table:
    """Exchange: log-likelihood ratio summed over kinds (`score`), and the part of it from `content`.

    Of an exchange's phrases only the one with the highest ratio counts; an exchange without a phrase of
    `phrases` gets the ratio of that absence.

    Args:
        exchanges: Exchanges to score; they must include every exchange with a phrase of `phrases`.
        combined: The distinct combinations of the columns `_read(units)` in the log.
        units: The indicators in use.
        ratios: Result of `_ratios`.
        phrases: Ratios of phrases; None where phrases are not used.
        styles: Ratios of styles.
        likely: Keys of the exchanges taken to be the campaign's.
        inside: Their number.
        total: Number of exchanges in the log.
        keep: Stores an intermediate table under a name.

    Returns:
        Columns `exchange_key`, `account_id`, `score` and `content`.
    """
    weighed = keep("weighed", _weighed_values(combined, units, ratios))
    scored = _with_values(exchanges, weighed, _read(units), styles)
    if phrases is not None:
        scored = _with_phrases(scored, exchanges, units, phrases, likely, inside, total, keep)
    return scored.select(
        "exchange_key",
        "account_id",
        score=_.content + (_.source * TEMPER).clip(-LARGEST_SOURCE_SCORE, LARGEST_SOURCE_SCORE),
        content=_.content,
    )


def _weighed_values(combined: ir.Table, units: tuple[Indicator, ...], ratios: ir.Table) -> ir.Table:
    """The combinations of values, with the summed ratios of the kinds of content (`content`) and of the
    others (`source`). The columns of `combined` are returned with the prefix `of_`.
    """
    weighed = combined
    for unit in _weighed(units):
        name = f"for_{unit.card.name}"
        part = ratios.filter(_.kind == unit.card.name).select(value=_.value, **{name: _.ratio})
        weighed = weighed.left_join(part, [(unit.value(weighed), part.value)]).drop("value")
        weighed = weighed.mutate(**{name: weighed[name].fill_null(0.0)})
    of_content, of_source = (
        [weighed[f"for_{unit.card.name}"] for unit in _weighed(units) if unit.is_content == is_content]
        for is_content in (True, False)
    )
    content, source = (sum(ratios, ibis.literal(0.0)) for ratios in (of_content, of_source))
    return weighed.select(**{f"of_{c}": weighed[c] for c in _read(units)}, content=content, source=source)


def _with_values(exchanges: ir.Table, weighed: ir.Table, read: Sequence[str], styles: ir.Table) -> ir.Table:
    """The exchanges with `source`, and with `content` to which the ratio of their style is added."""
    shown = exchanges.select("exchange_key", "account_id", *read, is_style=style(exchanges))
    alike = [shown[c].identical_to(weighed[f"of_{c}"]) for c in read]
    scored = shown.inner_join(weighed, alike).drop(*read, *(f"of_{c}" for c in read))
    part = styles.select(of_style=_.value, for_style=_.ratio)
    scored = scored.left_join(part, [("is_style", "of_style")]).drop("is_style", "of_style")
    content = scored.content + scored.for_style.fill_null(0.0)
    return scored.select("exchange_key", "account_id", "source", content=content)


def _with_phrases(
    scored: ir.Table,
    exchanges: ir.Table,
    units: tuple[Indicator, ...],
    phrases: ir.Table,
    likely: ir.Table,
    inside: int,
    total: int,
    keep: Keep,
) -> ir.Table:
    """`scored` with the highest ratio of each exchange's phrases added to `content`, or the ratio of having
    no phrase of `phrases`. Arguments as of `exchange_scores`.
    """
    hits = _values(exchanges, _listed(units), "exchange_key").join(phrases, "value")
    best = keep("best", hits.group_by("exchange_key").agg(found=_.ratio.max()))
    every = int(best.count().to_pyarrow().as_py())
    within = int(best.semi_join(likely, "exchange_key").count().to_pyarrow().as_py())
    none = np.log((inside - within + 0.5) / (inside + 1.0)) - np.log(
        (total - inside - (every - within) + 0.5) / (total - inside + 1.0)
    )
    part = best.select(found_key=_.exchange_key, found=_.found)
    scored = scored.left_join(part, [("exchange_key", "found_key")])
    return scored.mutate(
        content=_.content + _.found.fill_null(float(np.clip(none, SMALLEST_LOG_RATIO, LARGEST_LOG_RATIO)))
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traffic:
    """Tables of the log that every round of one attribution reads.

    `counts` has the exchanges of each account, `total` is their sum, `combined` the distinct combinations of
    the columns `_read(units)`, `styled` the exchanges by account and style, and `mix` is `styled` as Arrow.
    Other fields are the arguments of `attribute`.
    """

    exchanges: ir.Table
    sightings: ir.Table
    known: ir.Table
    units: tuple[Indicator, ...]
    keep: Keep
    counts: ir.Table
    total: int
    combined: ir.Table
    styled: ir.Table
    mix: pa.Table

    @classmethod
    def of(
        cls,
        exchanges: ir.Table,
        sightings: ir.Table,
        known: ir.Table,
        units: tuple[Indicator, ...],
        keep: Keep,
    ) -> _Traffic:
        """The tables of one attribution, stored in the engine with `keep`."""
        counts = keep("counts", exchanges.group_by("account_id").agg(exchanges=_.count()))
        styled = exchanges.group_by("account_id", value=style(exchanges)).agg(exchanges=_.count())
        styled = keep("styled", styled)
        return cls(
            exchanges=exchanges,
            sightings=sightings,
            known=known,
            units=units,
            keep=keep,
            counts=counts,
            total=int(counts.exchanges.sum().to_pyarrow().as_py()),
            combined=keep("combined", exchanges.select(*_read(units)).distinct()),
            styled=styled,
            mix=styled.order_by(["account_id", "value"]).to_pyarrow(),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Estimate:
    """The state of an attribution after a round.

    * `names`, `members`, `unsure`: the members, as names and with their probability, and the number of hits
      of other accounts beyond the usual share.
    * `over`, `styles`: excess of the members' styles over ordinary use, and the ratios of styles.
    * `likely`: keys of the exchanges that are taken to be the campaign's; `rows`: the members' exchanges with
      their log odds.
    * `phrases`: number of all exchanges with each phrase that was counted so far; None for none.
    """

    names: frozenset[str]
    members: pa.Table
    unsure: float
    over: Excess
    styles: ir.Table
    likely: ir.Table
    rows: ir.Table
    phrases: ir.Table | None = None


def attribute(
    seeds: ir.Table,
    exchanges: ir.Table,
    sightings: ir.Table,
    known: ir.Table,
    units: tuple[Indicator, ...],
    keep: Keep,
    usual: float | None,
    pooled: bool,
) -> Attribution:
    """Members and exchanges of the campaign whose evidence is about the accounts `seeds`.

    Members' exchanges are split by style only where the accounts are not `pooled` and the exchanges that
    differ from ordinary use are no conversation. There are no members where fewer than a share
    `SHARE_OF_PROPOSED_KEPT` of `seeds` are members: the evidence is about the seeds and not about others.

    Args:
        seeds: Accounts of the candidate, as rows of `account_id`.
        exchanges: All exchanges of the log.
        sightings: `Summaries.sightings`, by which the accounts to be scored are chosen: those that show a
            value in favour of the campaign.
        known: Result of `background`.
        units: The indicators in use.
        keep: Stores an intermediate table under a name.
        usual: Share of exchanges that continue a conversation where people converse; None without
            conversation ids.
        pooled: Whether conversations pass between the accounts, so that all of their traffic is the pool's.
    """
    traffic = _Traffic.of(exchanges, sightings, known, units, keep)
    proposed = frozenset(seeds.to_pyarrow().column("account_id").to_pylist())
    mine = exchanges.semi_join(seeds, "account_id")
    over = excess(traffic.mix, proposed)
    follow_up = _follow_up(mine, over, keep) if usual else None
    apart = not pooled and (follow_up is None or usual is None or follow_up < CONVERSATION_SHARE * usual)
    now = _beginning(traffic, mine, proposed, replace(over, apart=apart))
    for turn in range(ROUNDS):
        now = _round(traffic, now, proposed, last=turn == ROUNDS - 1)
        if not now.names:
            return Attribution(
                members=now.members, exchanges=exchanges.limit(0), low=0, high=0, unusual=0.0, follow_up=None
            )
    return _attribution(traffic, now, follow_up)


def _beginning(traffic: _Traffic, mine: ir.Table, proposed: frozenset[str], over: Excess) -> _Estimate:
    """The estimate before the first round, from the exchanges `mine` of the proposed accounts."""
    styles = traffic.keep("styles", _ratio_table(over))
    likely = traffic.keep("likely", _first(mine, styles, over))
    return _Estimate(
        names=proposed,
        members=_no_members(),
        unsure=0.0,
        over=over,
        styles=styles,
        likely=likely,
        rows=likely,
    )


def _round(traffic: _Traffic, before: _Estimate, proposed: frozenset[str], *, last: bool) -> _Estimate:
    """The next estimate: ratios of values from the likely exchanges, scores from the ratios, members from the
    scores, and the members' likely exchanges. Without members, `likely` and `rows` are those of `before`.
    """
    keep = traffic.keep
    inside = int(before.likely.count().to_pyarrow().as_py())
    prior = float(np.log((inside + 1.0) / (traffic.total - inside + 1.0)))
    scores, counted = _scores(traffic, before, inside, prior)
    hits = scores.group_by("account_id").agg(hits=(_.score + prior > 0).sum())
    per_account = traffic.counts.left_join(hits, "account_id").select(
        "account_id", "exchanges", hits=_.hits.fill_null(0)
    )
    members, unsure = _members(per_account.order_by("account_id").to_pyarrow(), before.names, last=last)
    names = frozenset(members.column("account_id").to_pylist())
    if last and not carries(names, proposed):
        members, names = _no_members(), frozenset()
    after = replace(before, names=names, members=members, unsure=unsure, phrases=counted)
    if not names:
        return after
    over = replace(excess(traffic.mix, names), apart=before.over.apart)
    styles = keep("styles", _ratio_table(over))
    belonging = keep("belonging", members.select(["account_id"]))
    own = over.prior if over.tells else LOG_ODDS_OF_MEMBERS_EXCHANGE
    rows = keep("rows", scores.semi_join(belonging, "account_id").mutate(odds=own + _.content))
    likely = keep("likely", rows.filter(_.odds > 0).select("exchange_key"))
    return replace(after, over=over, styles=styles, rows=rows, likely=likely)


def _scores(
    traffic: _Traffic, before: _Estimate, inside: int, prior: float
) -> tuple[ir.Table, ir.Table | None]:
    """Scores (`exchange_scores`) of the accounts that show a value of content, or a style, in favour of the
    campaign, and of the members; and the updated counts of phrases.

    `inside` is the number of likely exchanges, `prior` the log odds that any exchange is the campaign's.
    """
    keep, exchanges, units, total = traffic.keep, traffic.exchanges, traffic.units, traffic.total
    mine = exchanges.semi_join(before.likely, "exchange_key")
    ratios = keep("ratios", _ratios(mine, traffic.known, units, inside, total, keep))
    content = [unit.card.name for unit in units if unit.is_content]
    telling = ratios.filter((_.ratio > LEAST_SPEAKING_LOG_RATIO) & _.kind.isin(content)).select(
        "kind", "value"
    )
    phrases, counted, listed = None, before.phrases, _listed(units)
    if listed:
        phrases, counted = _phrases(before.likely, exchanges, listed, counted, inside, total, keep)
        for unit in listed:
            phrase_kind = phrases.select(kind=ibis.literal(unit.card.name), value=_.value.cast("string"))
            telling = telling.union(phrase_kind)
    near = traffic.sightings.semi_join(telling, ["kind", "value"]).select("account_id").distinct()
    fits = traffic.styled.semi_join(before.styles.filter(_.ratio + prior > 0), "value")
    alike = fits.group_by("account_id").agg(fits=_.exchanges.sum()).join(traffic.counts, "account_id")
    alike = alike.filter(_.fits > SHARE_IN_STYLE * _.exchanges).select("account_id")
    near = keep(
        "near", ibis.union(near, alike, keep("names", table_of_accounts(before.names)), distinct=True)
    )
    some = exchanges.semi_join(near, "account_id").view()
    scores = exchange_scores(
        some, traffic.combined, units, ratios, phrases, before.styles, before.likely, inside, total, keep
    )
    return keep("scores", scores), counted


def _attribution(traffic: _Traffic, last: _Estimate, follow_up: float | None) -> Attribution:
    """The attribution of the last estimate, with the interval of its number of exchanges."""
    chance = 1.0 / (1.0 + (-TEMPER * _.odds).exp())
    counted = last.rows.group_by("account_id").agg(
        attributed=(_.odds > 0).sum(),
        wrong=ibis.ifelse(_.odds > 0, 1.0 - chance, 0.0).sum(),
        missed=ibis.ifelse(_.odds > 0, 0.0, chance).sum(),
    )
    table = last.members.join(counted.to_pyarrow(), "account_id")
    table = table.filter(pc.greater(table.column("attributed"), 0)).sort_by("account_id")
    wrong, missed = (float(pc.sum(table.column(n)).as_py() or 0) for n in ("wrong", "missed"))
    number = int(pc.sum(table.column("attributed")).as_py() or 0)
    stranger = 1.0 - table.column("score").to_numpy()
    each = table.column("attributed").to_numpy()
    wrong += float(stranger @ each)
    spread = float((stranger * (1 - stranger)) @ each.astype(float) ** 2)
    final = traffic.exchanges.select(
        "exchange_key",
        "exchange_id",
        "account_id",
        "timestamp",
        "capability",
        "input_tokens",
        "output_tokens",
        "text_key",
        "words",
    )
    below = DEVIATIONS_OF_90_PERCENT * np.sqrt(wrong + spread)
    above = DEVIATIONS_OF_90_PERCENT * np.sqrt(missed + last.unsure)
    return Attribution(
        members=table.select(["account_id", "score", "attributed"]).rename_columns(
            ["account_id", "score", "exchanges"]
        ),
        exchanges=traffic.keep("final", final.semi_join(last.likely, "exchange_key").drop("exchange_key")),
        low=max(0, int(number - wrong - below)),
        high=int(np.ceil(number + missed + last.unsure + above)),
        unusual=last.over.unusual,
        follow_up=follow_up,
    )


def carries(members: Set[A], proposed: Set[A]) -> bool:
    """Whether at least a share `SHARE_OF_PROPOSED_KEPT` of `proposed` are in `members`.

    Otherwise the attribution has moved to a few busy accounts, for which alone there is no evidence.
    """
    return len(members & proposed) >= SHARE_OF_PROPOSED_KEPT * len(proposed)


def _follow_up(mine: ir.Table, over: Excess, keep: Keep) -> float | None:
    """Share of the exchanges with a style beyond ordinary use that continue a conversation; None where there
    is no such exchange.
    """
    strange = pa.array([v for v, is_so in zip(over.styles, over.strange, strict=True) if is_so], pa.int64())
    strange_styles = keep("strange", pa.table({"value": strange}))
    shown = mine.select(
        "account_key", "conversation_key", "timestamp", "exchange_key", value=style(mine)
    ).view()
    order = ibis.window(group_by=["account_key", "conversation_key"], order_by=["timestamp", "exchange_key"])
    turns = shown.filter(_.conversation_key != 0).mutate(turn=ibis.row_number().over(order))
    every = shown.semi_join(strange_styles, "value").count().to_pyarrow().as_py()
    on = turns.filter(_.turn > 0).semi_join(strange_styles, "value").count().to_pyarrow().as_py()
    return float(on) / every if every else None


def _first(mine: ir.Table, styles: ir.Table, over: Excess) -> ir.Table:
    """Keys of the exchanges with which the estimation begins: those of `mine` whose style is in excess of
    ordinary use, or all of them where styles do not separate exchanges (`Excess.tells`).
    """
    if not over.tells:
        return mine.select("exchange_key")
    shown = mine.mutate(value=style(mine)).select("exchange_key", "value")
    return shown.join(styles.filter(_.ratio + over.prior > 0), "value").select("exchange_key")


def _ratio_table(over: Excess) -> pa.Table:
    """Style: log-likelihood ratio; no row where styles do not separate exchanges (`Excess.tells`)."""
    some = over.styles if over.tells else ()
    ratios = over.ratios if over.tells else np.zeros(0)
    return pa.table({"value": pa.array(some, pa.int64()), "ratio": pa.array(ratios, pa.float64())})


def table_of_accounts(accounts: Set[str]) -> pa.Table:
    """The accounts as a sorted table with one column `account_id`."""
    return pa.table({"account_id": pa.array(sorted(accounts), pa.string())})


def _no_members() -> pa.Table:
    """A table of members without rows."""
    return pa.table(
        {
            "account_id": pa.array([], pa.string()),
            "score": pa.array([], pa.float64()),
            "exchanges": pa.array([], pa.int64()),
        }
    )


def _members(table: pa.Table, seeds: Set[str], *, last: bool) -> tuple[pa.Table, float]:
    """Members with their probability (`account_id`, `score`), and the number of hits of other accounts beyond
    the usual share.

    `table` has `account_id`, `exchanges` and `hits` (campaign-like exchanges). In the last round the members
    are the most probable accounts such that the expected share of non-members is at most `FALSE_MEMBERS`,
    both of accounts and of hits; where no set fulfils that, they are the probable accounts among `seeds`. In
    earlier rounds each account is a member by its own probability.
    """
    names = table.column("account_id").to_pylist()
    hits = table.column("hits").to_numpy().astype(float)
    counts = table.column("exchanges").to_numpy().astype(float)
    seeded = np.array([name in seeds for name in names], bool)
    score = membership(hits, counts, seeded)
    enough = (score >= np.where(seeded | last, LEAST_SCORE_OF_PROPOSED, LEAST_SCORE_OF_OTHERS)) & (
        hits >= np.where(seeded, 1, FEWEST_HITS)
    )
    chosen = np.flatnonzero(enough)
    if last:
        chosen = chosen[np.argsort(-score[chosen], kind="stable")]
        stranger, theirs = 1.0 - score[chosen], hits[chosen]
        accounts = np.cumsum(stranger) / np.arange(1, len(chosen) + 1)
        exchanges = np.cumsum(stranger * theirs) / np.cumsum(theirs)
        sure = chosen[(accounts <= FALSE_MEMBERS) & (exchanges <= FALSE_MEMBERS)]
        # The group as a whole has evidence, so it keeps members even where no account is certain by itself,
        # as in its first hours.
        chosen = np.sort(sure if len(sure) else chosen[seeded[chosen]])
    left = np.ones(len(names), bool)
    left[chosen] = False
    rows = {"account_id": pa.array([names[i] for i in chosen], pa.string()), "score": pa.array(score[chosen])}
    usual = (
        np.quantile(hits[left] / np.maximum(counts[left], 1.0), QUANTILE_OF_USUAL_HITS) if left.any() else 1.0
    )
    return pa.table(rows), float(np.maximum(hits[left] - usual * counts[left], 0.0).sum())


def membership(hits: Floats, counts: Floats, seeded: Bools) -> Floats:
    """Probability of membership of each account, from its campaign-like exchanges.

    A mixture of three laws: members and non-members, each beta-binomial and fitted by moments in turn
    (expectation-maximisation with hard assignment), and accounts of neither kind, with a uniform share of
    hits and prior odds `PRIOR_OF_NEITHER`. The fit leaves out `TRIMMED_TAIL` of members at either end and the
    highest `TRIMMED_OUTSIDE` of non-members. A non-proposed account with at least `BEGINNING_SHARE_OF_HITS`
    of the proposal's median share of hits begins on neither side, so that unproposed members do not make the
    non-members' law too wide. The prior of membership is the share of members, plus `LOG_ODDS_OF_PROPOSED` in
    log odds for a proposed account.

    Args:
        hits: Number of campaign-like exchanges per account.
        counts: Number of all exchanges per account.
        seeded: Whether the account was proposed.
    """
    share = hits / np.maximum(counts, 1.0)
    like = share >= BEGINNING_SHARE_OF_HITS * np.median(share[seeded]) if seeded.any() else seeded
    inside, outside = seeded.copy(), ~seeded & ~(like & (hits > 1))
    score = seeded.astype(float)
    for _turn in range(EM_TURNS):
        low, high = (
            np.quantile(share[inside], (TRIMMED_TAIL, 1 - TRIMMED_TAIL)) if inside.any() else (0.0, 1.0)
        )
        core = inside & (share >= low) & (share <= high)
        within = log_beta_binomial(hits, counts, *moments(hits[core], counts[core]))
        within += np.log((inside.sum() + 1.0) / len(hits)) + np.where(seeded, LOG_ODDS_OF_PROPOSED, 0.0)
        most = np.quantile(share[outside], 1 - TRIMMED_OUTSIDE) if outside.any() else 1.0
        usual = outside & (share <= most)
        beyond = log_beta_binomial(hits, counts, *moments(hits[usual], counts[usual]))
        beyond += np.log((outside.sum() + 1.0) / len(hits))
        neither = log_beta_binomial(hits, counts, 1.0, 1.0) + np.log(PRIOR_OF_NEITHER)
        score = np.exp(np.minimum(within - np.logaddexp(within, np.logaddexp(beyond, neither)), 0.0))
        inside = (score >= np.where(seeded, LEAST_SCORE_OF_PROPOSED, LEAST_SCORE_OF_OTHERS)) & (
            seeded | (hits >= FEWEST_HITS)
        )
        outside = ~inside
    return score
