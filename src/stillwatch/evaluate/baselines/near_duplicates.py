"""Does an account send prompts that are nearly those of many others?"""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from stillwatch.evaluate.baselines.registry import Reals, Traffic


def near_duplicates(traffic: Traffic) -> Reals:
    """Min-hash bands that an account shares with others, each counted with the exchanges that show it,
    per exchange.
    """
    links = traffic.links.filter(pc.equal(traffic.links.column("kind"), "prompt_near_duplicate"))
    place = {name: number for number, name in enumerate(traffic.names)}
    account = np.array([place[a] for a in links.column("account_id").to_pylist()], np.int64)
    shown = np.bincount(
        account, weights=links.column("exchanges").to_numpy().astype(float), minlength=len(traffic.names)
    )
    return np.asarray(shown / np.maximum(traffic.counts, 1))
