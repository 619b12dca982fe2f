"""Plans that are committed to: frozen dataclasses whose file holds their SHA-256."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, Self

from stillwatch.engine.files import atomic
from stillwatch.errors import InputError, Problem

# Types of a value in JSON, by the type of its field.
PLAIN: dict[str, tuple[type, ...]] = {"str": (str,), "int": (int,), "float": (int, float)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CommittedPlan:
    """Base of a plan. Its fields are of type `str`, `int`, `float`, or tuples of `str` or `int`.

    `FORM` is the format's name, `NOUN` names the plan in messages, `MADE_BY` is the command that writes it,
    and `WHY` says why a changed plan is refused.
    """

    FORM: ClassVar[str]
    NOUN: ClassVar[str]
    MADE_BY: ClassVar[str]
    WHY: ClassVar[str]

    @property
    def sha256(self) -> str:
        """SHA-256 (hex) of the plan."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def fault(self) -> str:
        """What contradicts itself in fields that have their types; empty where nothing does."""
        return ""

    def write(self, path: Path) -> None:
        """Write the plan as JSON; the file is replaced atomically."""
        held = {"format": self.FORM, "sha256": self.sha256, **asdict(self)}
        with atomic(path) as temporary:
            temporary.write_text(json.dumps(held, indent=2) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a plan; raises `InputError` where the file is no plan or was changed after it was made."""
        try:
            held: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            if held.pop("format") != cls.FORM:
                raise ValueError("another format")
            stated = held.pop("sha256")
            for one in fields(cls):
                held[one.name] = _typed(one.name, str(one.type), held[one.name])
            plan = cls(**held)
            if fault := plan.fault():
                raise ValueError(fault)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(
                Problem(
                    fact=f"this is no {cls.NOUN}",
                    where=str(path),
                    found=str(error) if isinstance(error, ValueError) else type(error).__name__,
                    expected=f"what `{cls.MADE_BY}` writes ({cls.FORM})",
                )
            ) from None
        if plan.sha256 != stated:
            raise InputError(
                Problem(
                    fact="the plan was changed after it was made",
                    where=str(path),
                    found=plan.sha256,
                    expected=stated,
                    why=cls.WHY,
                )
            )
        return plan


def _typed(name: str, kind: str, value: object) -> object:
    """The value of a field, a list as a tuple; raises `ValueError` where it is of another type."""
    if kind.startswith("tuple["):
        parts = kind.removeprefix("tuple[").removesuffix("]").split(", ")
        is_long_enough = isinstance(value, list) and (parts[-1] == "..." or len(value) == len(parts))
        if isinstance(value, list) and is_long_enough and all(_is(one, PLAIN[parts[0]]) for one in value):
            return tuple(value)
    elif _is(value, PLAIN[kind]):
        return value
    raise ValueError(f"`{name}` is not {kind}")


def _is(value: object, kinds: tuple[type, ...]) -> bool:
    """Whether a value is of one of the types; a boolean is no number."""
    return isinstance(value, kinds) and not isinstance(value, bool)
