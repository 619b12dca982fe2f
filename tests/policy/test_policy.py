"""A policy is checked as a whole, says beforehand whom it would hit, and acts by the leave of those who
must give it.
"""

import json
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.contract import results as contract
from stillwatch.errors import InputError, UsageError
from stillwatch.memory.labels import Label, LabelsInForce, add, in_force
from stillwatch.policy.read import parse, standard
from stillwatch.policy.rollout import approve, effective, in_share, roll_out, standing, undo

pytestmark = pytest.mark.issue(26)
SEEN = datetime(2026, 5, 4, tzinfo=UTC)
GOOD = """
format = "stillwatch-policy-1"
name = "careful"
version = 2
appeal = "https://provider.example/appeal"
stop_after_honest = 2
[[rule]]
name = "suspend the certain"
action = "suspend"
kinds = ["harvest"]
probability_at_least = 0.95
approvals = 2
when = 'account.plan != "enterprise"'
[[rule]]
name = "slow the likely"
action = "throttle"
probability_at_least = 0.5
"""


@pytest.fixture
def path(tmp_path):
    made = tmp_path / "policy.toml"
    made.write_text(GOOD)
    return made


@pytest.fixture
def results(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    members = [("a1", 0.99), ("a2", 0.99), ("a3", 0.8), ("a4", 0.4)]
    rows = {
        contract.CAMPAIGNS: [
            {
                "campaign_id": "C1",
                "kind": "harvest",
                "first_seen": SEEN,
                "last_seen": SEEN,
                "detected_at": SEEN,
                "accounts": 4,
                "exchanges": 40,
                "exchanges_low": 1,
                "exchanges_high": 50,
                "q_value": 1e-4,
                "fpr_empirical": 0.01,
                "fpr_synthetic": None,
                "explanation": "course",
                "capabilities": [],
            }
        ],
        contract.MEMBERS: [
            {"campaign_id": "C1", "account_id": a, "score": p, "exchanges": 10} for a, p in members
        ],
        contract.EVIDENCE: [
            {
                "campaign_id": "C1",
                "kind": "client_prefix",
                "value": "203.0.113.0/24",
                "accounts": 4,
                "exchanges": 40,
                "log10_likelihood_ratio": 2.0,
                "statement": "s",
                "others": 6,
            }
        ],
        contract.ATTRIBUTED: [
            {
                "campaign_id": "C1",
                "exchange_id": f"x{n}",
                "account_id": f"a{1 + n % 4}",
                "timestamp": SEEN.replace(day=1 + n // 2),
            }
            for n in range(40)
        ],
    }
    for schema, some in rows.items():
        pq.write_table(
            schema.conform(pa.Table.from_pylist(some, schema.arrow)), folder / f"{schema.name}.parquet"
        )
    return folder


def label(target, verdict="honest"):
    return Label(
        kind="account", target=target, verdict=verdict, reason="r", author="ann", at=datetime.now(UTC)
    )


def test_the_policy_that_comes_along_is_a_policy():
    assert standard().rules


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ('format = "stillwatch-policy-1"\n', "", "`format` is missing"),
        ("version = 2", 'version = "2"', "`version` cannot have this value"),
        ("version = 2", "version = true", "`version` cannot have this value"),
        ('action = "suspend"', 'action = "delete"', "`action` cannot have this value"),
        ('action = "throttle"', 'action = "pool_budget"', "needs `per_hour`"),
        ("probability_at_least = 0.5", "probability_atleast = 0.5", "probability_at_least"),
        ("probability_at_least = 0.5", "probability_at_least = 1.5", "from 0 to 1"),
        ('kinds = ["harvest"]', 'kinds = ["harvests"]', "harvest, relay"),
        ("slow the likely", "suspend the certain", "two rules have one name"),
        ('account.plan != "enterprise"', 'account.plane != "enterprise"', "did you mean `plan`"),
        ('account.plan != "enterprise"', "account.plan", "true or false"),
        ('account.plan != "enterprise"', "account.plan > 3", "cannot be used as a condition"),
        ('account.plan != "enterprise"', '["a"].exists(x, x == account.plan)', "a call of"),
        ('account.plan != "enterprise"', "secret == 1", "`secret`"),
        ('account.plan != "enterprise"', "account.plan ==", "an expression in CEL"),
        (
            'action = "suspend"',
            'action = "suspend"\nmessage = "You belong to a campaign."',
            "words that do not tell",
        ),
        ('action = "suspend"', 'action = "suspend"\nreason = "harvest_detected"', "words that do not tell"),
        ('action = "suspend"', 'action = "suspend"\nreason = "Bad Code"', "`reason` cannot have this value"),
    ],
)
def test_everything_that_is_wrong_is_named_with_what_is_right(before, after, said):
    assert before in GOOD
    with pytest.raises(InputError) as caught:
        parse(GOOD.replace(before, after).encode(), "policy.toml")
    assert said in caught.value.render()


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"a = [", b"rule = 3", b"x" * (2 << 20), b"[" * 5000])
def test_what_is_no_policy_is_an_error_and_no_traceback(content):
    with pytest.raises(InputError):
        parse(content, "policy.toml")


def test_all_that_is_wrong_is_told_at_once(path, run):
    path.write_text(GOOD.replace("version = 2", "version = 0").replace('action = "suspend"', 'action = "x"'))
    code, out, _err = run("policy", "check", path, "--json")
    assert code == 1
    assert len(json.loads(out)["problems"]) == 2


def test_check_names_rules_and_the_digest_that_approvals_are_bound_to(path, run):
    code, out, _err = run("policy", "check", path, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["policy"], told["version"], len(told["digest"]), len(told["rules"])) == ("careful", 2, 64, 2)


def test_a_preview_says_who_would_be_hit_and_how_many_of_them_are_honest(path, results, run):
    add(results, label("a2"))
    code, out, _err = run("policy", "preview", path, "--results", results, "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["accounts"], told["refused"], told["spared"], told["untouched"]) == (2, 2, 1, 1)
    assert told["expected_honest"] == pytest.approx(0.01 + 0.2)
    assert {one["rule"]: one["accounts"] for one in told["rules"]} == {
        "suspend the certain": 1,
        "slow the likely": 1,
    }
    assert told["campaigns"] == [{"campaign_id": "C1", "accounts": 2, "of": 4, "share_stopped": 0.5}]
    assert told["by_explanation"][0]["explanation"] == "course"
    assert told["neighbours"] == {"at_most": 6, "counted": False}
    assert told["spend"] == {"known": 0.0, "accounts_unknown": 2}
    assert run("policy", "preview", path, "--results", results)[0] == 0


def test_a_preview_knows_plans_and_spend_and_counts_neighbours_in_a_log(path, results, tmp_path, run):
    accounts = tmp_path / "accounts.parquet"
    pq.write_table(
        pa.table(
            {
                "account_id": ["a1", "a2", "a3"],
                "plan": ["enterprise", "pro", "pro"],
                "spend": [900.0, 20.0, 5.0],
            }
        ),
        accounts,
    )
    log = tmp_path / "log.csv"
    lines = ["exchange_id,timestamp,account_id,model,client_ip"]
    lines += [
        f"x{n},2026-05-0{1 + n}T00:00:00Z,{a},m,{ip}"
        for n, (a, ip) in enumerate(
            [
                ("a1", "203.0.113.5"),
                ("n1", "203.0.113.77"),
                ("n2", "198.51.100.1"),
                ("n1", "203.0.113.77"),
                ("a2", "198.51.100.9"),
            ]
        )
    ]
    log.write_text("\n".join(lines) + "\n")
    code, out, err = run(
        "policy", "preview", path, "--results", results, "--accounts", accounts, "--log", log, "--json"
    )
    told = json.loads(out)
    assert code == 0, err
    assert told["spend"]["known"] == 925.0
    assert {one["rule"]: one["accounts"] for one in told["rules"]} == {
        "suspend the certain": 1,
        "slow the likely": 2,
    }
    assert told["neighbours"] == {"accounts": 2, "exchanges": 3, "counted": True}


def test_a_backtest_counts_week_by_week_from_the_hour_of_detection(path, results, run):
    code, out, _err = run("policy", "backtest", path, "--results", results, "--json")
    weeks = json.loads(out)
    assert code == 0
    assert sum(one["campaign_exchanges"] for one in weeks) == 40
    assert sum(one["refused"] for one in weeks) == 25  # of the 34 from 4 May on, those of a1, a2 and a3
    assert all(one["ordinary_refused"] is None for one in weeks)


def test_approvals_are_those_of_different_people_and_of_this_very_file(path, tmp_path, run):
    state = tmp_path / "state"
    policy = parse(path.read_bytes(), "p")
    assert run("policy", "roll-out", path, "--state", state, "--share", "0.1")[0] == 2
    assert run("policy", "approve", path, "--state", state, "--author", "ann")[0] == 0
    assert run("policy", "approve", path, "--state", state, "--author", "ann")[0] == 2
    approve(state, policy, "bob", "")
    assert standing(state, policy).approvers == {"ann", "bob"}
    assert not standing(state, replace(policy, digest="other")).approvers
    assert run("policy", "roll-out", path, "--state", state, "--share", "0.1")[0] == 0


def test_a_roll_out_acts_on_its_share_and_a_larger_one_on_the_same_accounts_too(path, tmp_path):
    policy = replace(parse(path.read_bytes(), "p"), rules=(replace(parse(path.read_bytes(), "p").rules[1]),))
    state = tmp_path / "state"
    accounts = [f"acct-{n}" for n in range(4000)]

    def acted():
        held = standing(state, policy)
        return {a for a in accounts if effective("enforce", policy, policy.rules[0], held, a) == "enforce"}

    assert acted() == set(accounts)
    roll_out(state, policy, 0.05, "ann", "")
    few = acted()
    assert 140 <= len(few) <= 260
    roll_out(state, policy, 0.5, "ann", "")
    assert few < acted()
    undo(state, policy, "ann", "")
    assert not acted()
    roll_out(state, policy, 1.0, "ann", "")
    assert acted() == set(accounts)


def test_a_roll_out_stops_by_itself_once_its_accounts_turn_out_honest(path, tmp_path):
    policy = replace(parse(path.read_bytes(), "p"), rules=parse(path.read_bytes(), "p").rules[1:])
    state = tmp_path / "state"
    add_before = label("early")
    roll_out(state, policy, 0.5, "ann", "")
    time.sleep(0.01)
    drawn = [f"acct-{n}" for n in range(100) if in_share(policy.name, f"acct-{n}", 0.5)]
    others = [f"acct-{n}" for n in range(100) if not in_share(policy.name, f"acct-{n}", 0.5)]
    assert not standing(
        state, policy, LabelsInForce((add_before, label(drawn[0]), *map(label, others)))
    ).stopped
    held = standing(state, policy, LabelsInForce((label(drawn[0]), label(drawn[1]))))
    assert "2 of its accounts" in held.stopped
    assert held.share == 0.0


def test_undo_is_one_command(path, tmp_path, run):
    state = tmp_path / "state"
    path.write_text(GOOD.replace("approvals = 2\n", ""))
    assert run("policy", "roll-out", path, "--state", state, "--share", "1", "--reason", "start")[0] == 0
    code, out, _err = run("policy", "undo", path, "--state", state, "--reason", "complaints")
    assert code == 0
    assert "undo of careful@2" in out
    assert standing(state, parse(path.read_bytes(), "p")).share == 0.0
    code, out, _err = run("guard", "log", "--state", state)
    assert code == 0
    assert [line.split()[1] for line in out.splitlines()] == ["roll-out", "undo"]
    record = state / "record.jsonl"
    record.write_text(record.read_text().replace("complaints", "nothing"))
    assert run("guard", "log", "--state", state)[0] == 1


def test_a_label_in_the_state_counts_in_a_preview(path, results, tmp_path, run):
    state = tmp_path / "state"
    state.mkdir()
    assert run("allow", state, "account:a1", "--reason", "ours")[0] == 0
    told = json.loads(run("policy", "preview", path, "--results", results, "--state", state, "--json")[1])
    assert told["spared"] == 1
    assert in_force([state])


def test_approving_twice_as_one_person_is_refused(path, tmp_path):
    policy = parse(path.read_bytes(), "p")
    approve(tmp_path, policy, "ann", "")
    with pytest.raises(UsageError, match="approved this policy already"):
        approve(tmp_path, policy, "ann", "")


def test_the_example_of_the_page_is_a_policy():
    import re

    page = (Path(__file__).parents[2] / "docs" / "methods" / "policy.md").read_text()
    (text, *_more) = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(parse(text.encode(), "page").rules) >= 3


def test_results_that_are_gone_are_an_error(path, results, run):
    shutil.rmtree(results)
    assert run("policy", "preview", path, "--results", results)[0] == 1
