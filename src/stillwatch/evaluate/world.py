"""How is a simulated world opened for what reads it besides the scan?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
from ibis.backends.duckdb import Backend

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.summaries import Summaries
from stillwatch.detect import fold
from stillwatch.engine.connect import duckdb_engine, keep, load
from stillwatch.flows.scan import key_of, summarise
from stillwatch.flows.sketch import sketch_files
from stillwatch.readers.discover import discover
from stillwatch.readers.read import read_small


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A world's observations and summaries in an engine."""

    engine: Backend
    exchanges: ir.Table
    summaries: Summaries


@contextmanager
def opened(world: Path, seed: int = 0) -> Iterator[Opened]:
    """The summaries that a scan of the world with this seed judges."""
    sources = discover([str(world)])
    assert sources.accounts is not None
    assert sources.releases is not None
    with tempfile.TemporaryDirectory(prefix=".open-", dir=world.parent) as scratch:
        sketched = sketch_files(sources, {}, Path(scratch), key_of(seed))
        with duckdb_engine(memory="1500MB", scratch=Path(scratch)) as engine:
            accounts = load(engine, "accounts", read_small(sources.accounts, ACCOUNTS)[0])
            releases = load(engine, "releases", read_small(sources.releases, RELEASES)[0])
            parts = engine.read_parquet(str(sketched.observations / "*.parquet"))
            exchanges = keep(engine, "exchanges", fold.once(parts))
            summaries, _used = summarise(engine, exchanges, accounts, releases)
            yield Opened(engine=engine, exchanges=exchanges, summaries=summaries)
