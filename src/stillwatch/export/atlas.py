"""Techniques of MITRE ATLAS that a campaign's results show."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

VERSION = "5.6.0"
"""Version of ATLAS from which identifiers and names are taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Technique:
    """A technique with its identifier, name and tactic; `parent_name` is empty except for a sub-technique."""

    technique: str
    name: str
    tactic: str
    tactic_id: str
    tactic_name: str
    parent_name: str = ""

    @property
    def parent(self) -> str:
        """The identifier of a sub-technique's parent; the own identifier for a technique."""
        return self.technique.rsplit(".", 1)[0] if self.parent_name else self.technique

    @property
    def url(self) -> str:
        """The URL of the technique's page."""
        return f"https://atlas.mitre.org/techniques/{self.technique}"


# Technique of campaigns that harvest.
EXTRACT_MODEL = Technique(
    technique="AML.T0024.002",
    name="Extract AI Model",
    tactic="exfiltration",
    tactic_id="AML.TA0010",
    tactic_name="Exfiltration",
    parent_name="Exfiltration via AI Inference API",
)
# Technique of every campaign.
INFERENCE_API = Technique(
    technique="AML.T0040",
    name="AI Model Inference API Access",
    tactic="ai-model-access",
    tactic_id="AML.TA0000",
    tactic_name="AI Model Access",
)
# Technique of campaigns whose accounts were made for them.
ESTABLISH_ACCOUNTS = Technique(
    technique="AML.T0021", name="Establish Accounts", tactic="resource-development", tactic_id="AML.TA0003",
    tactic_name="Resource Development",
)  # fmt: skip
# Technique of campaigns that relay.
SERVICE_PROXIES = Technique(
    technique="AML.T0008.005",
    name="AI Service Proxies",
    tactic="resource-development",
    tactic_id="AML.TA0003",
    tactic_name="Resource Development",
    parent_name="Acquire Infrastructure",
)
ACCOUNTS_MADE = frozenset({"shared_payment", "shared_signup", "signup_bursts", "signup_burst", "succession"})
"""Signals which show that accounts were opened for the campaign."""


def techniques(kind: str, signals: Collection[str]) -> tuple[Technique, ...]:
    """Techniques of a campaign of this kind with evidence by these signals, sorted by identifier.

    They rest on claims 1 to 3. Training a model on the answers (`AML.T0048.004`) is claim 4, which logs
    cannot show.
    """
    found = [INFERENCE_API]
    if kind in ("harvest", "mixed"):
        found.append(EXTRACT_MODEL)
    if kind in ("relay", "mixed"):
        found.append(SERVICE_PROXIES)
    if ACCOUNTS_MADE & set(signals):
        found.append(ESTABLISH_ACCOUNTS)
    return tuple(sorted(found, key=lambda one: one.technique))
