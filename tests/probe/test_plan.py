import itertools
import json
from collections import Counter
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.probe import plan as plans
from stillwatch.probe.run import Probe

pytestmark = pytest.mark.issue(26)
BEGINS = datetime(2026, 4, 1, tzinfo=UTC)


def made(**more):
    terms = {
        "group": "L1",
        "begins": BEGINS,
        "ends": BEGINS + timedelta(days=6),
        "hours": (6, 20),
        "moments": 40,
        "slots": 10,
        "refused": 2,
        "sham": 0,
        "hold_s": 1800,
        "within_s": 900,
        "most": 20,
        "tolerated": 0.1,
        "alpha": 0.01,
        "author": "ana",
    }
    return plans.make([f"a{i}" for i in range(30)], **(terms | more))


def test_the_coin_is_sealed_and_whoever_has_the_seed_gets_the_same_trials(tmp_path):
    plan, seed = made()
    plan.write(tmp_path / "plan.json")
    plans.write_secret(tmp_path / "plan.secret", seed, plan)
    assert seed.hex() not in (tmp_path / "plan.json").read_text()
    assert (tmp_path / "plan.secret").stat().st_mode & 0o077 == 0
    again = plans.read(tmp_path / "plan.json")
    assert again == plan
    assert again.trials(plans.read_secret(tmp_path / "plan.secret")).equals(plan.trials(seed))
    assert not again.trials(bytes(32)).equals(plan.trials(seed))


def test_dose_harm_and_hours_are_those_of_the_plan():
    plan, seed = made(sham=4)
    rows = plan.trials(seed).to_pylist()
    refused = Counter(row["trial"] for row in rows if row["failed"])
    assert set(refused.values()) == {2}
    assert 1 <= 40 - len(refused) <= 25  # one moment in four is spared
    drawn = Counter(row["account_id"] for row in rows)
    assert max(drawn.values()) - min(drawn.values()) <= 1
    assert max(Counter(row["account_id"] for row in rows if row["failed"]).values()) <= plan.most
    moments = sorted({row["at"] for row in rows})
    assert len(moments) == 40
    assert all(6 <= moment.hour < 20 for moment in moments)
    assert min(b - a for a, b in itertools.pairwise(moments)) >= timedelta(seconds=2700)


@pytest.mark.parametrize(
    "more",
    [{"refused": 10}, {"moments": 5000}, {"moments": 0}, {"most": 3}, {"hours": (20, 6)}, {"alpha": 1.0}],
)
def test_plans_that_cannot_be_are_refused(more):
    with pytest.raises(UsageError):
        made(**more)


def test_a_plan_that_was_changed_and_a_secret_of_another_are_refused(tmp_path):
    plan, _seed = made()
    file = tmp_path / "plan.json"
    plan.write(file)
    told = json.loads(file.read_text())
    file.write_text(json.dumps(told | {"refused": 3}))
    with pytest.raises(InputError, match="changed after it was made"):
        plans.read(file)
    for text in ("", "{}", "[]", json.dumps(told | {"accounts": 5}), json.dumps({**told, "hours": [1]})):
        file.write_text(text)
        with pytest.raises(InputError):
            plans.read(file)
    with pytest.raises(InputError, match="not the one that the plan committed to"):
        Probe(plan, bytes(32), approved_by="ben")


def test_a_probe_needs_another_person_s_approval():
    plan, seed = made()
    for name in ("ana", " ana ", "", " "):
        with pytest.raises(InputError, match="other than its author"):
            Probe(plan, seed, approved_by=name)


def test_a_gateway_gets_each_outcome_once_and_no_later_moment():
    plan, seed = made()
    probe = Probe(plan, seed, approved_by="ben")
    rows = plan.trials(seed).to_pylist()
    row = next(r for r in rows if r["failed"])
    soon = row["at"] + timedelta(seconds=60)
    outcome = probe.outcome(row["account_id"], soon)
    assert outcome.refuse
    assert outcome.trial == row["trial"]
    assert probe.outcome(row["account_id"], soon) is None
    assert probe.outcome("nobody", soon) is None
    spared = next(r for r in rows if not r["failed"] and r["trial"] == row["trial"])
    assert probe.outcome(spared["account_id"], soon).refuse is False
    orders = probe.orders(row["at"] - timedelta(seconds=10), 60)
    assert [one["account_id"] for one in orders["refusals"]] == sorted(
        r["account_id"] for r in rows if r["failed"] and r["trial"] == row["trial"]
    )
    assert not probe.orders(BEGINS - timedelta(days=1), 900)["refusals"]


def test_departures_from_the_plan_are_named():
    plan, seed = made()
    table = plan.trials(seed)
    assert plans.departures(plan, seed, table, 0.1) == []
    assert plans.departures(plan, seed, table.slice(0, 50), 0.1) == []
    assert plans.departures(plan, None, table, 0.1) == ["the coin was not checked: no secret was given"]
    rows = table.to_pylist()
    rows[0]["failed"] = not rows[0]["failed"]
    told = plans.departures(plan, seed, pa.Table.from_pylist(rows[:-1], schema=table.schema), 0.2)
    assert any("tolerated share" in text for text in told)
    assert any("another moment or outcome" in text for text in told)
    assert any("are not there" in text for text in told)


def test_plan_run_and_judge_work_together_on_the_command_line(tmp_path, run):
    import numpy as np

    from stillwatch.simulate.refusals import QUEUE, refuse
    from tests.probe.probe_groups import group

    log, members, span = group(np.random.default_rng(1), accounts=40, days=3, per_day=60)
    pq.write_table(pa.table({"account_id": members}), tmp_path / "members.parquet")
    begins = datetime.fromtimestamp(span[0] / 1e6, UTC)
    code, out, _ = run(
        "probe",
        "plan",
        tmp_path / "members.parquet",
        "--author",
        "ana",
        "--begins",
        f"{begins:%Y-%m-%dT%H:%M:%S}",
        "--until",
        f"{begins + timedelta(days=3):%Y-%m-%d}",
        "--moments",
        60,
        "--slots",
        16,
        "--refused",
        4,
        "--most",
        40,
        "--out",
        tmp_path / "plan.json",
        "--secret",
        tmp_path / "plan.secret",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["moments"] == 60
    wanted = ("probe", "run", tmp_path / "plan.json", "--secret", tmp_path / "plan.secret")
    code, _, err = run(*wanted, "--approved-by", "ana")
    assert code == 1
    assert "other than its author" in err
    code, out, _ = run(
        *wanted,
        "--approved-by",
        "ben",
        "--at",
        "2026-05-01",
        "--trials",
        tmp_path / "trials.parquet",
        "--orders",
        tmp_path / "orders.json",
        "--json",
    )
    assert code == 0
    assert json.loads(out)["trials_over"] == 60
    assert json.loads((tmp_path / "orders.json").read_text())["refusals"] == []
    trials = pq.read_table(tmp_path / "trials.parquet")
    pq.write_table(
        refuse(np.random.default_rng(2), log, trials, QUEUE, hold_s=2700), tmp_path / "log.parquet"
    )
    judge = ("probe", "judge", tmp_path / "trials.parquet", tmp_path / "log.parquet")
    code, out, _ = run(
        *judge, "--plan", tmp_path / "plan.json", "--secret", tmp_path / "plan.secret", "--json"
    )
    told = json.loads(out)
    assert code == 0
    assert told["verdict"] == "one_hand"
    assert told["basis"] == "coin"
    assert told["log10_e"] >= 2
    assert told["p_value"] <= 0.01
    assert told["plan"]["departures"] == []
    assert told["harm"]["refusals"] == 240
    code, out, _ = run("probe", "judge", tmp_path / "trials.parquet", "--log", tmp_path / "log.parquet")
    assert code == 0
    assert "one hand" in out


def test_tables_of_trials_that_cannot_be_are_refused_with_their_place(tmp_path, run):
    import numpy as np

    from tests.probe.probe_groups import coins, group

    log, members, span = group(np.random.default_rng(1), accounts=10, days=1)
    pq.write_table(log, tmp_path / "log.parquet")
    trials = coins(np.random.default_rng(2), members, span, moments=5, slots=6, refused=2)
    rows = trials.to_pylist()
    bad = tmp_path / "bad.parquet"
    for table, fact in (
        (trials.drop_columns("failed"), "`failed` is missing"),
        (trials.slice(0, 0), "no row that can be used"),
        (
            pa.Table.from_pylist([*rows, rows[0] | {"failed": not rows[0]["failed"]}], trials.schema),
            "both refused and spared",
        ),
        (
            pa.Table.from_pylist([row | {"account_id": "z"} for row in rows[:1]], trials.schema),
            "no account of the trials is in the log",
        ),
    ):
        pq.write_table(table, bad)
        code, _, err = run("probe", "judge", bad, tmp_path / "log.parquet")
        assert code == 1, fact
        assert fact in err
    pq.write_table(trials, bad)
    code, _, err = run("probe", "judge", bad)
    assert code == 2
    assert "needs a log" in err
    lines = [
        "trial,at,account_id,failed",
        *(f"{r['trial']},{r['at'].isoformat()},{r['account_id']},{r['failed']}" for r in rows),
        "m9,no time,a,true",
    ]
    (tmp_path / "trials.csv").write_text("\n".join(lines))
    code, out, _ = run("probe", "judge", tmp_path / "trials.csv", tmp_path / "log.parquet", "--json")
    assert code == 0
    assert any("not used" in text for text in json.loads(out)["warnings"])
