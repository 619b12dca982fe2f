"""One row per exchange for the signals, with digests and counts in place of text.

The type, role and origin of every column stand here only: the sketch, the store, the sums and the readers
take them from `OBSERVATIONS`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from stillwatch.contract.exchanges import EXCHANGES
from stillwatch.contract.table import Column, TableSchema

INT = pa.int64()  # type of digests and counts
BANDS = 4  # number of MinHash bands, in columns `band_0` to `band_3`
SHAPE = ("operation", "temperature", "top_p", "max_tokens", "stream")  # request parameters in `shape_key`
ColumnRole = Literal["copied", "name", "digest", "digests", "measure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservedColumn(Column):
    """A column of observations.

    * `role`: "copied" from `exchanges` unchanged; "name", a digest of the row's own names; "digest" of text,
      parameters or conversation, enciphered under the column's key, 0 for none; "digests", a list of these;
      "measure", a number or flag.
    * `made_of`: columns of `exchanges` from which it is made, of which at least one is needed.
    * `is_varied`: whether nearly every row has another value, so that a dictionary of values saves no space.
    * `is_summed`: whether the summaries read it whatever indicators are in use.
    * `has_zero_for_none`: whether 0 stands for a missing value.
    """

    role: ColumnRole
    made_of: tuple[str, ...]
    is_varied: bool = False
    is_summed: bool = True
    has_zero_for_none: bool = False


def _copied(name: str, *, is_varied: bool = False, is_summed: bool = True) -> ObservedColumn:
    """A column of `exchanges` that is copied unchanged."""
    one = EXCHANGES.column(name)
    return ObservedColumn(
        name=name,
        type=one.type,
        nullable=True,
        meaning="as in `exchanges`" if name != "timestamp" else "when the request arrived",
        least=one.least,
        most=one.most,
        longest=one.longest,
        role="copied",
        made_of=(name,),
        is_varied=is_varied,
        is_summed=is_summed,
    )


def _digest(
    name: str,
    meaning: str,
    *made_of: str,
    role: ColumnRole = "digest",
    is_varied: bool = False,
    is_summed: bool = True,
) -> ObservedColumn:
    """A column of 64-bit digests."""
    return ObservedColumn(
        name=name,
        type=pa.list_(INT) if role == "digests" else INT,
        nullable=True,
        meaning=meaning,
        role=role,
        made_of=made_of,
        is_varied=is_varied,
        is_summed=is_summed,
        has_zero_for_none=role != "digests",
    )


def _measure(
    name: str, kind: pa.DataType, meaning: str, *made_of: str, has_zero_for_none: bool = False
) -> ObservedColumn:
    """A column of numbers or flags."""
    return ObservedColumn(
        name=name,
        type=kind,
        nullable=True,
        meaning=meaning,
        role="measure",
        made_of=made_of,
        has_zero_for_none=has_zero_for_none,
    )


# The columns of an observation, in order.
COLUMNS: tuple[ObservedColumn, ...] = (
    _copied("exchange_id", is_varied=True, is_summed=False),
    _copied("timestamp"),
    _copied("account_id"),
    _copied("organization_id"),
    _copied("model"),
    _copied("client_ip"),
    _copied("asn"),
    _copied("country"),
    _copied("user_agent"),
    _copied("tls_fingerprint"),
    _copied("input_tokens", is_summed=False),
    _copied("output_tokens"),
    _copied("finish_reason"),
    _copied("status", is_summed=False),
    _digest(
        "exchange_key", "keyed digest of id, account, time and text", "exchange_id",
        role="name", is_varied=True, is_summed=False,
    ),
    _digest(
        "account_key", "digest of the account's name, the same under every key", "account_id", role="name"
    ),
    _digest(
        "conversation_key", "keyed digest of the conversation's name; 0 for none", "conversation_id",
        is_varied=True,
    ),
    _measure("half", pa.int32(), "0 where the hour proposes candidates, 1 where it tests them", "timestamp"),
    _digest("text_key", "keyed digest of the whole prompt; 0 for none", "prompt", is_varied=True),
    _digest(
        "prompt_key", "keyed digest of the prompt's template; 0 for none", "prompt",
        is_varied=True, is_summed=False,
    ),
    _digest(
        "opening_key", "keyed digest of the prompt's first words; 0 for none", "prompt",
        is_varied=True, is_summed=False,
    ),
    *(
        _digest(
            f"band_{band}", "keyed digest of one band of the prompt's MinHash", "prompt",
            is_varied=True, is_summed=False,
        )
        for band in range(BANDS)
    ),
    _digest("system_key", "keyed digest of the system prompt's template; 0 for none", "system_prompt"),
    _digest(
        "system_phrases", "keyed digests of the system prompt's phrases", "system_prompt", role="digests"
    ),
    _digest("phrases", "keyed digests of the prompt's phrases", "prompt", role="digests", is_varied=True),
    _measure(
        "written", pa.bool_(), "whether the prompt is written as a generator writes; null without text",
        "prompt",
    ),
    _measure("words", pa.int32(), "words of the prompt", "prompt", has_zero_for_none=True),
    _digest("shape_key", "keyed digest of the request's parameters and tools", *SHAPE),
    _measure("has_tools", pa.bool_(), "whether the request offers tools", "tool_names"),
    _measure(
        "capability", pa.int8(), "capability class of the prompt, as a position in `CAPABILITIES`", "prompt"
    ),
    _measure(
        "coerces", pa.bool_(), "whether the prompt asks for the reasoning to be written out", "prompt"
    ),
)  # fmt: skip
# Table with a row for each exchange, without its text.
OBSERVATIONS = TableSchema(name="observations", key=("exchange_key",), columns=COLUMNS)
OBSERVED: Mapping[str, ObservedColumn] = {one.name: one for one in COLUMNS}
"""The columns by name."""


def of_role(*roles: ColumnRole) -> tuple[str, ...]:
    """Names of the columns with one of these roles, in the contract's order."""
    return tuple(one.name for one in COLUMNS if one.role in roles)
