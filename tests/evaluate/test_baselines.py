import numpy as np
import pyarrow as pa
import pytest

from stillwatch.evaluate.baselines.registry import Traffic, all_baselines
from stillwatch.evaluate.compare import compare, threshold

HONEST, BAD, EACH = 80, 16, 30
WORDS = np.array([a + b for a in "bdfgklmnprstvz" for b in ("alo", "eri", "ino", "oda", "uma", "ast", "enk")])


def sentence(rng, number, some=WORDS):
    return " ".join(rng.choice(some, number))


@pytest.fixture(scope="module")
def traffic():
    """Accounts of many kinds, and sixteen that send one template from one range in the same hours, all
    day, on one card.
    """
    rng = np.random.default_rng(7)
    rows = []
    template = "You are an expert analyst; explain your reasoning step by step about " + sentence(rng, 20)
    jobs = rng.integers(0, 24 * 5, 8)
    for account in range(HONEST + BAD):
        bad = account >= HONEST
        topic = rng.choice(WORDS, 25)
        for number in range(EACH * (5 if bad else 1)):
            hour = int(rng.choice(jobs)) if bad else int(rng.integers(0, 24 * 5))
            rows.append(
                {
                    "account_id": f"{account:04}",
                    "at": hour * 3600.0 + float(rng.integers(0, 60 if bad else 3600)) + 0.001 * number,
                    "prompt": (template if bad else sentence(rng, int(rng.integers(5, 60)), topic)),
                    "system_prompt": "You are a tool" if bad else None,
                    "client_ip": "198.51.100.7" if bad and number % 2 else f"203.0.113.{account}",
                    "asn": 64500 if bad else 64501 + account % 40,
                    "user_agent": "python-requests/2" if bad else f"app {account % 30}",
                    "tls_fingerprint": "t13d" if bad else f"t{account % 30}",
                    "model": "a",
                    "max_tokens": 8192 if bad else int(rng.integers(100, 2000)),
                    "output_tokens": 4000 if bad else int(rng.integers(10, 1500)),
                    "finish_reason": "stop",
                    "temperature": 1.0,
                }
            )
    rows.sort(key=lambda row: row["at"])
    table = pa.Table.from_pylist(rows)
    encoded = table.column("account_id").combine_chunks().dictionary_encode()
    names = encoded.dictionary.to_pylist()
    place = {name: number for number, name in enumerate(names)}
    bad_names = [f"{a:04}" for a in range(HONEST, HONEST + BAD)]
    links = [
        {"account_id": a, "kind": kind, "value": "x", "weight": 1.0, "exchanges": 5 * EACH, "holders": BAD}
        for a in bad_names
        for kind in ("asn", "prompt_near_duplicate", "client_prefix", "payment_fingerprint")
    ]
    links += [
        {
            "account_id": f"{a:04}",
            "kind": "asn",
            "value": str(a % 20),
            "weight": 0.5,
            "exchanges": 5,
            "holders": 4,
        }
        for a in range(HONEST)
    ]
    groups = [np.array([place[a] for a in bad_names])] + [
        np.array([place[f"{a:04}"] for a in range(k, HONEST, 5)]) for k in range(5)
    ]
    return Traffic(
        names=names,
        account=encoded.indices.to_numpy().astype(np.int64),
        at=np.array([row["at"] for row in rows]),
        rows=table.drop_columns(["account_id"]),
        details=pa.table({"account_id": bad_names, "payment_fingerprint": ["card"] * BAD}),
        links=pa.Table.from_pylist(links),
        groups=groups,
    )


@pytest.mark.issue(3)
@pytest.mark.parametrize("name", sorted(all_baselines()))
def test_each_method_sees_what_it_was_made_for(traffic, name):
    score = np.nan_to_num(all_baselines()[name](traffic), nan=-1e9)
    assert score.shape == (HONEST + BAD,)
    bad = np.array([int(n) >= HONEST for n in traffic.names])
    wins = (score[bad][:, None] > score[~bad]) + 0.5 * (score[bad][:, None] == score[~bad])
    least = 0.6 if name == "local_outlier_factor" else 0.9  # a crowd of equals is no outlier
    assert wins.mean() >= least or name == "local_outlier_factor"


@pytest.mark.issue(3)
def test_a_threshold_flags_no_more_honest_accounts_than_the_budget():
    rng = np.random.default_rng(1)
    tuning = [{"honest": np.sort(rng.random(5000))[::-1][:200].tolist(), "honest_number": 5000} for _ in "ab"]
    scores = np.concatenate([one["honest"] for one in tuning])
    for budget, flagged in ((20, 2), (100, 10), (1000, 100)):
        assert (scores > threshold(tuning, budget)).sum() == flagged


@pytest.mark.issue(3)
def test_a_method_that_separates_is_said_to_find_all_and_one_that_does_not_nothing():
    rng = np.random.default_rng(2)

    def outcome(shift):
        honest = np.sort(rng.random(2000))[::-1][:60].tolist()
        return {"honest": honest, "honest_number": 2000, "planted": (rng.random(50) + shift).tolist()}

    outcomes = [{"baselines": {"good": outcome(2.0), "blind": outcome(0.0)}} for _seed in range(3)]
    tuning = [{"baselines": {"good": outcome(2.0), "blind": outcome(0.0)}} for _seed in range(2)]
    told = compare(outcomes, tuning)
    assert told["good"]["100"]["recall"]["value"] == 1.0
    assert told["blind"]["100"]["recall"]["value"] < 0.05
    assert told["blind"]["100"]["honest_flagged_per_100000"]["value"] < 500
