"""Comparison of hypotheses about a campaign's purpose, and the claims that follow.

Five hypotheses are compared: H1 a trainer harvests directly; H2 a reseller relays real end users; H3 a
reseller relays end users and its logs become training data; H4 a fleet, that is common control for work that
is no harvest, such as a labelling firm's; H5 other fraud. All of them have common control, so only the
content of the requests separates them. The densities below are judgements, not fits:
`docs/methods/hypotheses.md` gives the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from stillwatch.contract.results import CampaignKind
from stillwatch.contract.summaries import CAPABILITIES
from stillwatch.detect.judge import Judged
from stillwatch.stats.evalues import LN10

HYPOTHESES = ("H1", "H2", "H3", "H4", "H5")  # names of the hypotheses about a campaign's kind
# Beta law of the share of requests beyond ordinary use, by hypothesis.
DENSITIES: dict[str, tuple[float, float]] = {
    # Parameters (a, b) of the beta law of `MemberContent.beyond` under each hypothesis.
    "H1": (2.0, 1.0),
    "H2": (1.0, 60.0),
    "H3": (3.0, 3.0),
}
# Mixtures of Beta(a, b) laws, as (weight, a, b), for a harvest and for a fleet: of the share of exchanges
# whose text was not sent before, and of the share of members that are inactive at night as a person is.
NOVELTY = {"harvest": ((0.85, 10.0, 1.0), (0.15, 1.0, 1.0)), "fleet": ((0.5, 1.0, 15.0), (0.5, 6.0, 1.0))}
# Beta laws (weight, a, b) of the share of requests at night, by hypothesis.
WITH_NIGHTS = {"harvest": ((0.75, 1.0, 6.0), (0.25, 1.0, 1.0)), "fleet": ((0.6, 6.0, 1.0), (0.4, 1.0, 1.0))}
COERCED = 2.0  # log10 likelihood ratio of a harvest against a fleet where requests coerce hidden reasoning
RARER = {"H3": 0.7}  # log10 subtracted as a prior: only some resellers also harvest
HANDED = {"H1": 0.05, "H2": 0.6, "H3": 0.6}  # probability that handed-over conversations are found
DECISIVE, CLEAR = 1.0, 0.2  # log10 leads over other hypotheses that naming a kind requires
LARGEST_LOG_ODDS = 300.0  # largest log10 e-value of a common purpose that counts


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberContent:
    """Shares that describe the requests of a campaign's members, over all of their traffic.

    * `unusual`: share of requests beyond ordinary use (`detect.excess`).
    * `follow_up`: share of those that continue a conversation, divided by the usual share, at most 1; None
      without conversation ids.
    * `novelty`: share of attributed exchanges whose text no earlier one had; None without texts.
    * `nights`: share of members that are inactive at night as a person is; None where unknown.
    """

    unusual: float
    follow_up: float | None
    novelty: float | None = None
    nights: float | None = None

    @property
    def beyond(self) -> float:
        """Share of requests that are beyond ordinary use and do not continue a conversation, as those of a
        harvest.
        """
        return self.unusual * (1.0 - (self.follow_up or 0.0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """Result of `explain`: for each hypothesis its log10 likelihood relative to the best one (0 or less) and
    its reason as text, and the campaign's `kind`.
    """

    kind: CampaignKind
    log10: Mapping[str, float]
    reasons: Mapping[str, str]


def content(
    unusual: float,
    follow_up: float | None,
    usual: float | None,
    novelty: float | None = None,
    nights: float | None = None,
) -> MemberContent:
    """The `MemberContent` of shares of the members' exchanges.

    `follow_up` is divided by `usual`, the share of exchanges that continue a conversation where people
    converse; the result is None where one of them is None or `usual` is 0.
    """
    relative = min(1.0, follow_up / usual) if follow_up is not None and usual else None
    return MemberContent(unusual=unusual, follow_up=relative, novelty=novelty, nights=nights)


def explain(judged: Judged, seen: MemberContent) -> Explained:
    """Compare the hypotheses for one campaign, from its evidence `judged` and its content `seen`."""
    from scipy.stats import beta

    scores = dict.fromkeys(HYPOTHESES, 0.0)
    share = float(np.clip(seen.beyond, 0.02, 0.98))
    for hypothesis, shape in DENSITIES.items():
        scores[hypothesis] = float(beta.logpdf(share, *shape)) / LN10 - RARER.get(hypothesis, 0.0)
    handed = judged.strongest_of("handoff")
    if handed is not None:
        spoke = handed.log_e > np.log(20)
        for hypothesis, chance in HANDED.items():
            scores[hypothesis] += float(np.log10(chance if spoke else 1 - chance))
    best = max(scores[h] for h in ("H1", "H2", "H3"))
    purpose = min(max(judged.families.get("purpose", 0.0) / LN10, 0.0), LARGEST_LOG_ODDS)
    scores["H4"] = scores["H1"] - _like_a_harvest(judged, seen)
    scores["H5"] = best - 1.0 - purpose
    top = max(scores.values())
    relative = {h: scores[h] - top for h in HYPOTHESES}
    return Explained(kind=_kind(relative), log10=relative, reasons=_reasons(seen, purpose))


def _like_a_harvest(judged: Judged, seen: MemberContent) -> float:
    """Log10 likelihood ratio of a harvest against a fleet, from the novelty of texts, the members' nights and
    coerced reasoning.
    """
    ratio = 0.0
    for share, laws in ((seen.novelty, NOVELTY), (seen.nights, WITH_NIGHTS)):
        if share is not None:
            ratio += _log10_density(share, laws["harvest"]) - _log10_density(share, laws["fleet"])
    return ratio + COERCED * float(judged.families.get("coercion", 0.0) > np.log(20))


def _log10_density(share: float, law: Sequence[tuple[float, float, float]]) -> float:
    """Log10 density at `share` of a mixture of beta laws, given as (weight, a, b)."""
    from scipy.stats import beta

    at = float(np.clip(share, 0.01, 0.99))
    return float(np.log10(sum(weight * beta.pdf(at, a, b) for weight, a, b in law)))


def _kind(log10: Mapping[str, float]) -> CampaignKind:
    """The kind of the best hypothesis where its lead is large enough, else "undetermined". A harvest needs a
    decisive lead over a relay.
    """
    ordered = sorted(log10, key=lambda h: -log10[h])
    lead = -log10[ordered[1]]
    if ordered[0] == "H1" and -log10["H2"] >= DECISIVE:
        return "harvest" if -log10["H3"] >= CLEAR else "undetermined"
    if ordered[0] == "H2" and lead >= CLEAR:
        return "relay"
    if ordered[0] == "H4" and lead >= DECISIVE:
        return "fleet"
    if ordered[0] == "H3" and -log10["H2"] >= DECISIVE:
        return "mixed"
    return "undetermined"


def _reasons(seen: MemberContent, purpose: float) -> dict[str, str]:
    """The reason of each hypothesis as text; `purpose` is the log10 e-value of a common purpose."""
    words = (
        f"{100 * seen.unusual:.0f} % of members' requests are of kinds and lengths that others hardly ask for"
    )
    if seen.follow_up is None:
        turns = "the log has no conversation ids, so follow-ups could not be looked at"
    else:
        turns = f"these are followed up {100 * seen.follow_up:.0f} % as often as is usual"
    return {
        "H1": f"a harvest asks for what it wants to learn, once each: {words}; {turns}",
        "H2": f"real end users follow up and ask for what everybody asks for: {words}; {turns}",
        "H3": "seen from the logs this lies between H1 and H2: end users' conversations and templated tasks "
        "in one pool",
        "H4": "a fleet does one firm's work, such as labelling, and repeats requests or keeps people's "
        "hours: " + "; ".join(_fleet_words(seen)),
        "H5": f"free credit and spam have no common purpose in what is asked; evidence of one: "
        f"10^{purpose:.0f}",
    }


def _fleet_words(seen: MemberContent) -> list[str]:
    """Clauses on the novelty of texts and the members' nights."""
    words = []
    if seen.novelty is not None:
        words.append(f"{100 * seen.novelty:.0f} % of the attributed requests were not sent before")
    if seen.nights is not None:
        words.append(f"{100 * seen.nights:.0f} % of members keep a person's nights")
    return words or ["neither texts nor hours could be compared"]


def claims(judged: Judged, explained: Explained, accounts: int, exchanges: int) -> list[tuple[int, str, str]]:
    """The five claims about a campaign as (number from 1 to 5, basis, statement).

    The basis is a `Basis` of the contract; `accounts` and `exchanges` are the numbers to be stated.
    """
    control = judged.log_e / LN10
    harvest = explained.kind in ("harvest", "mixed")
    if harvest:
        purpose = (
            "what is asked and how favours harvesting over relaying end users by a factor of 10^{:.1f}"
        ).format(max(explained.log10["H1"], explained.log10["H3"]) - explained.log10["H2"])
    elif explained.kind == "fleet":
        purpose = "what is asked and when looks like one firm's work, not like a harvest"
    elif explained.kind == "relay":
        purpose = "what is asked and how looks like real end users; harvesting is not shown"
    else:
        purpose = "what is asked does not tell harvesting from relaying end users"
    return [
        (1, "measured", f"{exchanges} exchanges of {accounts} accounts are in the logs that were read"),
        (
            2,
            "measured",
            (
                f"no innocent explanation that was tried produces this: the evidence beyond the nearest is "
                f"an e-value of "
                f"10^{control:.1f}; the rate of false reports at which it is made is {judged.q_value:.1g}"
            ),
        ),
        (3, "inferred" if harvest else "not shown", purpose),
        (
            4,
            "not shown",
            "logs do not show that a model was trained on the answers; that takes a test on the model",
        ),
        (5, "not shown", "logs do not show which organisation directed it"),
    ]


def sought(counts: Sequence[int], least: float = 0.05) -> list[str]:
    """Names of the capabilities with at least a share `least` of the attributed exchanges, most frequent
    first, without "other". `counts` has one number per entry of `CAPABILITIES`.
    """
    total = max(sum(counts), 1)
    ranked = sorted(range(len(CAPABILITIES)), key=lambda c: -counts[c])
    return [CAPABILITIES[c] for c in ranked if counts[c] >= least * total and CAPABILITIES[c] != "other"]
