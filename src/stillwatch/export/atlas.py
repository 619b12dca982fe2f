"""Techniques of MITRE ATLAS that the results of a campaign show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

VERSION = "5.6.0"
"""Version of the ATLAS content that identifiers and names are from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """A technique with its identifier, name and tactic; a sub-technique with its parent's name too."""

    technique: str
    name: str
    tactic: str
    tactic_id: str
    tactic_name: str
    parent_name: str = ""

    @property
    def parent(self) -> str:
        """The identifier of the technique that a sub-technique belongs to; its own for a technique."""
        return self.technique.rsplit(".", 1)[0] if self.parent_name else self.technique

    @property
    def url(self) -> str:
        """The technique's page."""
        return f"https://atlas.mitre.org/techniques/{self.technique}"


EXTRACT_MODEL = Technique(
    technique="AML.T0024.002",
    name="Extract AI Model",
    tactic="exfiltration",
    tactic_id="AML.TA0010",
    tactic_name="Exfiltration",
    parent_name="Exfiltration via AI Inference API",
)
INFERENCE_API = Technique(
    technique="AML.T0040",
    name="AI Model Inference API Access",
    tactic="ai-model-access",
    tactic_id="AML.TA0000",
    tactic_name="AI Model Access",
)
ESTABLISH_ACCOUNTS = Technique(
    technique="AML.T0021", name="Establish Accounts", tactic="resource-development", tactic_id="AML.TA0003",
    tactic_name="Resource Development",
)  # fmt: skip
SERVICE_PROXIES = Technique(
    technique="AML.T0008.005",
    name="AI Service Proxies",
    tactic="resource-development",
    tactic_id="AML.TA0003",
    tactic_name="Resource Development",
    parent_name="Acquire Infrastructure",
)
ACCOUNTS_MADE = frozenset({"shared_payment", "shared_signup", "signup_bursts", "signup_burst", "succession"})
"""Signals that show that accounts were opened for the purpose."""


def techniques(kind: str, signals: Collection[str]) -> tuple[Technique, ...]:
    """Techniques that a campaign of this kind with evidence by these signals shows, in the order of their
    identifiers.

    Claims 1 to 3 carry them. That a model was trained on the answers (`AML.T0048.004`) is claim 4, which logs
    do not show.
    """
    found = [INFERENCE_API]
    if kind in ("harvest", "mixed"):
        found.append(EXTRACT_MODEL)
    if kind in ("relay", "mixed"):
        found.append(SERVICE_PROXIES)
    if ACCOUNTS_MADE & set(signals):
        found.append(ESTABLISH_ACCOUNTS)
    return tuple(sorted(found, key=lambda one: one.technique))
