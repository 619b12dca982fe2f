"""The flow `scan`: from a folder of logs to a results folder."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal

import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
from ibis import _

from stillwatch import __version__
from stillwatch.contract import results as contract
from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.summaries import Summaries
from stillwatch.detect.attribute import Attribution, attribute, background, carries, table_of_accounts
from stillwatch.detect.bank import leave_one_out
from stillwatch.detect.cluster import Cluster, communities
from stillwatch.detect.decide import consistent, core, decide
from stillwatch.detect.fold import copies, once
from stillwatch.detect.judge import Bench, Judged, Outcomes, judge
from stillwatch.detect.matched import synthetic_rate
from stillwatch.detect.propose import Candidate
from stillwatch.detect.refine import contacts, refine
from stillwatch.detect.replay import Followed, Judgement, Look, Replay, judge_prefix
from stillwatch.detect.shards import sharded
from stillwatch.engine.connect import Engine, open_engine, temporary
from stillwatch.enrich.networks import from_files
from stillwatch.errors import InputError, Problem, UsageError, unknown
from stillwatch.flows.campaign_tables import CampaignRecord, describe_campaign, utc, write_tables
from stillwatch.flows.excused import Excused
from stillwatch.flows.groups import find_leads, nights, write_groups
from stillwatch.flows.ingest import beside, beside_folder, check_sketches, ingest, key_of, too_little
from stillwatch.flows.peers import COLUMN as PEER_MATCH
from stillwatch.flows.peers import flagged
from stillwatch.flows.profile import Profile
from stillwatch.flows.remembered import remember
from stillwatch.flows.shortfall import one_account
from stillwatch.flows.summarise import LogTables, Prefixes, add_up, open_log, shareable
from stillwatch.flows.texts import write_prompts
from stillwatch.foreign import described
from stillwatch.memory.labels import in_force
from stillwatch.progress import Progress, silent
from stillwatch.readers.discover import Sources, discover
from stillwatch.readers.limits import LIMITS, Limits
from stillwatch.readers.losses import OTHERS, quarantined
from stillwatch.readers.read import check, read_small
from stillwatch.report import page
from stillwatch.results.folder import whole_or_nothing, write_json, write_manifest, write_table
from stillwatch.signals.registry import (
    CONTROL,
    Card,
    Explanation,
    GroupTest,
    Indicator,
    all_explanations,
    all_group_tests,
    all_indicators,
)
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import Key
from stillwatch.sketch.observe import sealed
from stillwatch.store.store import Store

COMPANIONS = (ACCOUNTS, RELEASES)  # schemas of the tables that may stand beside the logs
LARGE_LOG_BYTES = 300 << 20  # size above which a log counts as large
MEMORY_OF_SMALL_LOG_MB = 1500  # memory limit of the database for other logs
MEMORY_OF_LARGE_LOG_MB = 4000  # the same for large logs
ASIDE = 20  # unknown field names that the overview lists, at most, for each file
# Quantile of a campaign's exchange times that counts as its start; single earlier exchanges are ignored.
BEGUN = 0.002
POOLED = 3.0  # natural log e-value of `handoff` above which accounts are taken to share conversations
FEWEST_TALKING = 0.05  # smallest share of accounts with follow-ups for which a usual share is given


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a scan; most are written to the manifest.

    `names` maps columns of the contract to the log's own names. Defaults are those of `stillwatch scan`.
    """

    names: Mapping[str, str]
    accounts: Path | None = None
    releases: Path | None = None
    fdr: float = 0.01
    seed: int = 0
    memory: str = "auto"
    show_prompts: bool = False
    without: frozenset[str] = frozenset()
    log_format: str = "auto"
    networks: tuple[str, ...] = ()  # lists of networks, each FILE or CLASS=FILE
    engine: str = "duckdb"
    spark_master: str = "local[*]"
    shards: int = 1  # number of shards in which the graph is clustered
    store: Path | None = None  # folder of the store; None: a temporary one, deleted after the scan
    limits: Limits = LIMITS  # largest sizes allowed when a file is read
    profile: bool = False  # whether the manifest has duration and memory of each stage
    with_peer: Path | None = None  # file of values in common with a peer
    replay: bool = True  # whether to compute the hour at which each campaign could have been detected
    labels: tuple[Path, ...] = ()  # folders whose labels count, besides those of the results folder
    named: bool = True  # whether campaigns keep names over scans into one folder; False in a watch


def scan(paths: Sequence[str], out: Path, options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Find the campaigns in the logs at `paths` and write the results folder `out`; returns its overview.

    Raises `InputError` where no log can be read or an input breaks the contract, `StateError` where `out` is
    neither empty nor a results folder, and `UsageError` for an unknown name in `options.without`.
    """
    began = time.monotonic()
    progress = Profile(progress)
    _check_names(options.without)
    from_files(options.networks)
    sources = _sources(paths, options)
    sources, companions, lost = _companions(sources, options)
    with (
        whole_or_nothing(out) as folder,
        _opened(sources, out, options) as (store, key),
        _engine(sources, store, options) as engine,
    ):
        known = _read(sources, store, key, engine, companions, options, progress)
        if options.with_peer is not None:
            known[0] = flagged(engine, store, known[0], options.with_peer)
        short = too_little(sources, store, options.limits)
        aside = sealed(pa.concat_tables([*lost, _unread_rows(sources)]), key)
        quarantine = pa.concat_tables([*store.quarantined(), aside])
        excused = Excused.of(in_force([out, *options.labels]))
        overview, found, groups = _find(engine, store, known, options, progress, excused)
        progress("write", 0, 1)
        write_tables(folder, found, engine)
        groups(folder)
        overview["labels"] = remember(
            folder, out, options.labels, overview["last_seen"] if options.named else None
        )
        if options.show_prompts:
            write_prompts(folder, sources, options.names, options.limits)
        write_table(folder, contract.QUARANTINE, quarantine)
        overview |= {
            "version": __version__,
            "quarantined": contract.quarantined_rows(quarantine),
            "quarantine_reasons": _reasons(quarantine),
            "unread": _unread(quarantine),
            "short": [asdict(problem) for problem in short],
            "warnings": [
                asdict(problem)
                for problem in one_account(
                    sources, overview["accounts"], overview["exchanges"], options.limits
                )
            ],
            "nulled": _nulled(store),
            "duplicates": store.rows - overview["exchanges"],
            "inputs": _inputs(sources, store),
            "fdr": options.fdr,
            "seed": options.seed,
            "elapsed_s": round(time.monotonic() - began, 1),
        }
        write_json(folder, "overview.json", overview)
        page.write(folder)
        inputs = [*sources.exchanges, *(p for p in (sources.accounts, sources.releases) if p is not None)]
        counted = {name: overview[name] for name in ("exchanges", "accounts", "candidates", "quarantined")}
        counted["campaigns"] = len(found)
        profile = progress.measured(counted) if options.profile else None
        write_manifest(folder, inputs, _parameters(options), options.seed, profile)
        progress("write", 1, 1)
    return overview


def feed(paths: Sequence[str], options: Options, progress: Progress = silent) -> dict[str, Any]:
    """Read the logs at `paths` into the store `options.store` and summarise their days, without a judgement;
    returns counts of the store.

    Raises `UsageError` where the options name no store, and the errors of `scan`.
    """
    if options.store is None:
        raise UsageError(
            Problem(
                fact="a scan without judgement needs a store, and none is named",
                fix="stillwatch scan LOGS --no-judge --store KEPT",
            )
        )
    began = time.monotonic()
    from_files(options.networks)
    sources = _sources(paths, options)
    sources, companions, lost = _companions(sources, options)
    with (
        _opened(sources, options.store, options) as (store, key),
        _engine(sources, store, options) as engine,
    ):
        rows_before, before = store.rows, _exchanges(engine, store)
        _read(sources, store, key, engine, companions, options, progress)
        short = too_little(sources, store, options.limits)
        exchanges = 0
        if store.rows:
            added = add_up(engine, store, lambda done, total: progress("fold", done, total))
            exchanges = _number(added.once(added.observations))
        return {
            "version": __version__,
            "store": str(options.store),
            "exchanges": exchanges,
            "new_exchanges": max(exchanges - before, 0),
            "rows": store.rows,
            "new_rows": store.rows - rows_before,
            "days": len(store.days),
            "quarantined": sum(contract.quarantined_rows(table) for table in (*store.quarantined(), *lost)),
            "unread": _unread(pa.concat_tables([*store.quarantined(), *lost, _unread_rows(sources)])),
            "short": [asdict(problem) for problem in short],
            "elapsed_s": round(time.monotonic() - began, 1),
        }


def _exchanges(engine: Engine, store: Store) -> int:
    """Number of distinct exchanges in a store."""
    parts = [part for part in store.parts if part.rows]
    if not parts:
        return 0
    rows = engine.read_parts([store.path(part) for part in parts])
    several = engine.keep("several", copies(rows))
    return _number(rows.anti_join(several, "exchange_key")) + _number(once(rows, several))


def _number(rows: ir.Table) -> int:
    """Number of rows."""
    return int(rows.count().to_pyarrow().as_py())


def _sources(paths: Sequence[str], options: Options) -> Sources:
    """The log files and companion tables at `paths`, checked. Raises `InputError` where none can be read."""
    sources = discover(
        paths, accounts=options.accounts, releases=options.releases, names=options.names,
        log_format=options.log_format, limits=options.limits,
    )  # fmt: skip
    check_sketches(sources)
    return check(sources, options.names, options.limits)


def _engine(sources: Sources, store: Store, options: Options) -> AbstractContextManager[Engine]:
    """The engine of the options, with its memory limit and its folder for temporary files."""
    return open_engine(
        options.engine, memory=_memory(sources, options), scratch=store.scratch(), master=options.spark_master
    )


def _read(
    sources: Sources,
    store: Store,
    key: Key | None,
    engine: Engine,
    companions: Sequence[pa.Table],
    options: Options,
    progress: Progress,
) -> list[pa.Table]:
    """Read new log files into the store; returns the tables of all accounts and releases known to it."""
    ingest(
        sources,
        options.names,
        store,
        key,
        lambda done, total: progress("read", done, total),
        engine,
        from_files(options.networks),
        options.limits,
    )
    return [store.remember(schema, rows) for schema, rows in zip(COMPANIONS, companions, strict=True)]


@contextmanager
def _opened(sources: Sources, out: Path, options: Options) -> Iterator[tuple[Store, Key | None]]:
    """The store of the options, or a temporary one beside `out`, with the key of its digests."""
    key, name = key_of(sources, options.store or beside_folder(out))
    if options.store is not None:
        with Store(options.store, version=VERSION, key_id=name) as store:
            yield store, key
        return
    with beside(out, name, sources) as store:
        yield store, key


def _memory(sources: Sources, options: Options) -> str:
    """Memory limit of the database: that of the options, or else 1500 MB (4000 MB above `LARGE_LOG_BYTES`
    bytes of input), at most half of the machine's memory.
    """
    if options.memory != "auto":
        return options.memory
    files = list(sources.exchanges)
    if options.store is not None:
        files += options.store.glob("observations/*/*.parquet")
    megabytes = (
        MEMORY_OF_LARGE_LOG_MB
        if sum(file.stat().st_size for file in files) > LARGE_LOG_BYTES
        else MEMORY_OF_SMALL_LOG_MB
    )
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    return f"{min(megabytes, machine // 2)}MB"


def _inputs(sources: Sources, store: Store) -> list[dict[str, Any]]:
    """One dictionary for each file: rows, recognised format with the reason, and counts of unknown fields."""
    recognised = {str(file.resolve()): (str(file), sources.formats[file].why) for file in sources.exchanges}
    rows = []
    for one in store.files.values():
        path, why = recognised.get(one.path, (one.path, "read before"))
        pieces = store.pieces[one.id].values()
        aside: Counter[str] = Counter()
        for piece in pieces:
            aside.update(piece.aside)
        rows.append(
            {
                "path": path,
                "rows": sum(piece.rows for piece in pieces),
                "format": one.read_as.split(" ")[0],
                "why": why,
                "set_aside": _described(sorted(aside.items(), key=lambda p: (-p[1], p[0]))[:ASIDE]),
            }
        )
    return sorted(rows, key=lambda row: str(row["path"]))


def _described(fields: Sequence[tuple[str, int]]) -> dict[str, int]:
    """Counts of unknown fields, keyed by length and digest of the name, which may hold customers' text."""
    return {name if name == OTHERS else described(name): number for name, number in fields}


def _nulled(store: Store) -> dict[str, dict[str, int]]:
    """Number of unreadable cells that became null, by column and reason."""
    found: dict[str, Counter[str]] = {}
    for pieces in store.pieces.values():
        for piece in pieces.values():
            for column, reasons in piece.nulled.items():
                found.setdefault(column, Counter()).update(reasons)
    return {column: dict(reasons) for column, reasons in sorted(found.items())}


def _unread_rows(sources: Sources) -> pa.Table:
    """One quarantine row for each file that could not be read at all."""
    rows = [
        quarantined(str(file), 0, problems[0].fact, None) for file, problems in sorted(sources.unread.items())
    ]
    return pa.Table.from_pylist(rows, contract.QUARANTINE.arrow)


def _unread(quarantine: pa.Table) -> list[dict[str, str]]:
    """Path and reason, each pair once, of files that were not read or not read to the end."""
    found = {
        (row["file"], row["reason"])
        for row in quarantine.to_pylist()
        if row["row"] == 0 or "--limit" in row["reason"] or "cut short" in row["reason"]
    }
    return [{"path": path, "reason": reason} for path, reason in sorted(found)]


def _parameters(options: Options) -> dict[str, Any]:
    """The options that the manifest records."""
    return {
        "fdr": options.fdr,
        "map": dict(options.names),
        "accounts": str(options.accounts or ""),
        "releases": str(options.releases or ""),
        "memory": options.memory,
        "engine": options.engine,
        "shards": options.shards,
        "show_prompts": options.show_prompts,
        "without": sorted(options.without),
        "format": options.log_format,
        "networks": list(options.networks),
        "with_peer": str(options.with_peer or ""),
        "limits": asdict(options.limits),
        "labels": [str(folder) for folder in options.labels],
    }


def _check_names(without: frozenset[str]) -> None:
    """Raise `UsageError` for a name that is no signal or explanation."""
    known = {unit.card.name for unit in all_indicators()} | {test.card.name for test in all_group_tests()}
    known |= {one.card.name for one in all_explanations()}
    for name in sorted(without - known):
        raise unknown("signal or explanation", name, sorted(known), "stillwatch signals")


def _companions(
    sources: Sources, options: Options
) -> tuple[Sources, tuple[pa.Table, pa.Table], list[pa.Table]]:
    """Tables of accounts and releases, and their quarantined rows.

    A table that was found beside the logs and cannot be read is added to `unread`. Raises `InputError` where
    it was named in the options.
    """
    tables, lost, unread = [], [], dict(sources.unread)
    for file, schema, named in (
        (sources.accounts, ACCOUNTS, options.accounts),
        (sources.releases, RELEASES, options.releases),
    ):
        rows, bad = schema.empty(), contract.QUARANTINE.empty()
        if file is not None:
            try:
                rows, bad = read_small(file, schema, options.limits)
            except InputError as error:
                if named is not None:
                    raise
                unread[file] = error.problems
        tables.append(rows)
        lost.append(bad)
    return replace(sources, unread=unread), (tables[0], tables[1]), lost


def _reasons(quarantine: pa.Table) -> dict[str, int]:
    """Number of quarantined rows by reason."""
    counted = quarantine.group_by("reason").aggregate([("rows", "sum")])
    return dict(
        zip(counted.column("reason").to_pylist(), counted.column("rows_sum").to_pylist(), strict=True)
    )


def _find(
    engine: Engine,
    store: Store,
    known: Sequence[pa.Table],
    options: Options,
    progress: Progress,
    excused: Excused,
) -> tuple[dict[str, Any], list[CampaignRecord], Callable[[Path], None]]:
    """The overview, the campaigns, and a function that writes the tables of leads and explanations into a
    folder.
    """
    if store.rows == 0:
        return _nothing(), [], lambda folder: write_groups(folder, {}, [], None)
    accounts, releases = engine.load("accounts", known[0]), engine.load("releases", known[1])
    log = open_log(
        engine, store, accounts, releases, options.without,
        lambda done, total: progress("fold", done, total), excused,
    )  # fmt: skip
    units = _Units.of(options, store, engine)
    tried = _judge(engine, log, units, progress)
    chosen = _with_cores(decide(tried.judged, options.fdr), tried, options.fdr)
    progress("judge", 1, 1)
    total = _totals(log)
    usual = _usual_follow_up(log.summaries)
    drafts = _attribute(engine, log, chosen, tried, usual, progress)
    described = Outcomes()
    drafts, dropped = _judged_again(drafts, tried, options.fdr, described)
    looks = _looks(engine, log, units, tried, drafts, total["first"], options, progress)
    progress("describe", 0, 1)
    leads = find_leads(
        engine,
        log.exchanges,
        [*dropped, *tried.judged],
        tried.bench,
        [one for one, _attribution in drafts],
        options.fdr,
        described,
    )
    found = _described_campaigns(engine, log, drafts, looks, tried, total["accounts"], usual, options)
    overview = {
        **_looked_at(log, tried, total, options.without),
        "signals": _signals(log.used, log.skipped, units.tests, tried.outcomes, described),
        "campaigns": [
            {
                "campaign_id": one.name,
                "kind": one.explained.kind,
                "accounts": one.accounts,
                "exchanges": one.exchanges,
            }
            for one in found
        ],
        "leads": len(leads),
        "leave_one_out": leave_one_out(),
    }
    return (
        overview,
        found,
        partial(write_groups, campaigns={f.name: f.judged for f in found}, found=leads, bench=tried.bench),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Units:
    """What candidates are proposed and judged with: the group tests and explanations in use, and the
    clustering.
    """

    tests: tuple[GroupTest, ...]
    explanations: tuple[Explanation, ...]
    cluster: Cluster

    @classmethod
    def of(cls, options: Options, store: Store, engine: Engine) -> _Units:
        """All that `options.without` does not name; clustering in shards where more than one is wanted."""
        shards = options.shards
        return cls(
            tests=tuple(test for test in all_group_tests() if test.card.name not in options.without),
            explanations=tuple(one for one in all_explanations() if one.card.name not in options.without),
            cluster=sharded(shards, store.scratch(), engine.spread) if shards > 1 else communities,
        )


def _judge(engine: Engine, log: LogTables, units: _Units, progress: Progress) -> Judgement:
    """The candidates of the whole log, judged."""

    def run(expression: ir.Table) -> pa.Table:
        """The result of an expression, with a call of `progress` before it is computed."""
        progress("judge", 0, 1)  # a watch counts this as progress during a long judgement
        return engine.ask(expression)

    return judge_prefix(log.summaries, units.tests, units.explanations, run, cluster=units.cluster)


def _with_cores(
    chosen: Sequence[Judged], tried: Judgement, fdr: float
) -> list[tuple[Judged, frozenset[str]]]:
    """Each chosen candidate with its core accounts (`decide.core`), without the parts of the core that do not
    contribute to its evidence (`refine.refine`).
    """
    cores = []
    for one in chosen:
        agreed = Candidate(accounts=core(one, tried.judged, fdr), graph=one.candidate.graph)
        cores.append(refine(agreed, tried.bench, tried.links) if tried.bench else agreed.accounts)
    return list(zip(chosen, cores, strict=True))


def _totals(log: LogTables) -> dict[str, Any]:
    """Number of exchanges and accounts of a log, and the times of its first and last exchange."""
    counted = log.exchanges.agg(
        exchanges=_.count(),
        accounts=_.account_id.nunique(),
        first=_.timestamp.min(),
        last=_.timestamp.max(),
    )
    return dict(counted.to_pyarrow().to_pylist()[0])


def _looks(
    engine: Engine,
    log: LogTables,
    units: _Units,
    tried: Judgement,
    drafts: Sequence[tuple[Judged, Attribution]],
    begin: datetime,
    options: Options,
    progress: Progress,
) -> dict[str, list[Look]]:
    """For each campaign, by name, its judgements at earlier hours; empty lists where `options.replay` is
    False.
    """
    if not options.replay:
        return {f"C{number}": [] for number in range(1, len(drafts) + 1)}
    replay = Replay(
        until=Prefixes(engine, log.summaries).before,
        tests=[test for test in units.tests if test.family in CONTROL],
        explanations=units.explanations,
        run=engine.ask,
        begin=utc(begin),
        proposed=tried.proposed,
        fdr=options.fdr,
        cluster=units.cluster,
    )
    return replay.looks(_followed(drafts), lambda done, steps: progress("replay", done, steps))


def _described_campaigns(
    engine: Engine,
    log: LogTables,
    drafts: Sequence[tuple[Judged, Attribution]],
    looks: Mapping[str, list[Look]],
    tried: Judgement,
    accounts: int,
    usual: float | None,
    options: Options,
) -> list[CampaignRecord]:
    """The record of each campaign, for the results. `accounts` is the number of accounts in the log, `usual`
    the share of follow-ups that `_usual_follow_up` returns.
    """
    taken = frozenset[str]().union(*(_accounts(attribution) for _one, attribution in drafts))
    return [
        describe_campaign(
            number,
            engine,
            log.summaries,
            one,
            attribution,
            looks[f"C{number}"],
            accounts,
            usual,
            from_files(options.networks),
            None if tried.bench is None else nights(one, tried.bench),
            None if tried.bench is None else synthetic_rate(one, tried.bench, taken, options.seed),
        )
        for number, (one, attribution) in enumerate(drafts, 1)
    ]


def _looked_at(
    log: LogTables, tried: Judgement, total: Mapping[str, Any], without: frozenset[str]
) -> dict[str, Any]:
    """The part of the overview that says what was looked at."""
    return {
        "exchanges": total["exchanges"],
        "accounts": total["accounts"],
        "first_seen": utc(total["first"]).isoformat(),
        "last_seen": utc(total["last"]).isoformat(),
        "candidates": len(tried.judged),
        "compared": 0.5**log.thinned,
        "shareable": shareable(log),
        "missing_columns": sorted(
            {
                column
                for unit, _why in log.skipped
                if unit.card.name not in without
                for column in unit.card.columns
                if column != PEER_MATCH  # not a column of logs: computed for `with_peer`
            }
        ),
    }


def _nothing() -> dict[str, Any]:
    """The overview of a log without a row."""
    return {
        "exchanges": 0,
        "accounts": 0,
        "first_seen": None,
        "last_seen": None,
        "candidates": 0,
        "compared": 1.0,
        "shareable": [],
        "signals": [],
        "missing_columns": [],
        "campaigns": [],
        "leads": 0,
    }


def _signals(
    used: Sequence[Indicator],
    skipped: Sequence[tuple[Indicator, str]],
    tests: Sequence[GroupTest],
    judged: Outcomes,
    described: Outcomes,
) -> list[dict[str, Any]]:
    """One dictionary for each signal: whether it was used, and what it measures or why it was not used.

    Tests of control run on all candidates (`judged`), tests of likeness only on campaigns and possible leads
    (`described`).
    """

    def row(card: Card, kind: str, used: bool, why: str) -> dict[str, Any]:
        """One signal's dictionary."""
        return {"name": card.name, "kind": kind, "used": used, "why": why}

    rows = [row(unit.card, "indicator", True, unit.card.measures) for unit in used]
    rows += [row(unit.card, "indicator", False, why) for unit, why in skipped]
    for test in tests:
        control = test.family in CONTROL
        outcomes = judged if control else described
        found = outcomes.findings[test.card.name] > 0
        why = (
            test.card.measures if found else _no_finding(test, outcomes, "judged" if control else "described")
        )
        rows.append(row(test.card, "group test", found, why))
    return rows


def _no_finding(test: GroupTest, outcomes: Outcomes, done: Literal["judged", "described"]) -> str:
    """The most frequent reason why a test has no finding on any judged or described group, as text."""
    main = outcomes.main_reason(test.card.name)
    if main is None:
        return f"no group was {done}"
    reason, times = main
    groups = "1 group" if outcomes.groups == 1 else f"{outcomes.groups} groups"
    return f"of {groups} {done}, {times} {'time' if times == 1 else 'times'}: {reason}"


def _attribute(
    engine: Engine,
    log: LogTables,
    chosen: Sequence[tuple[Judged, frozenset[str]]],
    tried: Judgement,
    usual: float | None,
    progress: Progress,
) -> list[tuple[Judged, Attribution]]:
    """Members and exchanges of each campaign, largest first; an exchange belongs to one campaign only.

    A candidate is dropped where most of its core accounts are members of an earlier campaign: it is the same
    campaign, and the evidence does not cover the remaining accounts.
    """
    if not chosen:
        progress("attribute", 0, 1)
        return []
    drafts: list[tuple[Judged, Attribution]] = []
    taken: set[str] = set()
    sightings = engine.keep("sightings_by_digest", log.sightings)
    grow = partial(
        _attributed,
        engine,
        tried=tried,
        used=log.used,
        sightings=sightings,
        known=engine.keep("background", background(sightings, log.used)),
        usual=usual,
    )
    for number, (one, accounts) in enumerate(chosen):
        progress("attribute", number, len(chosen))
        left = accounts - taken
        if tried.bench is None or not carries(tried.bench.owners_of(left), tried.bench.owners_of(accounts)):
            continue
        free = log.exchanges
        if taken:
            others = engine.load(f"taken_{number}", table_of_accounts(taken))
            free = free.anti_join(others, "account_id").view()
        attribution = grow(number, one, frozenset(left), free, bench=tried.bench)
        if attribution is None:
            continue
        taken |= _accounts(attribution)
        drafts.append((one, attribution))
    progress("attribute", len(chosen), len(chosen))
    return sorted(
        drafts, key=lambda d: (-pc.sum(d[1].members.column("exchanges")).as_py(), sorted(d[0].accounts)[:1])
    )


def _attributed(
    engine: Engine,
    number: int,
    one: Judged,
    core_accounts: frozenset[str],
    free: ir.Table,
    *,
    tried: Judgement,
    bench: Bench,
    used: tuple[Indicator, ...],
    sightings: ir.Table,
    known: ir.Table,
    usual: float | None,
) -> Attribution | None:
    """Members and exchanges of one campaign, which is grown from its core among the exchanges `free`; None
    without a member.

    Where the first result has members that only resemble the campaign (`refine.contacts`), it is grown again
    without them. `sightings` and `known` are tables in the engine (`known` is `attribute.background`); the
    exchanges are kept there as `attributed_<number>`.
    """
    seeds = engine.load(f"seeds_{number}", table_of_accounts(core_accounts))
    handed = one.strongest_of("handoff")
    with temporary(engine) as keep:
        grow = partial(
            attribute,
            seeds,
            sightings=sightings,
            known=known,
            units=used,
            keep=keep,
            usual=usual,
            pooled=handed is not None and handed.log_e > POOLED,
        )
        attribution = grow(exchanges=free)
        strangers = contacts(_accounts(attribution), core_accounts, one.candidate.graph, bench, tried.links)
        if strangers:
            free = free.anti_join(keep("contacts", table_of_accounts(strangers)), "account_id").view()
            attribution = grow(exchanges=free)
        if attribution.members.num_rows == 0:
            return None
        own = engine.keep(f"attributed_{number}", attribution.exchanges)
        return replace(attribution, exchanges=own)


def _accounts(attribution: Attribution) -> frozenset[str]:
    """The members of an attribution."""
    return frozenset(attribution.members.column("account_id").to_pylist())


def _judged_again(
    drafts: Sequence[tuple[Judged, Attribution]], tried: Judgement, fdr: float, outcomes: Outcomes
) -> tuple[list[tuple[Judged, Attribution]], list[Judged]]:
    """Judge the attributed members of each campaign again under every explanation.

    Returns the campaigns that still pass at `fdr`, with the new judgement, and the judgements of the others.
    Results of all tests are added to `outcomes`.
    """
    if tried.bench is None or not drafts:
        return [], []
    members = [
        Candidate(
            accounts=_accounts(attribution),
            graph=one.candidate.graph,
        )
        for one, attribution in drafts
    ]
    again = judge(members, tried.bench, described=True, outcomes=outcomes)
    kept = {one.accounts: one for one in consistent(again, tried.proposed, fdr)}
    reported = [
        (kept[candidate.accounts], attribution)
        for candidate, (_one, attribution) in zip(members, drafts, strict=True)
        if candidate.accounts in kept
    ]
    return reported, [one for one in again if one.accounts not in kept]


def _usual_follow_up(summaries: Summaries) -> float | None:
    """Share of follow-ups among the exchanges of accounts that have any (0 to 1); None where fewer than
    `FEWEST_TALKING` of the accounts have one.
    """
    each = summaries.halves.group_by("account_id").agg(n=_.exchanges.sum(), on=_.followups.sum())
    talking = each.filter(_.on > 0)
    row = talking.agg(n=_.n.sum(), on=_.on.sum(), accounts=_.count()).to_pyarrow().to_pylist()[0]
    every = each.count().to_pyarrow().as_py()
    return float(row["on"]) / row["n"] if row["accounts"] >= FEWEST_TALKING * every and row["n"] else None


def _followed(drafts: Sequence[tuple[Judged, Attribution]]) -> dict[str, Followed]:
    """Members, graph, start and end of each campaign by name, for the replay; the start is the time by which
    `BEGUN` of its exchanges were sent.
    """
    campaigns = {}
    for number, (one, attribution) in enumerate(drafts, 1):
        span = (
            attribution.exchanges.agg(
                first=_.timestamp.epoch_seconds().quantile(BEGUN), last=_.timestamp.max()
            )
            .to_pyarrow()
            .to_pylist()[0]
        )
        campaigns[f"C{number}"] = Followed(
            members=_accounts(attribution),
            graph=one.candidate.graph,
            first=datetime.fromtimestamp(span["first"], UTC),
            last=utc(span["last"]),
        )
    return campaigns
