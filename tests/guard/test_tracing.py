"""Decisions as spans, where somebody takes them."""

import asyncio
import json
import subprocess
import sys

import pytest

from stillwatch.guard import tracing
from stillwatch.guard.app import Guard
from stillwatch.guard.core import Core
from stillwatch.guard.snapshot import make
from stillwatch.policy.read import read_policy

pytestmark = pytest.mark.issue(26)
GATEWAY = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def recorded(results, policy, monkeypatch):
    """A function from mode and action to a core, and the spans that it has recorded."""
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr("opentelemetry.trace.get_tracer_provider", lambda: provider)

    def core(mode="enforce", action="suspend", **more):
        return Core(make(results, read_policy(policy(action))), mode, **more)

    return core, exporter.get_finished_spans


def test_a_span_has_the_verdict_the_action_and_the_policy_and_neither_account_nor_campaign(recorded):
    core, spans = recorded
    decision = core().decide({"account_id": "a1", "model": "m-1", "client_ip": "203.0.113.9"})
    (span,) = spans()
    assert span.name == "run_guardrail stillwatch"
    assert dict(span.attributes) == {
        "gen_ai.operation.name": "run_guardrail",
        "gen_ai.security.guardrail.name": "stillwatch",
        "gen_ai.security.target.type": "llm_input",
        "gen_ai.security.verdict.type": "deny",
        "gen_ai.security.verdict.code": "suspend",
        "gen_ai.security.verdict.reason": decision.reason,
        "gen_ai.security.action.type": "block",
        "gen_ai.security.policy.id": "test",
        "gen_ai.security.policy.version": "1",
        "gen_ai.security.policy.rule.id": "one",
        "gen_ai.security.external_finding_id": decision.decision_id,
        "gen_ai.request.model": "m-1",
        "stillwatch.guard.mode": "enforce",
    }
    assert 0 <= span.end_time - span.start_time < 60e9
    assert "a1" not in json.dumps(dict(span.attributes)).replace(decision.decision_id, "")


@pytest.mark.parametrize(
    ("mode", "action", "account", "verdict", "done"),
    [
        ("shadow", "suspend", "a1", "deny", "allow"),
        ("enforce", "hide_reasoning", "a1", "modify", "allow"),
        ("enforce", "watch", "a1", "audit", "allow"),
        ("enforce", "suspend", "somebody", "allow", "allow"),
    ],
)
def test_what_the_policy_would_do_is_kept_apart_from_what_is_done(
    recorded, mode, action, account, verdict, done
):
    core, spans = recorded
    core(mode, action).decide({"account_id": account})
    (span,) = spans()
    assert span.attributes["gen_ai.security.verdict.type"] == verdict
    assert span.attributes["gen_ai.security.action.type"] == done


def test_a_decision_that_failed_is_an_error_of_its_kind(recorded):
    core, spans = recorded
    core(ticks=iter(range(0, 1000, 100)).__next__).decide({"account_id": "a1"})
    (span,) = spans()
    assert span.attributes["error.type"] == "deadline"
    assert not span.status.is_ok


@pytest.mark.parametrize("form", ["http", "grpc"])
@pytest.mark.parametrize("matcher", [None, "matches nobody"])
def test_a_span_is_a_child_of_the_gateways_own(recorded, matcher, form):
    from stillwatch.guard.envoy_grpc import check, messages

    class Nobody:
        def match(self, request):
            return None

    core, spans = recorded
    guard = Guard(core(matcher=matcher and Nobody()))
    if form == "grpc":
        asked = messages()["CheckRequest"]()
        asked.attributes.request.http.headers.update({"x-account-id": "a1", "traceparent": GATEWAY})
        check(guard, asked)
    else:
        headers = [(b"x-account-id", b"a1"), (b"traceparent", GATEWAY.encode())]
        scope = {"type": "http", "path": "/adapters/envoy/v1", "method": "POST", "headers": headers}

        async def send(message):
            pass

        asyncio.run(guard(scope, None, send))
    (span,) = spans()
    assert f"{span.context.trace_id:032x}" == GATEWAY.split("-")[1]
    assert f"{span.parent.span_id:016x}" == GATEWAY.split("-")[2]


def test_a_fault_of_an_exporter_costs_no_decision(recorded, monkeypatch):
    core, _spans = recorded
    one = core()

    def fails(*_given):
        raise OSError

    monkeypatch.setattr(one.spans, "record", fails)
    assert one.decide({"account_id": "a1"}).action == "suspend"
    assert one.errors["OSError"] == 1


def test_without_a_provider_or_the_package_there_are_no_spans():
    assert tracing.spans() is None
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "from stillwatch.guard import tracing; print(tracing.spans())"
    )
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert told.stdout == "None\n"
