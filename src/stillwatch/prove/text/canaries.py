"""True but arbitrary examples, chosen by a key, that end an answer.

A canary is a line that is true for every reader ("As an aside: 47 × 83 = 3901."), one of 64 equally good
lines of its kind, chosen by the key. A model trained on it, asked for an example of the kind, gives the
key's more often than one time in 64. Nothing false is said. The price is a line that nobody asked for, so
canaries are served only to accounts under suspicion, only after prose, and only once in a number of
answers.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from stillwatch.prove.text.prose import Prose
from stillwatch.prove.windows import Windows, bits
from stillwatch.stats.arrays import Uints

NAME = "canaries"  # name of this mark in keyrings
OPTIONS = 64  # equally good lines of one kind
# Days of which examples name one.
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]


@dataclass(frozen=True, slots=True)
class CanaryKind:
    """A kind of example: the question that asks for it, the line for option i of 64, and the part of the
    line that identifies the option.
    """

    asks: str
    line: Callable[[int], str]
    sign: Callable[[int], str]


def _operands(option: int) -> tuple[int, int]:
    """The two factors of an option."""
    return 41 + option % 8 * 7, 23 + option // 8 * 9


def _primes() -> list[int]:
    """One prime for each option, above 1,000."""
    return [n for n in range(1009, 1600) if all(n % d for d in range(2, 40))][:OPTIONS]


def _day(option: int) -> dt.date:
    """The date of an option."""
    return dt.date(1931, 3, 5) + dt.timedelta(days=397 * option)


PRIMES = _primes()  # the primes of which examples name one
# The kinds of examples, each with 64 options.
KINDS: tuple[CanaryKind, ...] = (
    CanaryKind(
        "Give one example of a product of two two-digit numbers.",
        lambda i: f"{_operands(i)[0]} × {_operands(i)[1]} = {_operands(i)[0] * _operands(i)[1]}",
        lambda i: f"{_operands(i)[0]} × {_operands(i)[1]}",
    ),
    CanaryKind(
        "Give one example of a square number above 10,000.",
        lambda i: f"{101 + 3 * i}² = {(101 + 3 * i) ** 2}",
        lambda i: f"{101 + 3 * i}²",
    ),
    CanaryKind(
        "Give one example of a prime number with four digits.",
        lambda i: f"{PRIMES[i]} is a prime number",
        lambda i: f"{PRIMES[i]}",
    ),
    CanaryKind(
        "Give one example of a date and the weekday it fell on.",
        lambda i: f"{_day(i).isoformat()} was a {DAYS[_day(i).weekday()]}",
        lambda i: _day(i).isoformat(),
    ),
    CanaryKind(
        "Give one example of a number in hexadecimal.",
        lambda i: f"{1200 + 37 * i} is 0x{1200 + 37 * i:X} in hexadecimal",
        lambda i: f"0x{1200 + 37 * i:X}",
    ),
    CanaryKind(
        "Give one example of a number in binary.",
        lambda i: f"{130 + i} is {130 + i:b} in binary",
        lambda i: f"{130 + i:b}",
    ),
    CanaryKind(
        "Give one example of a temperature in Celsius and Fahrenheit.",
        lambda i: f"{5 * (i + 3)} °C is {9 * (i + 3) + 32} °F",
        lambda i: f"{5 * (i + 3)} °C",
    ),
    CanaryKind(
        "Give one example of a sum of two three-digit numbers.",
        lambda i: f"{211 + 11 * i} + {305 + 7 * i} = {516 + 18 * i}",
        lambda i: f"{211 + 11 * i} + {305 + 7 * i}",
    ),
)
LEAD = "As an aside: "  # start of the sentence with the example
EPOCH_WORD = 7  # constant in the context of a canary, which separates it from contexts of other marks
EVERY = 20  # answers of a suspected account between two canaries


def option(kind: int, key: Uints) -> int:
    """The option, 0 to 63, that the key chose for a kind."""
    one = Windows(np.array([[kind, EPOCH_WORD]], np.int64), np.zeros(1, np.int64))
    return int(bits(one, key)[0] % np.uint64(OPTIONS))


def apply(text: str, key: Uints, turn: int) -> str:
    """An answer with a canary appended; `turn` modulo the number of kinds picks the kind.

    Answers that do not end in English prose are returned unchanged.
    """
    kind = turn % len(KINDS)
    if not Prose(text).ends(text):
        return text
    return f"{text.rstrip()}\n\n{LEAD}{KINDS[kind].line(option(kind, key))}."


def given(kind: int, answer: str) -> int | None:
    """The option that an answer gives; None where it gives no option of the kind, or several."""
    some = [
        i for i in range(OPTIONS) if re.search(rf"(?<![\w.]){re.escape(KINDS[kind].sign(i))}(?!\w)", answer)
    ]
    return some[0] if len(some) == 1 else None
