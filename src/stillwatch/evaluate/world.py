"""Open a simulated world for readers other than the scan."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.contract.summaries import Summaries
from stillwatch.engine.connect import Engine, open_engine
from stillwatch.flows.ingest import ingest
from stillwatch.flows.summarise import open_log
from stillwatch.readers.discover import discover
from stillwatch.readers.read import read_small
from stillwatch.sketch.digest import VERSION
from stillwatch.sketch.keys import fresh
from stillwatch.store.store import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedWorld:
    """A world's observations and summaries in an engine."""

    engine: Engine
    exchanges: ir.Table
    summaries: Summaries


@contextmanager
def opened(world: Path) -> Iterator[OpenedWorld]:
    """Open the observations and summaries that a scan of `world` would use; temporary files are deleted on
    exit.
    """
    sources = discover([str(world)])
    assert sources.accounts is not None
    assert sources.releases is not None
    with (
        tempfile.TemporaryDirectory(prefix=".open-", dir=world.parent) as scratch,
        Store(Path(scratch) / "store", version=VERSION, key_id="") as store,
    ):
        ingest(sources, {}, store, fresh())
        with open_engine(memory="1500MB", scratch=Path(scratch)) as engine:
            accounts = engine.load("accounts", read_small(sources.accounts, ACCOUNTS)[0])
            releases = engine.load("releases", read_small(sources.releases, RELEASES)[0])
            log = open_log(engine, store, accounts, releases)
            exchanges = engine.keep("exchanges", log.exchanges)
            yield OpenedWorld(engine=engine, exchanges=exchanges, summaries=log.summaries)
