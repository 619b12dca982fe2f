"""Decisions as OpenTelemetry spans, where the process has a tracer provider.

A span is that of a guardrail as proposed for the GenAI conventions (pull request 427 of
open-telemetry/semantic-conventions-genai, open at the time of writing): `gen_ai.security.verdict.*` is what
the policy would do, `gen_ai.security.action.type` what is done. No account and no text is in a span; the
decision's identifier is that of the line in the audit log.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from stillwatch import __version__
from stillwatch.guard.decision import Decision
from stillwatch.policy.rules import ALLOW, UNNOTICED

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

# Values of the attributes `gen_ai.operation.name`, the guardrail's name, and what it looks at.
OPERATION, GUARDRAIL, TARGET = "run_guardrail", "stillwatch", "llm_input"
PARENTS = ("traceparent", "tracestate", "baggage")
"""Headers that name the span of the gateway that asks."""
MODIFYING = frozenset({"hide_reasoning"})
"""Actions after which a request is passed on and answered differently."""


def spans() -> Spans | None:
    """Where decisions are recorded; None where `opentelemetry-api` is not installed or no tracer provider is
    configured, so that nothing is spent on spans that nobody takes.

    The provider is looked up once: it is configured before the core is made.
    """
    try:
        from opentelemetry import trace
    except ImportError:
        return None
    provider = trace.get_tracer_provider()
    if isinstance(provider, (trace.NoOpTracerProvider, trace.ProxyTracerProvider)):
        return None
    return Spans(provider.get_tracer("stillwatch.guard", __version__))


class Spans:
    """Records decisions as spans of a tracer."""

    def __init__(self, tracer: Tracer) -> None:
        self._tracer = tracer

    @contextmanager
    def within(self, headers: Iterable[tuple[bytes, bytes]]) -> Iterator[None]:
        """Context manager: spans of the block are children of the span that a request's headers name, unless
        there is a current span already.
        """
        from opentelemetry import context, propagate, trace

        carrier = {
            name: value.decode("latin-1")
            for raw, value in headers
            if (name := raw.decode("latin-1").lower()) in PARENTS
        }
        if not carrier or trace.get_current_span().get_span_context().is_valid:
            yield
            return
        token = context.attach(propagate.extract(carrier))
        try:
            yield
        finally:
            context.detach(token)

    def record(self, decision: Decision, request: Mapping[str, Any], took_s: float) -> None:
        """Record a decision that was made in the last `took_s` seconds."""
        from opentelemetry.trace import SpanKind, Status, StatusCode

        ended = time.time_ns()
        span = self._tracer.start_span(
            f"{OPERATION} {GUARDRAIL}",
            kind=SpanKind.INTERNAL,
            attributes=attributes(decision, request),
            start_time=ended - int(took_s * 1e9),
        )
        if decision.has_failed:
            span.set_attribute("error.type", decision.reason)
            span.set_status(Status(StatusCode.ERROR))
        span.end(ended)


def attributes(decision: Decision, request: Mapping[str, Any]) -> dict[str, str]:
    """The attributes of a decision's span; those without a value are left out."""
    name, _at, version = decision.policy.rpartition("@")
    found = {
        "gen_ai.operation.name": OPERATION,
        "gen_ai.security.guardrail.name": GUARDRAIL,
        "gen_ai.security.target.type": TARGET,
        "gen_ai.security.verdict.type": verdict(decision.would),
        "gen_ai.security.verdict.code": decision.would,
        "gen_ai.security.verdict.reason": decision.reason,
        "gen_ai.security.action.type": "block" if decision.refuses else "allow",
        "gen_ai.security.policy.id": name,
        "gen_ai.security.policy.version": version,
        "gen_ai.security.policy.rule.id": decision.rule,
        "gen_ai.security.external_finding_id": decision.decision_id,
        "gen_ai.request.model": request.get("model"),
        "gen_ai.conversation.id": request.get("conversation_id"),
        "stillwatch.guard.mode": decision.mode,
    }
    return {key: value for key, value in found.items() if value}


def verdict(would: str) -> str:
    """The convention's verdict for an action of the ladder."""
    if would == ALLOW:
        return "allow"
    if would in MODIFYING:
        return "modify"
    return "audit" if would in UNNOTICED else "deny"
