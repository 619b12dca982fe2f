"""Was a plan there before the first question was asked?

A digest shows that a plan's file is whole, and nothing more: whoever edits a plan can compute it anew. What protects it is the time
stamp of an authority (RFC 3161) over the plan's file, which nobody else can make: `openssl ts` checks it here.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stillwatch.engine.files import sha256
from stillwatch.errors import InputError, MissingExtra, Problem

SECONDS = 30  # that `openssl` may take
IMPRINT = re.compile(r"^\s+[0-9a-f]{4} - ((?:[0-9a-f]{2}[ -]){1,16})", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stamp:
    """When an authority saw the plan's file, in its own words, and whether its signature was checked against a certificate."""

    at: str
    is_verified: bool


def beside(plan: Path) -> Path:
    """Where a plan's time stamp is, unless another place is given."""
    return plan.with_name(f"{plan.name}.tsr")


def check(plan: Path, response: Path | None, authority: Path | None) -> Stamp | None:
    """The time stamp of a plan's file; none where there is none.

    `authority` is the authority's certificate, or its chain, as PEM. Raises `InputError` for a stamp of another file, with a hash other
    than SHA-256, or with a signature that the certificate does not explain; `MissingExtra` without `openssl`.
    """
    response = response or beside(plan)
    if not response.is_file():
        return None
    told = _openssl("ts", "-reply", "-in", str(response), "-text")
    when = re.search(r"^Time stamp: (.+)$", told.stdout, re.MULTILINE)
    if told.returncode or not when or "Hash Algorithm: sha256" not in told.stdout:
        raise InputError(
            Problem(
                fact="this is no time stamp over SHA-256",
                where=str(response),
                expected="a response of RFC 3161",
                fix=f"openssl ts -query -data {plan} -sha256 -cert -out {plan.name}.tsq, and have an authority answer it",
            )
        )
    _, _, imprint = told.stdout.partition("Message data:")
    imprint, _, _ = imprint.partition("Serial number:")
    found = re.sub(r"[^0-9a-f]", "", "".join(IMPRINT.findall(imprint)))
    if found != sha256(plan):
        raise InputError(
            Problem(
                fact="the time stamp is of another file than this plan",
                where=str(response),
                found=found,
                expected=sha256(plan),
                why="a plan that was edited after it was stamped is no plan",
            )
        )
    if authority is not None:
        checked = _openssl(
            "ts",
            "-verify",
            "-data",
            str(plan),
            "-in",
            str(response),
            "-CAfile",
            str(authority),
            "-untrusted",
            str(authority),
        )
        if checked.returncode:
            raise InputError(
                Problem(
                    fact="the time stamp's signature is not that of the authority",
                    where=str(response),
                    expected=f"a signature that {authority.name} explains",
                )
            )
    return Stamp(at=when.group(1).strip(), is_verified=authority is not None)


def _openssl(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("openssl")
    if program is None:
        raise MissingExtra(Problem(fact="checking a time stamp needs `openssl`", fix="apt install openssl"))
    return subprocess.run(
        [program, *words], capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False
    )
