"""The nearest open-source detector: sixteen signals of one account, weighted and summed.

Written from its description, with its weights and signal names. Signals that the log does not contain
(HTTP/2 settings, header order) stay 0; its country weighting is left out.
"""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stillwatch.evaluate.baselines.registry import Traffic
from stillwatch.stats.arrays import Floats

# Weight of each indicator in the sum.
WEIGHTS = {
    "fingerprint": 0.14, "velocity": 0.10, "cot": 0.09, "embed": 0.08, "hydra": 0.08, "timing_cluster": 0.07,
    "asn": 0.07, "h2_grpc": 0.06, "role_preamble": 0.06, "pivot": 0.05, "biometric": 0.05, "watermark": 0.04,
    "session_gap": 0.04, "token_budget": 0.03, "refusal_probe": 0.02, "sequence_model": 0.02,
}  # fmt: skip
# Phrases of a prompt that ask for reasoning.
PHRASES = (
    "step by step",
    "chain of thought",
    "think aloud",
    "show your reasoning",
    "show your work",
    "reasoning trace",
    "explain your reasoning",
    "internal reasoning",
    "think through",
    "scratchpad",
    "intermediate steps",
    "before answering",
    "let's think",
    "reason carefully",
    "complete reasoning",
    "thought process",
)
# Prompts of published harvests, to which prompts are compared.
ARCHETYPES = (
    "You are an expert data analyst combining statistical rigor with deep domain knowledge",
    "imagine and articulate the internal reasoning behind a completed response step by step",
    "grade the following answer against this rubric and give a score with reasons",
    "rewrite the answer so that it avoids politically sensitive topics",
    "write a function that solves the task and explain each step of the solution",
    "generate diverse instructions with inputs and outputs for training",
    "call the tools needed to complete the task and return the trajectory as JSON",
    "solve this competition problem and show the complete solution",
)
# User agents of programs.
CLIENTS = re.compile(r"python|curl|go-http|node|axios|okhttp|java|httpx|aiohttp|requests", re.IGNORECASE)
# Least cosine of texts that count as alike; seconds of a minute and a second; and the share of accounts
# that one network may have at most.
ALIKE, MINUTE, SECOND, GATEWAY = 0.6, 60.0, 1.0, 0.01


def weighted_sum(traffic: Traffic) -> Floats:
    """Weighted sum of each account's signals, each clipped to [0, 1], shape (accounts,)."""
    n, count = len(traffic.names), np.maximum(traffic.counts, 1)

    def share(hit: np.ndarray) -> Floats:
        """Share of each account's requests for which `hit` is 1."""
        return np.asarray(np.bincount(traffic.account, weights=hit, minlength=n) / count)

    signals = _of_requests(traffic, share) | _of_times(traffic, share) | _of_sharing(traffic)
    return np.sum([WEIGHTS[name] * np.clip(value, 0.0, 1.0) for name, value in signals.items()], axis=0)


def _of_requests(traffic: Traffic, share: object) -> dict[str, Floats]:
    """Indicators from the texts of each account's requests, by name; shape (accounts,)."""
    from sklearn.feature_extraction.text import HashingVectorizer

    assert callable(share)
    text = pc.utf8_lower(traffic.rows.column("prompt").fill_null("")).combine_chunks()
    system = traffic.rows.column("system_prompt").fill_null("").combine_chunks()
    phrases = "|".join(re.escape(phrase) for phrase in PHRASES)
    hashed = HashingVectorizer(n_features=2**14, ngram_range=(1, 2), alternate_sign=False)
    near = (
        (hashed.transform(text.take(pa.array(traffic.sampled)).to_pylist()) @ hashed.transform(ARCHETYPES).T)
        .max(axis=1)
        .toarray()
        .ravel()
    )
    alike = np.zeros(len(traffic.account))
    alike[traffic.sampled] = near >= ALIKE
    agent = traffic.rows.column("user_agent").fill_null("").combine_chunks().dictionary_encode()
    script = np.array([bool(CLIENTS.search(name)) for name in agent.dictionary.to_pylist()], bool)

    def seen(column: pa.Array, pattern: str) -> np.ndarray:
        """1 for each text that matches the pattern, 0 for others."""
        return np.asarray(pc.match_substring_regex(column, pattern).to_numpy(zero_copy_only=False), float)

    max_tokens = traffic.rows.column("max_tokens").cast(pa.float64()).fill_null(0.0).to_numpy()
    refused = traffic.rows.column("finish_reason").fill_null("").combine_chunks()
    return {
        "fingerprint": share(script[agent.indices.to_numpy()].astype(float)),
        "cot": share(seen(text, phrases)),
        "embed": share(alike),
        "role_preamble": share(
            seen(text, r"you are an? (expert|senior|world)") + seen(system, r"[Yy]ou are an? ")
        ),
        "watermark": share(seen(text, "[\u200b\u200c\u200d\u2060]")),
        "token_budget": share((max_tokens >= 4096).astype(float)),
        "refusal_probe": share(seen(refused, "refus|filter")),
    }


def _of_times(traffic: Traffic, share: object) -> dict[str, Floats]:
    """Indicators from the times of each account's requests, by name; shape (accounts,)."""
    assert callable(share)
    n = len(traffic.names)
    minute = (traffic.at // MINUTE).astype(np.int64)
    _cells, per_minute = np.unique(traffic.account * (minute.max() + 1) + minute, return_counts=True)
    busiest = np.zeros(n)
    np.maximum.at(busiest, _cells // (minute.max() + 1), per_minute)
    second = (traffic.at // SECOND).astype(np.int64)
    _seconds, where = np.unique(second, return_inverse=True)
    together = np.bincount(where)[where] > 1
    order = np.lexsort((traffic.at, traffic.account))
    same = np.concatenate([[False], np.diff(traffic.account[order]) == 0])
    gap = np.where(same, np.diff(traffic.at[order], prepend=0.0), np.nan)
    gaps = np.full(len(order), np.nan)
    gaps[order] = gap
    known = np.isfinite(gaps)
    logs = np.where(known, np.log(np.maximum(np.nan_to_num(gaps), 1.0)), 0.0)
    number = np.maximum(np.bincount(traffic.account[known], minlength=n), 1)
    mean = np.bincount(traffic.account, weights=logs, minlength=n) / number
    square = np.bincount(traffic.account, weights=logs**2, minlength=n) / number
    spread = np.sqrt(np.maximum(square - mean**2, 0.0))
    model = traffic.rows.column("model").combine_chunks().dictionary_encode().indices.to_numpy()[order]
    moved = np.zeros(len(order))
    moved[order] = same & (np.concatenate([[0], np.diff(model)]) != 0)
    return {
        "velocity": busiest / 60.0,
        "timing_cluster": share(together.astype(float)),
        "biometric": np.where(number >= 10, 1.0 - spread / 3.0, 0.0),
        "session_gap": share((np.nan_to_num(gaps, nan=1e9) < 5.0).astype(float)),
        "pivot": share(moved),
        "sequence_model": np.where(number >= 10, 1.0 - spread / 4.0, 0.0),
    }


def _of_sharing(traffic: Traffic) -> dict[str, Floats]:
    """Indicators from what accounts share, by name; shape (accounts,)."""
    n = len(traffic.names)
    place = {name: number for number, name in enumerate(traffic.names)}
    hydra, network = np.zeros(n), np.zeros(n)
    wanted = ("payment_fingerprint", "client_address", "client_prefix", "tls_fingerprint")
    for account, kind, holders in zip(
        *(traffic.links.column(c).to_pylist() for c in ("account_id", "kind", "holders")), strict=True
    ):
        if kind in wanted:
            hydra[place[account]] = max(hydra[place[account]], min(holders / 20.0, 1.0))
        if kind == "asn" and holders < GATEWAY * n:
            network[place[account]] = 1.0
    return {"hydra": hydra, "asn": network}
