"""The words of exchanges.

Text is a function of a 64-bit key: the same key always gives the same words, and another key gives others.
A repeated question is a repeated key, a work queue is a sequence of distinct keys, and a paraphrase is the
same rule under another key.

Rules are strings. `{name}` is another rule, `{name@1}` the same choice at every place in this string, and
`{n:5-90}` an integer in that range.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from stillwatch.errors import InputError, Problem
from stillwatch.stats.arrays import Ints, Uints

Texts = npt.NDArray[Any]  # object arrays of str: numpy has no narrower static type for them

_GOLDEN = 0x9E3779B97F4A7C15  # odd constant by which a salt is spread over 64 bits (2^64 / golden ratio)
_WORD = (1 << 64) - 1  # mask of 64 bits
_SLOT = re.compile(r"\{([^{}]+)\}")  # a place of a rule that another rule or a number fills
# Kinds of parts of a rule.
_WORDS, _RULE, _NUMBER = range(3)


@numba.njit(cache=True)
def _scrambled(key, salted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202  # compiled; types are inferred by numba
    """Scramble one key, or an array of keys (SplitMix64)."""
    z = key + salted
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


@numba.njit(cache=True)
def _expanded(keys, rule, first, begins, parts, salts, pool, unsalted):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """The bytes of `rule` for every key, concatenated, and the offset of each; see `Grammar` for the
    arrays.
    """
    out = np.empty(64 * len(keys) + 1024, np.uint8)
    edges = np.zeros(len(keys) + 1, np.int64)
    digits = np.empty(20, np.uint8)
    # Of every rule that is open: its next part, the part after its last, and its key. None is open twice, so
    # all of them fit.
    at, end, of = (
        np.empty(len(first), np.int64),
        np.empty(len(first), np.int64),
        np.empty(len(first), np.uint64),
    )
    size = 0
    for row in range(len(keys)):
        depth, name, key = 0, rule, keys[row]
        while True:
            if name >= 0:
                count = first[name + 1] - first[name]
                chosen = first[name] + np.int64(_scrambled(key, unsalted) % np.uint64(count))
                at[depth], end[depth], of[depth] = begins[chosen], begins[chosen + 1], key
                depth, name = depth + 1, -1
            if at[depth - 1] == end[depth - 1]:
                depth -= 1
                if depth == 0:
                    break
                continue
            part, key = at[depth - 1], of[depth - 1]
            at[depth - 1] += 1
            kind, low, high = parts[part, 0], parts[part, 1], parts[part, 2]
            if kind == _RULE:
                name, key = low, _scrambled(key, salts[part])
                continue
            words, begin, until = pool, low, high
            if kind == _NUMBER:
                number = low + np.int64(_scrambled(key, salts[part]) % np.uint64(high - low + 1))
                words, begin, until = digits, 20, 20
                while number > 0 or begin == 20:
                    begin -= 1
                    digits[begin] = 48 + number % 10
                    number //= 10
            if size + until - begin > len(out):
                larger = np.empty(2 * len(out) + until - begin, np.uint8)
                larger[:size] = out[:size]
                out = larger
            for i in range(begin, until):
                out[size] = words[i]
                size += 1
        edges[row + 1] = size
    return out[:size], edges


def mix(keys: Uints, salt: int = 0) -> Uints:
    """Scramble 64-bit keys by a bijection (Steele, Lea and Flood 2014, SplitMix64); `salt` selects the
    bijection.
    """
    return np.asarray(_scrambled(keys, _salted(salt)))


def below(keys: Uints, bound: int, salt: int = 0) -> Ints:
    """An integer in [0, bound) for every key."""
    return (mix(keys, salt) % np.uint64(bound)).astype(np.int64)


@lru_cache(maxsize=4096)  # salts of days and rules
def _salted(salt: int) -> np.uint64:
    """A constant of 64 bits for a salt."""
    return np.uint64((salt * _GOLDEN + 0x632BE59BD9B4E019) & _WORD)


@dataclass(frozen=True, slots=True, kw_only=True)
class _RulePart:
    """One piece of a rule: fixed words, a numeric range, or another rule."""

    words: str = ""
    rule: str = ""
    low: int = 0
    high: int = -1
    salt: int = 0


def _parse(text: str) -> tuple[_RulePart, ...]:
    """The parts of a rule's text."""
    parts: list[_RulePart] = []
    at = 0
    for order, slot in enumerate(_SLOT.finditer(text)):
        if slot.start() > at:
            parts.append(_RulePart(words=text[at : slot.start()]))
        name, _, tag = slot.group(1).partition("@")
        salt = 1000 + int(tag) if tag else order + 1
        if name.startswith("n:"):
            low, high = name[2:].split("-")
            parts.append(_RulePart(low=int(low), high=int(high), salt=salt))
        else:
            parts.append(_RulePart(rule=name, salt=salt))
        at = slot.end()
    if at < len(text) or not parts:
        parts.append(_RulePart(words=text[at:]))
    return tuple(parts)


class Grammar:
    """Rules by name, each with alternatives; no rule may lead back to itself.

    Held as arrays: `first` is each rule's first alternative, `begins` each alternative's first part,
    `parts` describes a part (words: their bytes in `pool`; a rule: its number; a number: its range) and
    `salts` derives its key. Raises `ValueError` for a slot without a rule; `graphlib.CycleError`, a
    `ValueError`, for a cycle.
    """

    def __init__(self, rules: Mapping[str, Sequence[str]]) -> None:
        self._number = {name: number for number, name in enumerate(rules)}
        first, begins, salts, pool = [0], [0], list[np.uint64](), bytearray()
        parts: list[tuple[int, int, int]] = []
        inside: TopologicalSorter[str] = TopologicalSorter()
        for name, texts in rules.items():
            for text in texts:
                for part in _parse(text):
                    if part.rule and part.rule not in rules:
                        raise ValueError(f"rule `{name}` names `{part.rule}`, which does not exist")
                    if part.rule:
                        inside.add(name, part.rule)
                        parts.append((_RULE, self._number[part.rule], 0))
                    elif part.high >= part.low:
                        parts.append((_NUMBER, part.low, part.high))
                    else:
                        words = part.words.encode()
                        parts.append((_WORDS, len(pool), len(pool) + len(words)))
                        pool += words
                    salts.append(_salted(part.salt))
                begins.append(len(parts))
            first.append(len(begins) - 1)
        inside.prepare()
        self._arrays = (
            np.array(first, np.int64),
            np.array(begins, np.int64),
            np.array(parts, np.int64).reshape(-1, 3),
            np.array(salts, np.uint64),
            np.frombuffer(bytes(pool), np.uint8),
        )

    def __contains__(self, rule: str) -> bool:
        return rule in self._number

    def expand(self, rule: str, keys: Uints) -> Texts:
        """The text of `rule` for every key; same shape as `keys`."""
        words, edges = _expanded(keys, self._number[rule], *self._arrays, _salted(0))
        texts = pa.LargeStringArray.from_buffers(len(keys), pa.py_buffer(edges), pa.py_buffer(words))
        return np.asarray(texts.to_numpy(zero_copy_only=False), dtype=object)


def typed_by_hand(texts: Texts, keys: Uints) -> Texts:
    """Change some prompts, in place, as people type: no capitals, no full stop, two letters swapped;
    returns them.
    """
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
    """Join templates and items: the template stands before (0), after (1) or inside the item (2)."""
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
    """Prompts read from a file: honest ones and, where given, those of a harvest (else None)."""

    honest: Texts
    harvest: Texts | None


def read_prompts(path: Path) -> RealText:
    """Read Parquet or JSON Lines with a column `prompt` or `text` and optionally `class` (honest, harvest).

    Raises `InputError` when the file is missing, is of neither format, lacks the column, or has no honest
    text.
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
