"""The table `texts`: the most frequent texts and text shapes of a campaign. On request, `prompts`: their
words, read again from the logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from ibis import _

from stillwatch.contract import results as contract
from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.readers.discover import Sources, discover
from stillwatch.readers.limits import Limits
from stillwatch.readers.read import check, read
from stillwatch.results.folder import read_table

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

MOST_TEXTS, MOST_SHAPES = 12, 8  # rows for one campaign: chosen, as many as a person reads
FEWEST_SENDERS = 2  # smallest number of accounts that sent a text for it to have a row
# Smallest number of words (of letters where text is not ASCII) for a language: chosen; with fewer the model
# is unreliable.
FEWEST_WORDS_OF_LANGUAGE = 4
MOST_CHARACTERS_OF_LANGUAGE = 2_000  # of a text from which its language is recognised: chosen
# Columns by which the first exchange of a text is chosen.
BY_MOMENT = ("timestamp", "exchange_id", "account_id")


def text_rows(exchanges: ir.Table) -> list[dict[str, Any]]:
    """Rows of `texts` without `campaign_id`, from a campaign's attributed exchanges.

    First the texts that at least `FEWEST_SENDERS` members sent word for word, in descending order of
    senders; then the shapes (capability and log2 of the number of words) in descending order of exchanges.
    Exchanges without text are left out.
    """
    worded = exchanges.filter((_.text_key != 0) & (_.words > 0)).mutate(
        # 1, 2 to 3, 4 to 7 ... words
        doubling=(_.words.cast("float64").ln() / ibis.literal(2.0).ln() + 1e-9).floor().cast("int64")
    )
    texts = _counted(worded, ["text_key"]).filter(_.accounts >= FEWEST_SENDERS)
    shapes = _counted(worded, ["capability", "doubling"])
    rows = [
        row
        for table, first, most in ((texts, "accounts", MOST_TEXTS), (shapes, "exchanges", MOST_SHAPES))
        for row in table.order_by([ibis.desc(first), "first_seen", "exchange_id", "account_id"])
        .limit(most)
        .to_pyarrow()
        .to_pylist()
    ]
    for rank, row in enumerate(rows, 1):
        row |= {
            "rank": rank,
            "capability": CAPABILITIES[int(row["of"])],
            "first_seen": _utc(row["first_seen"]),
            "last_seen": _utc(row["last_seen"]),
        }
    return rows


def _counted(worded: ir.Table, keys: list[str]) -> ir.Table:
    """For each combination of `keys`: numbers of accounts, exchanges and texts, range of words, and the first
    exchange.
    """
    each = worded.group_by(keys).agg(
        accounts=_.account_id.nunique(),
        exchanges=_.count(),
        texts=_.text_key.nunique(),
        words_low=_.words.min(),
        words_high=_.words.max(),
        of=_.capability.min(),
        first_seen=_.timestamp.min(),
        last_seen=_.timestamp.max(),
    )
    order = ibis.window(group_by=keys, order_by=list(BY_MOMENT))
    first = worded.select(*keys, *BY_MOMENT).mutate(place=ibis.row_number().over(order)).filter(_.place == 0)
    return each.join(first.select(*keys, "exchange_id", "account_id"), keys).drop(*keys)


def prompts(folder: Path, sources: Sources, names: Mapping[str, str], limits: Limits) -> pa.Table:
    """The table `prompts`: words and language of each row of `texts` in a results folder, read again from
    the logs `sources`.

    Texts that are not in the logs have no row. Raises `StateError` for a folder without the table `texts`,
    and `InputError` where the logs cannot be read.
    """
    texts = read_table(folder, contract.TEXTS)
    wanted: dict[tuple[str, str | None, datetime], list[tuple[str, int]]] = {}
    for row in texts.to_pylist():
        key = (row["exchange_id"], row["account_id"], row["first_seen"])
        wanted.setdefault(key, []).append((row["campaign_id"], row["rank"]))
    found: dict[tuple[str, int], str] = {}
    keys = texts.column("exchange_id").unique()
    for batch in read(sources, names, limits) if wanted else ():
        hit = batch.rows.filter(pc.is_in(batch.rows.column("exchange_id"), keys))
        for row in hit.select(["exchange_id", "account_id", "timestamp", "prompt"]).to_pylist():
            for place in wanted.get((row["exchange_id"], row["account_id"], _utc(row["timestamp"])), ()):
                if row["prompt"] is not None:
                    found.setdefault(place, row["prompt"])
    rows = [
        {"campaign_id": campaign, "rank": rank, "prompt": text, "language": language(text)}
        for (campaign, rank), text in sorted(found.items())
    ]
    return pa.Table.from_pylist(rows, contract.PROMPTS.arrow)


def read_again(
    folder: Path, paths: Sequence[str], names: Mapping[str, str], log_format: str, limits: Limits
) -> pa.Table:
    """The table `prompts` for a results folder and the logs at `paths`; raises the errors of `prompts`."""
    sources = check(discover(paths, names=names, log_format=log_format, limits=limits), names, limits)
    return prompts(folder, sources, names, limits)


def write_prompts(folder: Path, sources: Sources, names: Mapping[str, str], limits: Limits) -> None:
    """Write the table `prompts` to a results folder."""
    pq.write_table(prompts(folder, sources, names, limits), folder / "prompts.parquet", compression="zstd")


def language(text: str) -> str | None:
    """The most probable language of a text (ISO 639-1 code, by py3langid); None for fewer than
    `FEWEST_WORDS_OF_LANGUAGE` words.
    """
    some = text[:MOST_CHARACTERS_OF_LANGUAGE]
    spoken = len(some.split()) if some.isascii() else sum(letter.isalpha() for letter in some)
    if spoken < FEWEST_WORDS_OF_LANGUAGE:
        return None
    return str(_model().classify(some)[0])


@cache
def _model() -> LanguageIdentifier:
    """The model that recognises languages."""
    from py3langid import langid

    return langid.LanguageIdentifier.from_model_file(langid.MODEL_FILE, norm_probs=True)


def _utc(moment: datetime) -> datetime:
    """The time in UTC where it has no zone."""
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
