"""Which words does an exchange carry?

Text is a function of a 64-bit key: the same key always gives the same words, another key gives others. A
repeated question is a repeated key, a work queue is a sequence of keys without repeats, and a paraphrase is
the same rule under another key.

Rules are strings. `{name}` is another rule, `{name@1}` the same choice wherever it stands in this string,
and `{n:5-90}` a whole number in that range.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem

Keys = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[Any]  # object arrays of str: numpy has no narrower static type for them

_GOLDEN = 0x9E3779B97F4A7C15
_WORD = (1 << 64) - 1
_SLOT = re.compile(r"\{([^{}]+)\}")
_NUMBERS: Texts = np.array([str(i) for i in range(10_001)], dtype=object)


# Keys come a few at a time, and each step of NumPy costs as much as a few hundred of them: one compiled step in place of nine.
@numba.njit(cache=True)
def _mixed(keys, salted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    out = np.empty(len(keys), np.uint64)
    for i in range(len(keys)):
        z = keys[i] + salted
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        out[i] = z ^ (z >> np.uint64(31))
    return out


@numba.njit(cache=True)
def _below(keys, salted, bound):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    mixed = _mixed(keys, salted)
    out = np.empty(len(keys), np.int64)
    for i in range(len(keys)):
        out[i] = np.int64(mixed[i] % bound)
    return out


def mix(keys: Keys, salt: int = 0) -> Keys:
    """Scramble 64-bit keys one to one (Steele, Lea and Flood 2014, SplitMix64); another salt, another map."""
    return np.asarray(_mixed(keys, _salted(salt)))


def below(keys: Keys, bound: int, salt: int = 0) -> Ints:
    """A whole number in [0, bound) for every key."""
    return np.asarray(_below(keys, _salted(salt), np.uint64(bound)))


@lru_cache(maxsize=4096)  # salts of days and rules
def _salted(salt: int) -> np.uint64:
    return np.uint64((salt * _GOLDEN + 0x632BE59BD9B4E019) & _WORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One piece of a rule: fixed words, a numeric range, or another rule."""

    words: str = ""
    rule: str = ""
    low: int = 0
    high: int = -1
    salt: int = 0


def _parse(text: str) -> tuple[_Part, ...]:
    parts: list[_Part] = []
    at = 0
    for order, slot in enumerate(_SLOT.finditer(text)):
        if slot.start() > at:
            parts.append(_Part(words=text[at : slot.start()]))
        name, _, tag = slot.group(1).partition("@")
        salt = 1000 + int(tag) if tag else order + 1
        if name.startswith("n:"):
            low, high = name[2:].split("-")
            parts.append(_Part(low=int(low), high=int(high), salt=salt))
        else:
            parts.append(_Part(rule=name, salt=salt))
        at = slot.end()
    if at < len(text) or not parts:
        parts.append(_Part(words=text[at:]))
    return tuple(parts)


class Grammar:
    """Rules by name; every slot in a rule names a rule that exists."""

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self._rules = {name: [_parse(text) for text in texts] for name, texts in rules.items()}
        self._plain = {
            name: np.array(list(texts), dtype=object)
            for name, texts in rules.items()
            if not any("{" in text for text in texts)
        }
        for name, alternatives in self._rules.items():
            for part in (part for alternative in alternatives for part in alternative):
                if part.rule and part.rule not in self._rules:
                    raise ValueError(f"rule `{name}` names `{part.rule}`, which does not exist")

    def __contains__(self, rule: str) -> bool:
        return rule in self._rules

    def expand(self, rule: str, keys: Keys) -> Texts:
        """The words that `rule` gives for every key; shape as `keys`."""
        plain = self._plain.get(rule)
        if plain is not None:
            return np.asarray(plain[below(keys, len(plain))], dtype=object)
        alternatives = self._rules[rule]
        choice = below(keys, len(alternatives))
        out: Texts = np.empty(len(keys), dtype=object)
        order = np.argsort(choice, kind="stable")
        edges = np.searchsorted(choice[order], np.arange(len(alternatives) + 1))
        for index, parts in enumerate(alternatives):
            rows = order[edges[index] : edges[index + 1]]
            if len(rows):
                out[rows] = self._join(parts, keys[rows])
        return out

    def _join(self, parts: tuple[_Part, ...], keys: Keys) -> Texts:
        columns: list[Iterable[str]] = []
        for part in parts:
            if part.words:
                columns.append(repeat(part.words, len(keys)))
            elif part.rule:
                columns.append(self.expand(part.rule, mix(keys, part.salt)))
            elif part.high >= part.low:
                columns.append(_NUMBERS[part.low + below(keys, part.high - part.low + 1, part.salt)])
        joined: Texts = np.full(len(keys), "", dtype=object)
        if columns:
            joined[:] = ["".join(words) for words in zip(*columns, strict=True)]
        return joined


def typed_by_hand(texts: Texts, keys: Keys) -> Texts:
    """Some prompts as people type them: without capitals, without a full stop, with two letters swapped."""
    style = below(keys, 20, 77)
    for row in np.flatnonzero(style < 9):
        text, how = texts[row], style[row]
        if how < 4:
            text = text.lower()
        if how in (2, 3, 4, 5):
            text = text.rstrip(".?!")
        if how in (3, 6, 7) and len(text) > 12:
            at = 3 + int(keys[row] % np.uint64(len(text) - 6))
            text = text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        if how == 8:
            text = text + " thanks!"
        texts[row] = text
    return texts


def place(templates: Texts, items: Texts, places: Ints) -> Texts:
    """Join template and item: the template stands first (0), last (1) or inside the item (2)."""
    out = templates + "\n\n" + items
    last = places == 1
    out[last] = items[last] + "\n\n" + templates[last]
    for row in np.flatnonzero(places == 2):
        item = items[row]
        cut = item.find(". ", len(item) // 3)
        cut = len(item) if cut < 0 else cut + 1
        out[row] = f"{item[:cut]}\n{templates[row]}\n{item[cut:].lstrip()}"
    bare = templates == ""
    out[bare] = items[bare]
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class RealText:
    """Prompts read from a file: what honest people ask and, where given, what a harvest asks."""

    honest: Texts
    harvest: Texts | None


def read_prompts(path: Path) -> RealText:
    """Read Parquet or JSON Lines with a column `prompt` or `text` and, if any, `class` (honest, harvest).

    Raises InputError when the file is missing, is neither format, lacks the column, or holds no honest text.
    """
    where = str(path)
    if not path.is_file():
        raise InputError(Problem(fact=f"prompts file `{path.name}` does not exist", where=where))
    try:
        if path.suffix == ".parquet":
            table = pq.read_table(path)
        else:
            table = pa.Table.from_pylist([orjson.loads(line) for line in path.open("rb") if line.strip()])
    except (pa.ArrowInvalid, OSError, ValueError, TypeError, AttributeError) as broken:
        raise InputError(
            Problem(
                fact=f"prompts file `{path.name}` cannot be read",
                where=where,
                expected="Parquet (`.parquet`) or JSON Lines",
                why=str(broken).splitlines()[0][:120],
            )
        ) from broken
    column = next((name for name in ("prompt", "text") if name in table.column_names), None)
    if column is None:
        raise InputError(
            Problem(
                fact="no column holds prompts",
                where=where,
                found=", ".join(f"`{name}`" for name in table.column_names),
                expected="a column `prompt` or `text`",
            )
        )
    texts: Texts = np.array(table.column(column).to_pylist(), dtype=object)
    labels: Texts = np.full(len(texts), "honest", dtype=object)
    if "class" in table.column_names:
        labels = np.array(table.column("class").to_pylist(), dtype=object)
    usable = np.array([isinstance(text, str) and bool(text.strip()) for text in texts], dtype=bool)
    honest, harvest = texts[usable & (labels != "harvest")], texts[usable & (labels == "harvest")]
    if not len(honest):
        raise InputError(
            Problem(fact="the prompts file holds no honest text", where=f"{where}, column `{column}`")
        )
    return RealText(honest=honest, harvest=harvest if len(harvest) else None)
