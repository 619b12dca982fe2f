"""Words for what this program counts and names.

No sentence of a table is repeated, since a table may contain text written by others.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime

from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.foreign import THIN

# Title of each claim.
TITLES = {
    1: "These exchanges happened",
    2: "These accounts share control",
    3: "The purpose is harvesting",
    4: "A particular model was trained on the answers",
    5: "A particular organisation directed it",
}
SIGNALS = {
    "shared_payment": "members' cards pay for other members that claim to be strangers",
    "handoff": "conversations continue on another member's account",
    "trace_coercion": "members try to force hidden reasoning into the answer",
    "refused_extraction": "members' requests were refused as extraction",
    "work_queue": "members divide one pool of requests with fewer repeats than chance",
    "fungible": "all members send one mixture of work, as if the sender were drawn at random",
    "rotation": "work returns to a member only after the others had their turn",
    "load_balance": "volumes are evened out over members as a scheduler does",
    "even_volumes": "members' daily volumes lie in a narrow span",
    "capability_concentration": "members ask for one capability more than others do",
    "even_coverage": "members' prompts spread evenly over their topics",
    "even_days": "members' days are more even than people's",
    "harvest_shape": "exchanges open a conversation and do not go on with it",
    "joint_silence": "members fall silent together",
    "output_length": "members' answers have one length",
    "prompt_length": "members' prompts have one length",
    "regular_gaps": "pauses between members' exchanges are regular",
    "release_pivot": "members move to a new model together",
    "round_the_clock": "members are active in the quietest third of the day",
    "sessions": "exchanges follow each other unlike people's sessions",
    "shared_signup": "members signed up from one address",
    "signup_bursts": "members signed up within minutes of each other",
    "succession": "members begin within hours of another member's end",
    "synchrony": "members are active in the same hours",
    "written_out": "prompts are written out as programs write them",
}
"""What each group test observes, as a clause; a test that is not listed is called by its name."""
# Clauses of traits where they are evidence for one party's control.
TRAITS = {
    "client_prefix": "most members share one address range",
    "email_domain": "most members share one mail domain",
    "system_prompt": "most members share one system prompt",
    "user_agent": "most members use one client program",
    "payment_fingerprint": "members' cards",
    "signup_address": "members' sign-up addresses",
    "owner": "members declare common owners, who answer for them openly",
    "texts": "members work through one list of texts, as a class or a suite does",
    "span": "most of the activity falls into few days, as at an event",
    "age": "members' accounts are of one age",
    "nights": "members keep a person's nights",
    "clock": "members send at fixed minutes, as scheduled programs do",
}
APART = {
    "payment_fingerprint": "no two members pay with the same card",
    "signup_address": "no two members signed up from the same address",
}
"""Clauses of traits where they are evidence against one party's control."""
# A name that the program gives; other names may be a stranger's text and are not shown.
NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
# Names of the months.
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
# Translation of digits and the minus sign to superscripts.
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def named(name: str, otherwise: str = "one that is not named here") -> str:
    """A name of the program with spaces for underscores; `otherwise` for text that cannot be such a name."""
    return name.replace("_", " ") if NAME.fullmatch(name) else otherwise


def signal(kind: str) -> str:
    """What a group test observes, as a clause."""
    return SIGNALS.get(kind) or f"the test {named(kind)}"


def trait(name: str, speaks: str) -> str:
    """A first fact as a clause; `speaks` is its direction."""
    return (APART.get(name) if speaks == "against" else None) or TRAITS.get(name) or signal(name)


def capability(name: str) -> str:
    """A capability class of the contract as words; "other" for any other text."""
    return name.replace("_", " ") if name in CAPABILITIES else "other"


def count(value: float) -> str:
    """A whole number with thin separators: 28 800 000."""
    return f"{round(value):,}".replace(",", THIN)


def tenfold(log10: float) -> str:
    """A factor, given by its log10, as text; with a power of ten for factors of 100 or more and of 0.01 or
    less: 10²⁴·⁹ is written 8 × 10²⁴.
    """
    if not math.isfinite(log10):
        return "∞"
    if abs(log10) < 2:
        return f"{10**log10:.2g}"
    power = math.floor(log10)
    first = round(10 ** (log10 - power))
    power, first = (power + 1, 1) if first == 10 else (power, first)
    return f"{first}{THIN}×{THIN}10{str(power).translate(SUPERSCRIPT)}"


def share(value: float) -> str:
    """A probability or rate as text: in per cent, or with a power of ten below 0.001."""
    if value <= 0:
        return "0"
    if value < 1e-3:
        return tenfold(math.log10(value))
    shown = f"{100 * value:.2g}" if value < 0.1 else f"{100 * value:.0f}"
    return f"> 99{THIN}%" if shown == "100" and value < 1 else f"{shown}{THIN}%"


def moment(at: str | datetime) -> str:
    """A moment in UTC to the minute: 22 April 2026, 14:05 UTC."""
    when = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    return f"{when.day} {MONTHS[when.month - 1]} {when.year}, {when:%H:%M} UTC"


def listed(parts: Sequence[str]) -> str:
    """Parts as in a sentence: a, b and c."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}" if parts else ""
