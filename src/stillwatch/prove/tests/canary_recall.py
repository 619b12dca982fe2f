"""Whether the suspect, asked for an arbitrary example, gives the one that the key chose."""

from __future__ import annotations

import numpy as np

from stillwatch.prove.case import SuspectCase
from stillwatch.prove.finding import SuspectFinding, mixture_log_e, rank_p
from stillwatch.prove.registry import ProvenanceTest
from stillwatch.prove.seen import own, words
from stillwatch.prove.text import canaries

STAKES = np.array([0.02, 0.1, 0.3, 0.6])  # stakes of the bets that the e-value averages over


def missing(case: SuspectCase) -> str:
    """What the case lacks of a canary key and answers to the canaries' questions; "" where nothing."""
    if not any(one.mark == canaries.NAME for one in case.keyring.issued):
        return "a key of `canaries`"
    asked = {kind.asks for kind in canaries.KINDS}
    return (
        ""
        if any(pair.prompt in asked for pair in case.answers)
        else "answers to the canaries' questions (`prove plan` lists them)"
    )


def shares(case: SuspectCase) -> np.ndarray:
    """For every kind, the share of its answers that give each of the 64 options, shape (kinds, 64).

    An option is left out where it stood, in any form, in what the suspect had before it for any answer of
    the kind.
    """
    out = np.zeros((len(canaries.KINDS), canaries.OPTIONS))
    for at, kind in enumerate(canaries.KINDS):
        asked = [pair for pair in case.answers if pair.prompt == kind.asks]
        options = [canaries.given(at, pair.answer) for pair in asked]
        seen = list(own(case, asked))
        read = {
            option
            for option in set(options)
            if option is not None and any(one.holds(words(kind.sign(option))) for one in seen)
        }
        some = [option for option in options if option not in read]
        for option in some:
            if option is not None:
                out[at, option] += 1 / len(some)
    return out


def log_e_of(share: np.ndarray, chosen: np.ndarray) -> float:
    """Natural log of the e-value, a mean over stakes.

    For each stake: product over kinds of (1 - stake) + stake * 64 * share of the key's option, which has
    mean at most 1 over keys, whatever the suspect answers. `share` has the shape (kinds, 64), `chosen` the
    key's option of each kind.
    """
    hit = share[np.arange(len(share)), chosen]
    return mixture_log_e(np.array([np.log1p(stake * (canaries.OPTIONS * hit - 1)).sum() for stake in STAKES]))


def test(case: SuspectCase) -> list[SuspectFinding]:
    """One finding per canary key."""
    share = shares(case)
    decoys = case.keyring.decoys(canaries.NAME, min(case.decoys, 999))
    others = np.array([log_e_of(share, _chosen(key)) for key in decoys])
    out = []
    for issued in case.keyring.issued:
        if issued.mark != canaries.NAME:
            continue
        chosen = _chosen(case.keyring.key_of(issued))
        log_e = log_e_of(share, chosen)
        hit = share[np.arange(len(share)), chosen]
        out.append(
            SuspectFinding(
                test="canary_recall",
                subject=issued.name,
                keyed=True,
                units=len(share),
                effect=float(hit.mean()),
                log10_p=float(min(0.0, -log_e)) / np.log(10),
                rank_p=rank_p(log_e, others),
                decoys=len(others),
                log_e=log_e,
                statement=f"of {len(share)} kinds of example, the suspect gives the key's in "
                f"{100 * float(hit.mean()):.1f} % of answers; chance gives {100 / canaries.OPTIONS:.1f} % at "
                f"most",
            )
        )
    return out


def _chosen(key: np.ndarray) -> np.ndarray:
    """The option of each kind that a key chose."""
    return np.array([canaries.option(kind, key) for kind in range(len(canaries.KINDS))])


canary_recall = ProvenanceTest(
    name="canary_recall",
    asks="asked for an arbitrary example, does the suspect give the key's?",
    null="the suspect's examples are independent of the key, which chose each of 64 options with equal "
    "probability",
    assumes=(
        "the key was never published",
        "the file has all that stood before the suspect when it answered",
        "canaries were served to the campaign alone",
    ),
    keyed=True,
    removed_by=("dropping the last line of harvested answers", "paraphrase that leaves asides out"),
    source="keyed pairs as in Bouaziz and others 2024, Data taggants; e-value by betting (Vovk and Wang "
    "2021)",
    missing=missing,
    test=test,
)
