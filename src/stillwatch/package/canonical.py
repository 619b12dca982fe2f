"""Canonical JSON (RFC 8785): equal values have equal bytes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from decimal import Decimal

LARGEST_INTEGER = 2**53 - 1  # doubles represent all integers up to this size exactly (RFC 7493, section 2.2)

Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]


def canonical(value: Json) -> bytes:
    r"""The value in canonical form (RFC 8785), as UTF-8.

    Raises `ValueError` for values without such a form: numbers that are not finite, integers beyond 2^53 -
    1, strings with lone surrogates.

    >>> canonical({"b": [1e30, 4.50, 2e-3], "a": "\u20ac"})
    b'{"a":"\xe2\x82\xac","b":[1e+30,4.5,0.002]}'
    """
    return _written(value).encode("utf-8")


def _written(value: Json) -> str:
    """A value in canonical JSON (RFC 8785). Raises `ValueError` for what JSON cannot hold exactly."""
    if value is None or isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError("an integer beyond 2^53 - 1")
        return str(value)
    if isinstance(value, Mapping):
        # By UTF-16 code units (section 3.2.3), which is not the order of code points.
        keys = sorted(value, key=lambda key: key.encode("utf-16-be"))
        return "{" + ",".join(f"{_written(key)}:{_written(value[key])}" for key in keys) + "}"
    return "[" + ",".join(map(_written, value)) + "]"


def _number(value: float) -> str:
    """A double as ECMAScript writes it (section 3.2.2.3): the shortest digits that give it back."""
    if not math.isfinite(value):
        raise ValueError("a number that is not finite")
    if value == 0:
        return "0"
    _sign, figures, power = Decimal(repr(abs(value))).as_tuple()
    assert isinstance(power, int)
    digits = "".join(map(str, figures)).rstrip("0")
    point = len(figures) + power  # where the decimal point stands, from the first digit
    if len(digits) <= point <= 21:
        text = digits.ljust(point, "0")
    elif 0 < point <= 21:
        text = f"{digits[:point]}.{digits[point:]}"
    elif -6 < point <= 0:
        text = f"0.{'0' * -point}{digits}"
    else:
        text = f"{digits[0]}{'.' if digits[1:] else ''}{digits[1:]}e{point - 1:+d}"
    return f"-{text}" if value < 0 else text
