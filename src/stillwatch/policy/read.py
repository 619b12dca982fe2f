"""Reads a policy from TOML and checks every field. All problems are reported together; a policy with problems
is not used.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Callable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, get_args

from stillwatch.contract.results import CampaignKind
from stillwatch.errors import InputError, Problem
from stillwatch.policy.conditions import compiled
from stillwatch.policy.rules import ACTIONS, MODES, PROVIDERS, Policy, Rule
from stillwatch.suggestions import did_you_mean

FORMAT = "stillwatch-policy-1"  # name and version of the format of a policy
MAX_BYTES = 1 << 20  # most bytes of a policy file
CODE = re.compile(r"[a-z][a-z0-9_]{2,39}")  # an error code that clients are sent
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,79}")  # a name of a policy or rule
TELLING = re.compile(
    r"campaign|distil|harvest|extract|detect|stillwatch|fingerprint|coordinat|cluster|scrap", re.IGNORECASE
)
"""Words that would reveal to a client what was detected; they are not allowed in text that clients see."""

Check = Callable[[Any], str]
"""Checks one field: returns an empty text for a valid value, otherwise a description of valid values."""


def _text(longest: int, pattern: re.Pattern[str] | None = None) -> Check:
    """Check of a text: at most `longest` characters, and matching the whole `pattern` where one is given."""

    def check(value: Any) -> str:  # noqa: ANN401  any value of TOML
        """What the value would have to be; empty where it is."""
        fits = (
            isinstance(value, str) and len(value) <= longest and (pattern is None or pattern.fullmatch(value))
        )
        return (
            ""
            if fits
            else f"text of at most {longest} characters" + (f", {pattern.pattern}" if pattern else "")
        )

    return check


def _number(least: float, most: float, *, whole: bool = False) -> Check:
    """Check of a number from `least` to `most`; with `whole`, an integer."""

    def check(value: Any) -> str:  # noqa: ANN401  any value of TOML
        """What the value would have to be; empty where it is."""
        right = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
        return (
            ""
            if right and least <= value <= most
            else f"a {'whole ' * whole}number from {least:g} to {most:g}"
        )

    return check


def _one_of(*names: str) -> Check:
    """Check that a value is one of these names."""
    return lambda value: "" if value in names else ", ".join(names)


def _some_of(check: Check) -> Check:
    """Check of a list whose items all pass `check`."""

    def all_fit(value: Any) -> str:  # noqa: ANN401  any value of TOML
        """The fault of the first item that does not pass; empty where all do."""
        if not isinstance(value, list):
            return "a list"
        return next((fault for one in value if (fault := check(one))), "")

    return all_fit


def _shown(longest: int) -> Check:
    """Check of text that a client may see: its length, and no word of `TELLING`."""

    def check(value: Any) -> str:  # noqa: ANN401  any value of TOML
        """What is wrong with the text; empty where nothing is."""
        check_text = _text(longest)(value)
        if check_text:
            return check_text
        found = TELLING.search(value)
        return f"words that do not tell what was noticed (`{found[0]}` does)" if found else ""

    return check


def _code(value: Any) -> str:  # noqa: ANN401  any value of TOML
    """Check of an error code for clients: the form `CODE`, and no word of `TELLING`."""
    return _text(40, CODE)(value) or _shown(40)(value)


POLICY: Mapping[str, Check] = {
    "format": _one_of(FORMAT),
    "name": _text(80, NAME),
    "version": _number(1, 1e9, whole=True),
    "mode": _one_of(*MODES),
    "on_error": _one_of("allow", "deny"),
    "deadline_ms": _number(1, 10_000),
    "provider": _one_of(*PROVIDERS),
    "appeal": _shown(300),
    "key_routes": _some_of(_text(200)),
    "stop_after_honest": _number(0, 1e9, whole=True),
    "rule": lambda _value: "",
}
"""Check of each field of a policy."""
RULE: Mapping[str, Check] = {
    "name": _text(80, NAME),
    "action": _one_of(*ACTIONS),
    "reason": _code,
    "message": _shown(500),
    "kinds": _some_of(_one_of(*get_args(CampaignKind))),
    "claims": _some_of(_number(1, 5, whole=True)),
    "q_value_at_most": _number(0, 1),
    "fpr_at_most": _number(0, 1),
    "probability_at_least": _number(0, 1),
    "newcomer_weight_at_least": _number(0, 1000),
    "plans": _some_of(_text(80)),
    "not_plans": _some_of(_text(80)),
    "programs": _some_of(_text(80)),
    "not_programs": _some_of(_text(80)),
    "when": _text(10_000),
    "share": _number(0, 1),
    "approvals": _number(0, 10, whole=True),
    "mode": _one_of(*MODES),
    "retry_after_s": _number(1, 86_400, whole=True),
    "per_minute": _number(0, 1e6),
    "per_hour": _number(0, 1e9),
    "ttl_s": _number(0, 86_400, whole=True),
    "expires_days": _number(0.01, 3650),
}
"""Check of each field of a rule."""
SETS = frozenset({"kinds", "claims", "plans", "not_plans", "programs", "not_programs"})
"""Fields of a rule that are read as sets."""


def standard() -> Policy:
    """The policy that is included in the package, used where none is given."""
    return parse(resources.files("stillwatch.policy").joinpath("standard.toml").read_bytes(), "standard.toml")


def read_policy(path: Path) -> Policy:
    """The policy in a TOML file. Raises `InputError` with all problems."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InputError(
            Problem(
                fact="the policy cannot be read",
                where=str(path),
                found=error.strerror or type(error).__name__,
            )
        ) from None
    return parse(content, str(path))


def parse(content: bytes, where: str) -> Policy:
    """The policy in the bytes of a TOML file; `where` names it in messages. Raises `InputError` with all
    problems.
    """
    if len(content) > MAX_BYTES:
        raise InputError(
            Problem(fact="the policy is too long", where=where, expected=f"at most {MAX_BYTES} bytes")
        )
    try:
        given = tomllib.loads(content.decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InputError(Problem(fact="the policy is no TOML", where=where, found=str(error)[:160])) from None
    problems = _checked(given, POLICY, where, ("format", "name", "version"))
    rules, faults = _rules(given.get("rule"), where)
    problems += faults
    if problems:
        raise InputError(*problems)
    settings = {name: value for name, value in given.items() if name not in ("format", "rule")}
    settings["key_routes"] = tuple(settings.get("key_routes", ()))
    return Policy(**settings, rules=rules, digest=hashlib.sha256(content).hexdigest(), text=content.decode())


def _rules(given: object, where: str) -> tuple[tuple[Rule, ...], list[Problem]]:
    """The rules of a policy, and their problems."""
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        return (), [
            Problem(fact="the policy has no rule", where=where, expected="one or more tables [[rule]]")
        ]
    rules, problems, names = [], [], set()
    for number, one in enumerate(given, 1):
        place = f"{where}, rule {number}"
        faults = _checked(one, RULE, place, ("name", "action")) + _sense(one, place)
        if one.get("name") in names:
            faults.append(Problem(fact="two rules have one name", where=place, found=str(one["name"])[:80]))
        names.add(one.get("name"))
        condition, uses_request = None, False
        if isinstance(one.get("when"), str):
            condition, uses_request, bad = compiled(one["when"], place)
            faults += bad
        problems += faults
        if not faults:
            fields_of_rule: dict[str, Any] = {
                name: frozenset(value) if name in SETS else value for name, value in one.items()
            }
            rules.append(Rule(**fields_of_rule, condition=condition, uses_request=uses_request))
    return tuple(rules), problems


def _checked(
    given: Mapping[str, Any], fields: Mapping[str, Check], where: str, needed: tuple[str, ...]
) -> list[Problem]:
    """Problems of a table's fields: missing, unknown and invalid ones."""
    problems = [
        Problem(
            fact=f"`{name}` is missing", where=where, fix=f'{name} = "{FORMAT}"' if name == "format" else ""
        )
        for name in needed
        if name not in given
    ]
    for name, value in given.items():
        if name not in fields:
            problems.append(
                Problem(
                    fact=f"no field is called `{name[:80]}`",
                    where=where,
                    expected=", ".join(fields),
                    fix=did_you_mean(name, fields),
                )
            )
        elif fault := fields[name](value):
            problems.append(
                Problem(
                    fact=f"`{name}` cannot have this value",
                    where=where,
                    found=repr(value)[:80],
                    expected=fault,
                )
            )
    return problems


def _sense(one: Mapping[str, Any], where: str) -> list[Problem]:
    """Problems of a rule's fields in combination."""
    if one.get("action") == "pool_budget" and not one.get("per_hour"):
        return [
            Problem(
                fact="`pool_budget` needs `per_hour`",
                where=where,
                expected="requests an hour that all accounts of a campaign may make together",
            )
        ]
    return []
