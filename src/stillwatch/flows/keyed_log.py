"""Sketches of a whole log under pseudonyms, for a keyed package: the log of results without text and names,
from which the results can be computed again.

Digests of text are under a key derived from the package's. Of what is no digest:

* Times, volumes, sizes, status codes, capability classes and the times of sign-up are not changed, since the
  detector reads them.
* Names of accounts, organisations, exchanges and models, and the values that accounts share, are the
  pseudonyms of the package's tables.
* A reason for which an answer ended says only whether the provider refused the request as extraction.
* What no signal reads is left out (`country`, and `LEFT_OUT` of the account table).
"""

from __future__ import annotations

import io
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.table import TableSchema
from stillwatch.detect.fold import owners
from stillwatch.engine.connect import open_engine
from stillwatch.engine.files import sha256
from stillwatch.enrich.networks import from_files
from stillwatch.errors import InputError, Problem
from stillwatch.flows.content_blind import sketch
from stillwatch.flows.ingest import check_sketches
from stillwatch.memory.labels import VALUES, in_force
from stillwatch.package.alone import SKETCHES
from stillwatch.package.canonical import Json, canonical
from stillwatch.package.make import Sketcher, SourceResults
from stillwatch.package.pseudonyms import Pseudonyms
from stillwatch.progress import Progress
from stillwatch.readers.discover import Sources, discover
from stillwatch.readers.limits import Limits
from stillwatch.readers.places import LogPath
from stillwatch.readers.read import read_small
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import Key
from stillwatch.sketch.observe import enciphered
from stillwatch.sketch.rename import NewName, renamed

HEAD = f"{SKETCHES}sketch.json"  # file with the key's name, the number of rows and the sketches' version
NAMED: Mapping[str, str] = {
    "account_id": "account",
    "organization_id": "organization",
    "exchange_id": "exchange",
    "model": "model",
    "client_ip": "client_address",
    "asn": "asn",
    "user_agent": "user_agent",
    "tls_fingerprint": "tls_fingerprint",
}
"""Kind of pseudonym by column of the observations."""
OF_ACCOUNTS: Mapping[str, str] = {
    "account_id": "account",
    "email_domain": "email_domain",
    "email_local_shape": "email_local_shape",
    "payment_fingerprint": "payment_fingerprint",
    "signup_ip": "signup_address",
    "peer_match": "peer_match",
}
"""Kind of pseudonym by column of the account table."""
LEFT_OUT = ("payment_country", "phone_prefix", "program", "plan")
"""Columns of the account table that no signal reads."""
# Kinds of evidence whose values are pseudonyms.
HIDDEN_KINDS = frozenset({*NAMED.values(), *OF_ACCOUNTS.values(), "client_prefix"})
# Finish reasons that a sketch in a package gives: of a refused extraction, and of every other end.
REFUSED, ENDED = "refusal:extraction", "ended"
FIRST = ("timestamp", "account_id", "exchange_id")  # columns by which rows are sorted first
MEMORY = "1GB"  # for the database that finds the owners of accounts


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """The files of a log and its companion tables, and how they are read."""

    sources: Sources
    names: Mapping[str, str]
    log_format: str
    limits: Limits
    networks: tuple[str, ...]


def of_logs(paths: Sequence[str], progress: Progress) -> Sketcher:
    """A function for `package.make.Order.log` that makes the sketches of the logs at `paths`."""

    def make(results: SourceResults, names: Pseudonyms, secret: bytes) -> tuple[Pseudonyms, dict[str, bytes]]:
        """The pseudonyms, and the files of sketches under the package's key, by name."""
        return keyed_log(paths, results, names, Key(master=secret), progress)

    return make


def keyed_log(
    paths: Sequence[str], results: SourceResults, names: Pseudonyms, key: Key, progress: Progress
) -> tuple[Pseudonyms, dict[str, bytes]]:
    """The pseudonyms with the accounts whose order is kept, and the files of the sketches by name.

    Raises `InputError` where the logs at `paths` are not those of the results, or their scan used values in
    common with a peer.
    """
    log = _log(paths, results)
    _check(log, results)
    accounts, releases = (
        _companion(file, schema, log.limits)
        for file, schema in ((log.sources.accounts, ACCOUNTS), (log.sources.releases, RELEASES))
    )
    with tempfile.TemporaryDirectory(prefix="stillwatch-") as place:
        made = Path(place) / "sketches"
        sketched = sketch(
            paths,
            made,
            key,
            log.names,
            log.log_format,
            lambda done, total: progress("read", done, total),
            log.limits,
            networks=from_files(log.networks),
        )
        _check_rows(sketched["rows"], results, paths)
        parts = sorted(made.glob("sketch-*.parquet"))
        names = names.keeping_order(_teams(parts, accounts, Path(place)))
        again = key if any(one.sketch for one in log.sources.formats.values()) else None
        files = dict(_by_day(parts, names, again))
    files[f"{SKETCHES}accounts.parquet"] = _written(_renamed_accounts(accounts, names))
    files[f"{SKETCHES}releases.parquet"] = _written(
        renamed(releases, {"model": _name(names, "model")}).sort_by(
            [("model", "ascending"), ("released_at", "ascending")]
        )
    )
    head: dict[str, Json] = {
        "honest": _honest(results, names),
        "key_id": key.name,
        "rows": sketched["rows"],
        "sketch_version": VERSION,
    }
    return names, files | {HEAD: canonical(head)}


def _log(paths: Sequence[str], results: SourceResults) -> Log:
    """The log at `paths`, read as the scan read it."""
    given = results.manifest["parameters"]
    limits = Limits(**given.get("limits", {}))
    names, log_format = dict(given.get("map", {})), str(given.get("format", "auto"))
    sources = discover(
        paths,
        accounts=Path(given["accounts"]) if given.get("accounts") else None,
        releases=Path(given["releases"]) if given.get("releases") else None,
        names=names,
        log_format=log_format,
        limits=limits,
    )
    check_sketches(sources)
    return Log(
        sources=sources,
        names=names,
        log_format=log_format,
        limits=limits,
        networks=tuple(given.get("networks", ())),
    )


def _check(log: Log, results: SourceResults) -> None:
    """Raise `InputError` where the files are not those that the manifest names, or cannot suffice."""
    manifest = results.manifest
    if manifest["parameters"].get("with_peer"):
        raise InputError(
            Problem(
                fact="sketches of a scan with `--with-peer` go into no package",
                where=str(results.folder),
                why="values in common with a peer were found with the peer's consent, for one use",
                fix="stillwatch package RESULTS --level keyed --out PATH",
            )
        )
    files = [
        *log.sources.exchanges,
        *(one for one in (log.sources.accounts, log.sources.releases) if one is not None),
    ]
    mine = {str(one): sha256(one) for one in files}
    expected, found = Counter(manifest["inputs"].values()), Counter(mine.values())
    problems = [
        Problem(
            fact="a file is none that the scan read, or was changed since",
            where=name,
            found=f"SHA-256 {digest[:16]}",
            expected="the files that `manifest.json` of the results names",
        )
        for name, digest in mine.items()
        if digest not in expected
    ]
    problems += [
        Problem(
            fact="a file that the scan read is not among the logs",
            where=name,
            expected=f"SHA-256 {digest[:16]}",
            fix="give each path of the scan with --log",
        )
        for name, digest in manifest["inputs"].items()
        if found[digest] < expected[digest]
    ]
    if problems:
        raise InputError(*problems)


def _check_rows(rows: int, results: SourceResults, paths: Sequence[str]) -> None:
    """Raise `InputError` where the scan counted other rows, or none."""
    if rows == 0:
        raise InputError(Problem(fact="the logs hold no exchange to sketch", where=", ".join(paths)))
    expected = results.overview.get("exchanges", 0) + results.overview.get("duplicates", 0)
    if rows != expected:
        raise InputError(
            Problem(
                fact="the results are not of these logs alone",
                where=", ".join(paths),
                found=f"{rows:,} rows",
                expected=f"{expected:,} rows, which the scan counted",
                why="a scan with `--store` judges what it read before, too",
                fix="stillwatch scan LOGS --out RESULTS, without --store, and package these results",
            )
        )


def _companion(file: LogPath | None, schema: TableSchema, limits: Limits) -> pa.Table:
    """The table of accounts or of releases; empty where the log has no such file."""
    return schema.empty() if file is None else read_small(file, schema, limits)[0]


def _teams(parts: Sequence[Path], accounts: pa.Table, place: Path) -> list[list[str]]:
    """The accounts of each declared owner of several, as the judgement sees them."""
    columns = ["account_id", "organization_id"]
    several = [
        pq.read_table(part, columns=columns).group_by("account_id").aggregate([("organization_id", "max")])
        for part in parts
    ]
    stated = pa.concat_tables(several).rename_columns(["account_id", "organization"])
    with open_engine("duckdb", memory=MEMORY, scratch=place, master="") as engine:
        known = owners(engine.load("stated", stated), engine.load("accounts", accounts))
        rows = engine.ask(known.distinct()).to_pylist()
    teams: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        teams[row["owner"]].append(row["account_id"])
    return [team for team in teams.values() if len(team) > 1]


def _name(names: Pseudonyms, kind: str) -> NewName:
    """The function from a value of this kind to its pseudonym."""
    if kind == "asn":
        return lambda value: int(names.of(kind, str(value)))
    return lambda value: names.of(kind, value)


def _ended(reason: str) -> str:
    """One of two reasons, which the detector reads as the given one (`detect.fold.refused`)."""
    text = reason.lower()
    refused = text.startswith("refusal:") and ("extract" in text or "distill" in text)
    return REFUSED if refused else ENDED


def _by_day(parts: Sequence[Path], names: Pseudonyms, again: Key | None) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of one sketch for each day, its rows in an order that follows from them.

    `again` enciphers the digests once more: those of a log that consists of sketches already.
    """
    days: dict[str, list[Path]] = defaultdict(list)
    for part in parts:
        times = pq.read_table(part, columns=["timestamp"]).column("timestamp")
        for day in pc.unique(pc.strftime(times, "%Y-%m-%d")).to_pylist():
            days[day].append(part)
    columns: dict[str, NewName] = {column: _name(names, kind) for column, kind in NAMED.items()}
    columns |= {"finish_reason": _ended, "country": lambda _value: None}
    for day, several in sorted(days.items()):
        rows = []
        for part in several:
            table = pq.ParquetFile(part).read()
            mine = pc.equal(pc.strftime(table.column("timestamp"), "%Y-%m-%d"), day)
            rows.append(renamed(table.filter(mine), columns))
        whole = pa.concat_tables(rows).combine_chunks()
        if again is not None:
            whole = enciphered(whole, again)
        sortable = [
            one.name
            for one in whole.schema
            if not (pa.types.is_list(one.type) or pa.types.is_boolean(one.type))
        ]
        order = [*FIRST, *(name for name in sortable if name not in FIRST)]
        yield f"{SKETCHES}sketch-{day}.parquet", _written(whole.sort_by([(n, "ascending") for n in order]))


def _renamed_accounts(accounts: pa.Table, names: Pseudonyms) -> pa.Table:
    """The account table under pseudonyms, without `LEFT_OUT`, sorted."""
    columns: dict[str, NewName] = {column: _name(names, kind) for column, kind in OF_ACCOUNTS.items()}
    columns |= {column: lambda _value: None for column in LEFT_OUT}
    return renamed(accounts, columns).sort_by([(name, "ascending") for name in accounts.column_names])


def _written(table: pa.Table) -> bytes:
    """A table as Parquet, whose bytes follow from its rows."""
    out = io.BytesIO()
    pq.write_table(table, out, compression="zstd", row_group_size=1 << 17)
    return out.getvalue()


def _honest(results: SourceResults, names: Pseudonyms) -> list[Json]:
    """Values that people labelled honest, which are no evidence, under pseudonyms."""
    places = [results.folder, *map(Path, results.manifest["parameters"].get("labels", ()))]
    found: list[Json] = []
    for one in in_force(places).labels:
        if one.kind in VALUES and one.is_sparing:
            named, _equals, value = one.target.partition("=")
            kind = named.rpartition(":")[2]
            hidden = names.of(kind, value) if kind in HIDDEN_KINDS else value
            found.append({"kind": one.kind, "target": f"{named}={hidden}"})
    return found
