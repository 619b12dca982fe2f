"""Wording of numbers, times and strings on the page."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from stillwatch.claims.words import SUPERSCRIPT
from stillwatch.claims.words import count as count  # noqa: PLC0414  callers take it from here
from stillwatch.claims.words import listed as listed  # noqa: PLC0414
from stillwatch.foreign import THIN

# Short names of the months.
MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# A sentence about each kind of campaign.
KINDS = {
    "harvest": "The evidence favours answers being collected to train a model over serving end users.",
    "relay": "A reseller passing on real end users' questions. Control is shared; harvesting is not shown.",
    "mixed": "A reseller's pool that carries real end users and a harvest at the same time.",
    "fleet": "One party runs these accounts, and their work is no harvest: a labelling firm's private "
    "accounts, say.",
    "undetermined": "These accounts act as one; the evidence does not tell for what purpose.",
}
# Each hypothesis about a campaign's kind, as a clause.
HYPOTHESES = {
    "H1": "a trainer harvests directly",
    "H2": "a reseller relays real end users",
    "H3": "a reseller whose logs become training data",
    "H4": "an honest fleet: enterprise, evaluation vendor, course, agent product",
    "H5": "other fraud: free credit, spam",
}
# Meaning of each basis of a statement.
BASES = {
    "measured": "counted or computed from the logs",
    "inferred": "follows from what was measured, under stated assumptions",
    "alleged": "said by someone; not checked here",
    "not shown": "nothing here speaks for or against it",
}


def counted(value: int, noun: str) -> str:
    """A number with its noun: 1 account, 2 accounts."""
    return f"{count(value)} {noun}{'' if value == 1 else 's'}"


def compact(value: float) -> str:
    """A number for the tick of an axis: 1.5k, 20k, 3M."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage, never rounded to a false 0 or 100."""
    if 0 < share < 0.0005:
        return f"< 0.05{THIN}%"
    if 0.9995 < share < 1:
        return f"> 99.9{THIN}%"
    digits = 0 if share in (0, 1) or (share >= 0.1 and share < 0.99) or round(share * 100, 1) % 1 == 0 else 1
    return f"{share * 100:.{digits}f}{THIN}%"


def at_most(share: float | None) -> str:
    """An upper bound of a share in [0, 1] as text, rounded up; None for a bound that was not measured."""
    if share is None:
        return "not measured"
    if share < 0.0001:
        return f"below 0.01{THIN}%"
    size = 100 if share < 0.01 else 10 if share < 0.1 else 1  # steps to a per cent
    percents = math.ceil(round(share * 100 * size, 6)) / size
    return f"at most {min(percents, 100):g}{THIN}%"


def part(some: int, whole: int) -> str:
    """A count of a whole: none, 31 of 73, all 73."""
    if some <= 0:
        return "none"
    return f"all {count(whole)}" if some >= whole else f"{count(some)} of {count(whole)}"


def exponent(log10: float) -> str:
    """The exponent of a power of ten: 2.3, 15; one decimal below 10."""
    if not math.isfinite(log10):
        return "∞"
    return f"{log10:.1f}" if abs(log10) < 9.95 else count(log10)


def prose(statement: str) -> str:
    """A sentence of the scan with its numbers in the page's one form: 41 855, 10³⁷, 2 × 10⁻¹⁰; with a capital
    and a stop.

    Only numbers that stand alone are touched: those in names of accounts, addresses and versions are not.
    """
    said = re.sub(
        r"(?<![\w.,:/-])10\^(-?\d+(?:\.\d+)?)",
        lambda m: f"10{str(round(float(m[1]))).translate(SUPERSCRIPT)}",
        statement,
    )
    said = re.sub(r"(?<![\w.,:/-])(\d(?:\.\d+)?e-\d+)(?![\w-])", lambda m: scientific(float(m[1])), said)
    said = re.sub(r"(?<![\w.,:/@-])(\d{5,})(?![\w:/@-]|\.\d)", lambda m: count(int(m[1])), said)
    said = re.sub(r"between (\S+(?: %)?) and \1(?= |$)", r"\1", said)
    said = re.sub(r"(?<=\d) %", f"{THIN}%", said)
    ended = said if not said or said[-1] in ".!?)" else f"{said}."
    return f"{ended[:1].upper()}{ended[1:]}" if not re.match(r"[a-z]+_|\S*[@:/]", ended) else ended


def spaced(name: str) -> str:
    """A name of the code as words: shared_template is shared template."""
    return name.replace("_", " ")


def scientific(value: float) -> str:
    """A small positive number: 0.0042, or 3.1 × 10⁻¹²."""
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) >= 1e-3:
        return f"{value:.2g}"
    power = math.floor(math.log10(abs(value)))
    return f"{value / 10**power:.1f} × 10{str(power).translate(SUPERSCRIPT)}"


def power(log10: float) -> str:
    """A positive factor given by its log10, as 4.2, 320 or 10¹²."""
    if not math.isfinite(log10):
        return "0" if log10 < 0 else "∞"
    if -2 <= log10 < 1:
        return f"{10**log10:.2g}"
    if 1 <= log10 < 4:
        return count(10**log10)
    return f"10{str(round(log10)).translate(SUPERSCRIPT)}"


def odds(log10: float) -> str:
    """A likelihood ratio, given by its log10, as text: '320 to 1', or '1 to 40' for a ratio below 1."""
    return f"{power(log10)} to 1" if log10 >= 0 else f"1 to {power(-log10)}"


def moment(at: datetime | None) -> str:
    """A moment in UTC to the minute: 22 Apr 2026, 14:05."""
    if at is None:
        return "unknown"
    at = at.astimezone(UTC)
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}, {at:%H:%M}"


def day(at: datetime | None) -> str:
    """A day in UTC: 22 Apr 2026."""
    return moment(at).split(",")[0]


def duration(seconds: float) -> str:
    """A length of time with one unit: 45 days, 7 hours, 12 minutes, 3.1 seconds."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 1.5 * size or (seconds >= size and unit != "minute"):
            value = round(seconds / size, 1 if seconds < 10 * size else 0)
            return f"{value:g} {unit}{'' if value == 1 else 's'}"
    return f"{seconds:.1f} seconds"
