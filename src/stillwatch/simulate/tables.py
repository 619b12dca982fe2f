"""Simulated rows as tables of the contract."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import TIMESTAMP
from stillwatch.contract.truth import TRUTH
from stillwatch.engine.cores import CORES, end_with_parent
from stillwatch.simulate import population as p
from stillwatch.simulate.grammar import FOLLOW_UP as FOLLOW_RULES
from stillwatch.simulate.grammar import GRAMMAR, ROOTS
from stillwatch.simulate.population import DAY, Population
from stillwatch.simulate.prompts import RealText, Texts, below, mix, place, typed_by_hand
from stillwatch.simulate.traffic import EDIT, FOLLOW_UP, HARVEST, OPENING, TRANSCRIPT, TrafficRows
from stillwatch.stats.arrays import Ints, Uints

CHUNK = 150_000  # exchanges of one row group
# Words with which a person changes a text that is sent again.
_EDITS: Texts = np.array(
    [
        "please",
        "in one paragraph",
        "with an example",
        "but shorter",
        "and explain why",
        "in simple words",
        "again",
        "as a list",
        "for a beginner",
        "without jargon",
    ],
    dtype=object,
)
_STATUS = np.array([200, 429, 500, 529])  # HTTP statuses that are drawn


def _column(values: Texts) -> pa.Array:
    """A column of text; None becomes null."""
    return pa.array(values, pa.string(), from_pandas=True)


def _pick(values: Texts, rows: Ints) -> pa.Array:
    """The values of these rows as a column."""
    return _column(values).take(pa.array(rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Day:
    """One day's exchanges, with all that is needed to write them independently of earlier days."""

    path: Path
    truth: Path
    rows: TrafficRows
    rng: np.random.Generator
    first: int  # number of the day's first exchange
    answered: int  # prompts of a real harvest that were used before


class Writer:
    """Writes one world's files into a folder: call `begin`, `day` in the order of days, then `close`.

    Days are written by several processes where `many`; the bytes are the same.
    """

    def __init__(
        self, folder: Path, *, seed: int, real: RealText | None, many: bool = False, pasted: float = 0.0
    ) -> None:
        self.folder = folder
        self._pasted = pasted
        self.exchanges = 0
        self._salt = seed % (1 << 30) + 41
        self._real = real
        if real is not None:
            rng = np.random.default_rng([seed, 5])
            self._real = RealText(
                honest=rng.permutation(real.honest),
                harvest=None if real.harvest is None else rng.permutation(real.harvest),
            )
        self._answered = 0
        self._many = many and CORES > 1
        self._pool: ProcessPoolExecutor | None = None
        self._waiting: deque[tuple[_Day, Future[np.random.Generator]]] = deque()
        self._last: Future[np.random.Generator] = Future()
        self._truth = pq.ParquetWriter(folder / "truth.parquet", TRUTH.arrow, compression="zstd")
        (folder / "exchanges").mkdir()

    def begin(self, people: Population, names: list[str]) -> None:
        """Set the accounts and the names of the campaigns before the first day."""
        self._maker = _Maker(
            people=people, names=names, salt=self._salt, real=self._real, pasted=self._pasted
        )
        if self._many:
            self._pool = ProcessPoolExecutor(
                CORES, get_context("forkserver"), initializer=_employ, initargs=(self._maker,)
            )

    def close(self) -> np.random.Generator:
        """Wait for all days and close the files; returns the random generator after the last day."""
        while self._waiting:
            self._take_in()
        if self._pool is not None:
            self._pool.shutdown()
        self._truth.close()
        return self._last.result()

    def stop(self) -> None:
        """Cancel the days that are not written yet."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def table(self, name: str, table: pa.Table) -> None:
        """Write a small table as one file."""
        pq.write_table(table, self.folder / name, compression="zstd")

    def day(self, rng: np.random.Generator, rows: TrafficRows, day: int) -> None:
        """Write one day's partition in row groups; a day without exchanges has no partition."""
        if not len(rows):
            self._last = _done(rng)
            return
        date = datetime.fromtimestamp(day / p.SECOND, UTC).date().isoformat()
        folder = self.folder / "exchanges" / f"date={date}"
        folder.mkdir()
        one = _Day(
            path=folder / "part-0.parquet", truth=self.folder / f".truth-{date}.parquet", rows=rows, rng=rng,
            first=self.exchanges, answered=self._answered,
        )  # fmt: skip
        self.exchanges += len(rows)
        if self._real is not None and self._real.harvest is not None:
            self._answered += int((rows.words == HARVEST).sum())
        if self._pool is None:
            self._last = _done(self._maker.write(one))
        else:
            self._last = self._pool.submit(_write_day, one)
        self._waiting.append((one, self._last))
        while len(self._waiting) > (CORES if self._pool is not None else 0):
            self._take_in()

    def _take_in(self) -> None:
        """Wait for the earliest unfinished day, and append its truth to the world's."""
        one, done = self._waiting.popleft()
        done.result()
        with pq.ParquetFile(one.truth) as file:
            for group in range(file.num_row_groups):
                self._truth.write_table(file.read_row_group(group))
        one.truth.unlink()


def _done(rng: np.random.Generator) -> Future[np.random.Generator]:
    """A result that is there already."""
    future: Future[np.random.Generator] = Future()
    future.set_result(rng)
    return future


_employed: list[_Maker] = []


def _employ(maker: _Maker) -> None:
    """Keep the maker in this worker process, and end with its parent."""
    _employed[:] = [maker]
    end_with_parent()


def _write_day(one: _Day) -> np.random.Generator:
    """Write one day with the maker of this worker process."""
    return _employed[0].write(one)


@dataclass(slots=True, kw_only=True)
class _Maker:
    """Makes tables from rows."""

    people: Population
    names: list[str]
    salt: int
    real: RealText | None
    pasted: float = 0.0  # share of honest openings with a document pasted below
    exchanges: int = 0
    answered: int = 0

    def write(self, one: _Day) -> np.random.Generator:
        """Write a day and its truth; returns the random generator afterwards."""
        self.exchanges, self.answered = one.first, one.answered
        with (
            pq.ParquetWriter(one.path, EXCHANGES.arrow, compression="zstd") as sink,
            pq.ParquetWriter(one.truth, TRUTH.arrow, compression="lz4") as truths,
        ):
            for begin in range(0, len(one.rows), CHUNK):
                part = one.rows.take(np.arange(begin, min(begin + CHUNK, len(one.rows))))
                table, truth = self._chunk(one.rng, part)
                sink.write_table(table)
                truths.write_table(truth)
        return one.rng

    def _chunk(self, rng: np.random.Generator, rows: TrafficRows) -> tuple[pa.Table, pa.Table]:
        """Exchanges and truth of some rows, as tables."""
        people, names = self.people, self.names
        n, who = len(rows), rows.account
        numbers = np.arange(self.exchanges, self.exchanges + n, dtype=np.uint64)
        self.exchanges += n
        ids = pa.array([f"x{value:016x}" for value in mix(numbers, self.salt).tolist()], pa.string())
        prompt = self._words(people, rows)
        planted = rows.campaign >= 0
        slot = np.where(rng.random(n) < people.roaming[who], 1, np.where(rows.at // DAY // 9 % 2 == 1, 2, 0))
        long = rows.words == HARVEST
        sizes: Ints = pc.utf8_length(prompt).to_numpy(zero_copy_only=False).astype(np.int64)
        input_tokens = sizes // 4 + 8 + rows.turn * rng.integers(80, 400, n)
        output_tokens = (
            np.exp(np.where(long, 7.1, 5.7) + np.where(long, 0.45, 0.95) * rng.standard_normal(n)).astype(
                np.int64
            )
            + 1
        )
        limits = np.array([shape[2] for shape in p.SHAPED], dtype=np.int64)[rows.shape]
        capped = (limits > 0) & (output_tokens > limits)
        output_tokens = np.where(capped, limits, output_tokens)
        status = _STATUS[np.searchsorted([0.985, 0.993, 0.997], rng.random(n))]
        good = status == 200
        output_tokens = np.where(good, output_tokens, 0)
        reason = np.where(capped, "length", np.where(rows.tools >= 0, "tool_use", "stop")).astype(object)
        finish = p.some(good, reason)
        temperature = np.array([shape[0] for shape in p.SHAPED])[rows.shape]
        top_p = np.array([shape[1] for shape in p.SHAPED])[rows.shape]
        account = _pick(people.account_id, who)
        table = pa.table(
            {
                "exchange_id": ids,
                "timestamp": pa.array(rows.at, pa.int64()).cast(TIMESTAMP),
                "account_id": account,
                "organization_id": _pick(people.organization_id, who),
                "api_key_id": pc.binary_join_element_wise(
                    pc.replace_substring(account, "acct_", "key_"),
                    pa.array(np.array(["1", "2", "1"], dtype=object)[who % 3 * (rows.at // DAY % 2)]),
                    "",
                ),
                "conversation_id": pa.array(
                    [f"c{value:016x}" if value else None for value in rows.conversation.tolist()], pa.string()
                ),
                "model": _pick(np.array(p.MODELS, dtype=object), rows.model),
                "operation": _pick(np.array(["chat"], dtype=object), np.zeros(n, dtype=np.int64)),
                "client_ip": _column(people.ips[who, slot]),
                "asn": pa.array(people.asns[who, slot]),
                "country": _pick(people.country, who),
                "user_agent": _pick(people.agent, who),
                "tls_fingerprint": _pick(people.tls, who),
                "system_prompt": _column(p.some(~planted, people.system[who])),
                "prompt": prompt,
                "response": pa.nulls(n, pa.string()),
                "tool_names": _tools(rows.tools),
                "temperature": pa.array(temperature, pa.float64(), from_pandas=True),
                "top_p": pa.array(top_p, pa.float64(), from_pandas=True),
                "max_tokens": pa.array(limits, pa.int64(), mask=limits < 0),
                "stream": pa.array(people.stream[who]),
                "input_tokens": pa.array(input_tokens),
                "output_tokens": pa.array(output_tokens),
                "finish_reason": _column(finish),
                "latency_ms": pa.array(np.round(300 + output_tokens * rng.lognormal(2.6, 0.25, n), 1)),
                "status": pa.array(status),
            }
        ).cast(EXCHANGES.arrow)
        labels = _pick(np.array([None, *names], dtype=object), rows.campaign + 1)
        return table, pa.table([ids, account, labels], schema=TRUTH.arrow)

    def _words(self, people: Population, rows: TrafficRows) -> pa.Array:
        """The prompt of every row."""
        out: Texts = np.full(len(rows), "", dtype=object)
        for root in np.unique(rows.root).tolist():
            of_root = rows.root == root
            hand = ROOTS[root].startswith("person") or ROOTS[root] in (
                "dev",
                "release_item",
                "hack_item",
                "student_note",
            )
            for kind in (OPENING, FOLLOW_UP, EDIT, TRANSCRIPT, HARVEST):
                at = np.flatnonzero(of_root & (rows.words == kind))
                if not len(at):
                    continue
                if kind == HARVEST:
                    out[at] = self._harvest(rows.take(at), root)
                    continue
                said: Texts = np.full(len(at), "", dtype=object)
                if kind != FOLLOW_UP:
                    said = self._opening(root, rows.opening[at], rows.account[at], hand)
                    template = people.template[rows.account[at]].copy()
                    template[rows.campaign[at] >= 0] = ""
                    said = place(template, said, rows.place[at])
                if kind in (FOLLOW_UP, TRANSCRIPT):
                    follow = GRAMMAR.expand(FOLLOW_RULES[root], mix(rows.key[at], 51))
                    follow = typed_by_hand(follow, rows.key[at]) if hand else follow
                    said = follow if kind == FOLLOW_UP else said + "\n\n---\n\n" + follow
                if kind == EDIT:
                    said = said + " " + _EDITS[below(rows.key[at], len(_EDITS))]
                out[at] = said
        return pa.array(out, pa.string())

    def _opening(self, root: int, keys: Uints, accounts: Ints, hand: bool) -> Texts:
        """First prompts of conversations."""
        if self.real is not None:
            return self.real.honest[below(keys, len(self.real.honest), 61)].copy()
        said = GRAMMAR.expand(ROOTS[root], keys)
        return self._with_document(typed_by_hand(said, keys) if hand else said, keys, accounts)

    def _with_document(self, said: Texts, openings: Uints, accounts: Ints) -> Texts:
        """Append a document to some openings; the same question of the same account gets the same
        document.
        """
        if not self.pasted:
            return said
        keys = mix(openings ^ mix(accounts.astype(np.uint64), 81), 83)
        at = np.flatnonzero(below(keys, 10_000, 85) < 10_000 * self.pasted)
        said[at] = said[at] + "\n\n" + GRAMMAR.expand("document", keys[at])
        return said

    def _harvest(self, rows: TrafficRows, root: int) -> Texts:
        """Prompts of a harvest."""
        if self.real is not None and self.real.harvest is not None:
            pool = self.real.harvest
            items = pool[(self.answered + np.arange(len(rows))) % len(pool)]
            self.answered += len(rows)
            return items
        items = GRAMMAR.expand(ROOTS[root], rows.key)
        wants: Texts = np.full(len(rows), "", dtype=object)
        for want in np.unique(rows.want[rows.want >= 0]).tolist():
            at = rows.want == want
            wants[at] = GRAMMAR.expand(ROOTS[want], rows.want_key[at])
        return place(wants, items, rows.place)


def _tools(index: Ints) -> pa.Array:
    """Names of the tools of each row; null where it has none."""
    choices: list[Any] = [list(tools) for tools in p.TOOLSETS]
    return pa.array([*choices, None], pa.list_(pa.string())).take(
        pa.array(np.where(index < 0, len(choices), index))
    )


def accounts_table(people: Population, rng: np.random.Generator) -> pa.Table:
    """The contract's `accounts`, in random order."""
    rows = people.take(rng.permutation(len(people)))
    created = np.minimum(rows.created, rows.first)
    return ACCOUNTS.conform(
        pa.table(
            {
                "account_id": _column(rows.account_id),
                "created_at": pa.array(created, pa.int64()),
                "email_domain": _column(rows.email_domain),
                "email_local_shape": _column(rows.email_shape),
                "payment_fingerprint": _column(rows.card),
                "payment_country": _column(rows.card_country),
                "phone_prefix": _column(rows.phone),
                "signup_ip": _column(rows.signup_ip),
                "program": _column(rows.program),
                "plan": _column(rows.plan),
            }
        )
    )
