"""A decision acts only where everything lets it, keeps its deadline, and is never made of what cannot be
trusted.
"""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from stillwatch.guard.core import Core
from stillwatch.guard.newcomers import NewcomerMatch
from stillwatch.guard.snapshot import make
from stillwatch.memory.labels import Label, add
from stillwatch.policy.read import read_policy, standard

pytestmark = pytest.mark.issue(26)


def core(results, policy=None, mode="enforce", **more):
    patient = replace(standard(), deadline_ms=10_000)  # the tests' machine is busy
    return Core(make(results, read_policy(policy) if policy else patient), mode, **more)


def label(verdict, kind="account", target="a1", **more):
    return Label(
        kind=kind,
        target=target,
        verdict=verdict,
        reason="a class",
        author="ann",
        at=datetime.now(UTC),
        **more,
    )


def ask(one, account="a1", **more):
    return one.decide({"account_id": account, **more})


def test_a_member_is_acted_upon_and_nobody_else(results):
    one = core(results)
    assert ask(one).action == "verify"
    assert ask(one).policy == "standard@1"
    assert ask(one, "somebody").action == "allow"


def test_in_shadow_nothing_is_refused_and_the_answer_says_what_would_be_done(results):
    decision = ask(core(results, mode="shadow"))
    assert (decision.action, decision.would, decision.mode, decision.refuses) == (
        "allow",
        "verify",
        "shadow",
        False,
    )


def test_an_answer_has_the_fields_of_the_interface_and_names_no_campaign(results):
    told = ask(core(results)).as_json()
    assert set(told) == {
        "action",
        "would",
        "mode",
        "reason",
        "policy",
        "retry_after_s",
        "ttl_s",
        "decision_id",
    }
    assert "C1" not in str(told)


@pytest.mark.parametrize("verdict", ["honest", "allow"])
@pytest.mark.parametrize(
    ("kind", "target", "request_has"),
    [
        ("account", "a1", {}),
        ("organization", "acme", {"organization_id": "acme"}),
        ("key", "k1", {"api_key_id": "k1"}),
    ],
)
def test_what_is_labelled_honest_or_allowed_has_nothing_done_to_it(
    results, verdict, kind, target, request_has
):
    add(results, label(verdict, kind, target))
    assert ask(core(results), **request_has).action == "allow"
    assert ask(core(results), **request_has).reason == "allowed_by_label"
    assert ask(core(results), "a2").action == "verify"


def test_a_label_on_a_campaign_spares_its_members_whatever_it_is_called_now(results):
    add(results, label("honest", "campaign", "C9", accounts=frozenset({"a1", "a2", "a3"})))
    assert ask(core(results), "a7").action == "allow"


def test_a_label_in_the_state_of_the_watch_whose_results_they_are_counts(results):
    (results.parent / "ledger.json").write_text("{}")
    add(results.parent, label("honest"))
    assert ask(core(results), "a1").reason == "allowed_by_label"
    assert ask(core(results), "a2").action == "verify"


def test_an_accounts_own_label_outweighs_that_of_its_campaign(results):
    add(results, label("honest", "campaign", "C1", accounts=frozenset({"a1", "a2", "a3"})))
    add(results, label("campaign", target="a2"))
    assert ask(core(results), "a1").action == "allow"
    assert ask(core(results), "a2").action == "verify"


def test_an_expired_or_withdrawn_label_does_not_count(results):
    add(results, label("honest", expires=datetime.now(UTC) - timedelta(seconds=1)))
    assert ask(core(results)).action == "verify"
    add(results, label("honest"))
    assert ask(core(results)).action == "allow"
    add(results, label("withdrawn"))
    assert ask(core(results)).action == "verify"


def test_an_account_labelled_a_campaigns_is_acted_upon_though_no_scan_found_it(results, policy):
    add(results, label("campaign", target="late"))
    assert ask(core(results, policy()), "late").action == "suspend"


@pytest.mark.parametrize(
    ("more", "acts"),
    [
        ('kinds = ["relay"]', False),
        ('kinds = ["harvest"]', True),
        ("probability_at_least = 0.96", False),
        ("q_value_at_most = 0.00001", False),
        ("fpr_at_most = 0.0001", False),
        ("claims = [1]", True),
        ("claims = [1, 2]", False),
        ('not_plans = ["enterprise"]', False),
        ('plans = ["enterprise"]', True),
        ('not_programs = ["education"]', True),
        ("when = 'account.plan == \"enterprise\" && member.probability > 0.9'", True),
        ("when = 'request.route == \"/x\"'", False),
        ("when = 'campaign.explanation in [\"course\"]'", True),
        ("expires_days = 0.01", True),
        ('mode = "off"', False),
    ],
)
def test_every_condition_counts(results, policy, more, acts):
    decision = ask(core(results, policy(more=more)), plan="enterprise", route="/v1")
    assert (decision.action == "suspend") is acts


def test_an_action_expires(results, policy):
    now = time.time() + 2 * 86_400
    decision = ask(core(results, policy(more="expires_days = 1"), clock=lambda: now))
    assert (decision.action, decision.would, decision.mode) == ("allow", "suspend", "shadow")


def test_a_throttle_lets_its_rate_pass_and_says_when_to_come_again(results, policy):
    now = [1000.0]
    one = core(results, policy("throttle", "per_minute = 2\nretry_after_s = 1"), clock=lambda: now[0])
    assert [ask(one).action for _n in range(3)] == ["allow", "allow", "throttle"]
    assert ask(one).retry_after_s == 30
    assert ask(one).status == 429
    now[0] += 30
    assert ask(one).action == "allow"
    assert ask(one, "a2").action == "allow"


def test_a_pooled_budget_is_the_campaigns_and_not_each_accounts(results, policy):
    one = core(results, policy("pool_budget", "per_hour = 5"), clock=lambda: 1000.0)
    assert [ask(one, f"a{n}").action for n in range(7)] == ["allow"] * 5 + ["pool_budget"] * 2


def test_new_keys_are_refused_where_keys_are_made_and_nowhere_else(results, policy, tmp_path):
    path = policy("suspend_new_keys")
    path.write_text(path.read_text().replace("version = 1", 'version = 1\nkey_routes = ["/v1/keys"]'))
    one = core(results, path)
    assert ask(one, route="/v1/keys").status == 403
    assert ask(one, route="/v1/messages").action == "allow"


@pytest.mark.parametrize("action", ["log", "watch", "hide_reasoning"])
def test_what_a_customer_does_not_notice_refuses_nothing(results, policy, action):
    decision = ask(core(results, policy(action)))
    assert (decision.action, decision.refuses, decision.status) == (action, False, 200)


class Slow:
    def match(self, request):
        time.sleep(1.5)
        return NewcomerMatch(campaign_id="C1", weight=99.0)


class Known:
    def match(self, request):
        return (
            NewcomerMatch(campaign_id="C1", weight=3.0) if request.get("client_ip") == "203.0.113.9" else None
        )


class Broken:
    def match(self, request):
        raise RuntimeError("broken")


@pytest.mark.parametrize(("on_error", "action"), [("allow", "allow"), ("deny", "deny")])
def test_the_core_keeps_its_deadline_whatever_a_matcher_does(results, policy, on_error, action):
    path = policy("suspend", "newcomer_weight_at_least = 1")
    path.write_text(path.read_text().replace("version = 1", f'version = 1\non_error = "{on_error}"'))
    path.write_text(path.read_text().replace("deadline_ms = 10000", "deadline_ms = 50"))
    began = time.perf_counter()
    decision = ask(core(results, path, matcher=Slow()), "new")
    assert time.perf_counter() - began < 1.4
    assert (decision.action, decision.reason) == (action, "deadline")


def test_a_request_that_waited_longer_than_the_deadline_is_not_acted_upon(results):
    one = core(results)
    decision = one.decide({"account_id": "a1"}, arrived=time.perf_counter() - 11.0)
    assert (decision.action, decision.reason) == ("allow", "deadline")


@pytest.mark.parametrize(("on_error", "action"), [("allow", "allow"), ("deny", "deny")])
def test_an_error_ends_as_the_policy_says_and_never_in_an_action_of_it(results, policy, on_error, action):
    path = policy("suspend", "newcomer_weight_at_least = 1")
    path.write_text(path.read_text().replace("version = 1", f'version = 1\non_error = "{on_error}"'))
    one = core(results, path, matcher=Broken())
    decision = ask(one, "new")
    assert (decision.action, decision.reason) == (action, "guard_error")
    assert one.errors["RuntimeError"] == 1
    assert ask(core(results, path, mode="shadow", matcher=Broken()), "new").action == "allow"


def test_a_newcomer_who_matches_a_live_campaign_is_known_at_his_first_exchange(results, policy):
    path = policy("verify", "newcomer_weight_at_least = 2.5")
    assert ask(core(results, path, matcher=Known()), "new", client_ip="203.0.113.9").action == "verify"
    assert ask(core(results, path, matcher=Known()), "new", client_ip="203.0.114.9").action == "allow"
    assert (
        ask(core(results, policy("verify"), matcher=Known()), "new", client_ip="203.0.113.9").action
        == "allow"
    )
    assert ask(core(results, path), "new", client_ip="203.0.113.9").action == "allow"


def test_the_kill_switch_ends_every_action(results):
    one = core(results)
    one.is_killed = True
    assert (ask(one).action, ask(one).would, ask(one).mode) == ("allow", "allow", "off")


def test_of_two_campaigns_the_one_that_is_not_spared_counts(results, write_results):
    write_results(
        results, {"C1": {f"a{n}": 0.95 for n in range(10)}, "C2": {"a1": 0.92, "b1": 0.92, "b2": 0.92}}
    )
    add(results, label("honest", "campaign", "C1", accounts=frozenset(f"a{n}" for n in range(10))))
    one = core(results)
    assert ask(one, "a1").action == "verify"
    assert ask(one, "a9").action == "allow"


def test_decisions_that_cannot_be_written_are_not_carried_out(results):
    class Full:
        is_up = False

        def note(self, decision, account_id):
            self.noted = decision

    audit = Full()
    decision = ask(core(results, audit=audit))
    assert (decision.action, decision.would, decision.mode) == ("allow", "verify", "shadow")
    assert audit.noted is decision


def test_two_people_must_approve_what_the_policy_says_needs_it(results, policy, tmp_path):
    from stillwatch.policy.rollout import approve, standing

    path = policy(more="approvals = 2")
    state, held = tmp_path / "state", read_policy(path)
    one = core(results, path)
    for author, action in (("ann", "allow"), ("bob", "suspend")):
        approve(state, held, author, "")
        one.snapshot = replace(one.snapshot, standing=standing(state, held))
        assert ask(one).action == action
    path.write_text(path.read_text() + "\n# changed\n")
    one.snapshot = replace(one.snapshot, standing=standing(state, read_policy(path)))
    assert ask(one).action == "allow"
