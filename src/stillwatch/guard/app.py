"""The service: an ASGI application over a core, with one path for each kind of gateway."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Literal

import orjson

from stillwatch.guard.adapters import REPLIES, Reply
from stillwatch.guard.asgi import Receive, Scope, Send
from stillwatch.guard.core import SECONDS, Core
from stillwatch.guard.reload import Reloader
from stillwatch.guard.requests import MAX_BODY, MalformedRequest, checked, from_headers, from_json

if TYPE_CHECKING:
    from prometheus_client import Metric

BODY_S = 1.0  # longest wait for a request's body, in seconds
JSON = [(b"content-type", b"application/json")]  # headers of an answer with a JSON body


class Guard:
    """ASGI application that serves `/v1/decide`, `/adapters/NAME/...`, `/healthz` and `/metrics`.

    `malformed` counts requests answered 400, `unidentified` requests of gateways without a valid account.
    """

    def __init__(self, core: Core, reloader: Reloader | None = None) -> None:
        self.core, self.reloader = core, reloader
        self.malformed = self.unidentified = 0
        self._registry: Any = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI connection."""
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        if scope["type"] != "http":
            return
        if self.core.spans is None:
            await self._serve(scope, receive, send)
            return
        with self.core.spans.within(scope["headers"]):
            await self._serve(scope, receive, send)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        arrived = time.perf_counter()
        path, method = scope["path"], scope["method"]
        if path == "/v1/decide" and method == "POST":
            await self._decide(receive, send, arrived)
        elif path.startswith("/adapters/"):
            await self._adapter(path, scope, receive, send, arrived)
        elif path == "/healthz":
            await _answer(send, 200, b"ok\n", [(b"content-type", b"text/plain")])
        elif path == "/metrics":
            await _answer(
                send, 200, self._metrics(), [(b"content-type", b"text/plain; version=0.0.4; charset=utf-8")]
            )
        else:
            status = 405 if path == "/v1/decide" else 404
            await _answer(
                send, status, orjson.dumps({"error": "there is nothing at this path by this method"}), JSON
            )

    async def _decide(self, receive: Receive, send: Send, arrived: float) -> None:
        """Answer a request for a decision."""
        try:
            content, arrived = await _body(receive, arrived)
            request = from_json(content)
        except MalformedRequest as error:
            self.malformed += 1
            await _answer(send, 400, orjson.dumps({"error": str(error)}), JSON)
            return
        decision = await self._ask(request, arrived)
        await _answer(send, 200, orjson.dumps(decision.as_json()), JSON)

    async def _adapter(self, path: str, scope: Scope, receive: Receive, send: Send, arrived: float) -> None:
        """Answer a request of a gateway through its adapter."""
        name = path.split("/", 3)[2]
        adapter = REPLIES.get(name)
        if adapter is None:
            await _answer(
                send,
                404,
                orjson.dumps({"error": "no adapter of this name", "adapters": sorted(REPLIES)}),
                JSON,
            )
            return
        reply: Reply
        try:
            if adapter.columns is None:
                request = from_headers(scope["headers"])
            else:
                content, arrived = await _body(receive, arrived)
                request = checked(adapter.columns(content))
        except MalformedRequest as error:
            # Without an account there is nothing to decide on: the request is passed on.
            self.unidentified += 1
            reply = adapter.unknown(str(error))
        else:
            reply = adapter.reply(await self._ask(request, arrived), self.core.snapshot.policy)
        await _answer(send, reply.status, reply.body, reply.headers)

    async def _ask(self, request: Mapping[str, Any], arrived: float) -> Any:  # noqa: ANN401  a decision
        """The core's decision; computed in a thread where it may wait for a matcher."""
        if not self.core.may_wait:
            return self.core.decide(request, arrived)
        return await asyncio.to_thread(self.core.decide, request, arrived)

    def _metrics(self) -> bytes:
        """The current metrics in Prometheus' text format."""
        from prometheus_client import CollectorRegistry, generate_latest

        if self._registry is None:
            self._registry = CollectorRegistry(auto_describe=False)
            self._registry.register(self)
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the current metrics in the form that `prometheus_client` reads."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        yield from self._decisions()
        for name, (kind, meaning, value) in self._figures().items():
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            yield family(name, meaning, value=float(value))
        policy = GaugeMetricFamily(
            "stillwatch_guard_policy", "the policy in use", labels=["policy", "digest"]
        )
        used = self.core.snapshot.policy
        policy.add_metric([used.title, used.digest[:12]], 1.0)
        yield policy

    def _decisions(self) -> Iterator[Metric]:
        """Numbers of decisions and of errors, and the histogram of the time that a decision took."""
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        core = self.core
        labels = ["action", "would", "mode", "reason"]
        decisions = CounterMetricFamily("stillwatch_guard_decisions", "decisions", labels=labels)
        for key, number in list(core.counts.items()):
            decisions.add_metric(key, number)
        yield decisions
        errors = CounterMetricFamily(
            "stillwatch_guard_errors", "decisions that failed, by kind of error", labels=["kind"]
        )
        for kind, number in list(core.errors.items()):
            errors.add_metric([kind], number)
        yield errors
        total, buckets = 0, []
        for edge, number in zip((*map(str, SECONDS), "+Inf"), core.seconds, strict=True):
            total += number
            buckets.append((edge, total))
        yield HistogramMetricFamily(
            "stillwatch_guard_seconds",
            "how long a decision took",
            buckets=buckets,
            sum_value=core.seconds_sum,
        )

    def _figures(self) -> dict[str, tuple[Literal["counter", "gauge"], str, float]]:
        """The metrics without labels: type, meaning and value, by name."""
        core = self.core
        audit = core.audit
        figures: dict[str, tuple[Literal["counter", "gauge"], str, float]] = {
            "stillwatch_guard_malformed": ("counter", "requests answered 400", self.malformed),
            "stillwatch_guard_unidentified": (
                "counter",
                "requests of gateways without an account",
                self.unidentified,
            ),
            "stillwatch_guard_members": (
                "gauge",
                "accounts that a decision may concern",
                len(core.snapshot.index),
            ),
            "stillwatch_guard_killed": ("gauge", "whether the kill switch is on", core.is_killed),
            "stillwatch_guard_enforces": (
                "gauge",
                "whether the guard may carry actions out",
                core.mode == "enforce",
            ),
            "stillwatch_guard_audit_up": (
                "gauge",
                "whether decisions can be written",
                audit is None or audit.is_up,
            ),
            "stillwatch_guard_audit_lost": (
                "counter",
                "decisions not written since too many waited",
                audit.lost if audit else 0,
            ),
        }
        if self.reloader is not None:
            figures["stillwatch_guard_stale"] = (
                "gauge",
                "whether files changed that cannot be used",
                bool(self.reloader.faults),
            )
            figures["stillwatch_guard_reloads"] = (
                "counter",
                "snapshots that replaced another",
                self.reloader.reloads,
            )
            figures["stillwatch_guard_refusals"] = (
                "counter",
                "changes of files that were refused",
                self.reloader.refusals,
            )
        return figures


async def _body(receive: Receive, arrived: float) -> tuple[bytes, float]:
    """The request's body, and the `perf_counter` time from which the guard's latency counts.

    The time that the caller takes to send a body in several parts is not counted. Raises `MalformedRequest`
    where the body is longer than `MAX_BODY`, is cut short, or does not arrive within `BODY_S`.
    """
    message = await receive()
    if message["type"] == "http.disconnect":
        raise MalformedRequest("the caller is gone")
    if not message.get("more_body"):
        return message.get("body", b""), arrived
    parts = [message.get("body", b"")]
    try:
        async with asyncio.timeout(BODY_S):
            while message.get("more_body"):
                message = await receive()
                parts.append(message.get("body", b""))
                if message["type"] == "http.disconnect" or sum(map(len, parts)) > MAX_BODY:
                    raise MalformedRequest(f"the body is longer than {MAX_BODY} bytes, or cut short")
    except TimeoutError:
        raise MalformedRequest(f"the body did not arrive within {BODY_S:g} s") from None
    return b"".join(parts), time.perf_counter()


async def _answer(send: Send, status: int, content: bytes, headers: list[tuple[bytes, bytes]]) -> None:
    """Send an answer with its length."""
    length = (b"content-length", str(len(content)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [*headers, length]})
    await send({"type": "http.response.body", "body": content})


async def _lifespan(receive: Receive, send: Send) -> None:
    """Answer the messages by which an ASGI server starts and stops the application."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            await send({"type": "lifespan.startup.complete"})
        else:
            await send({"type": "lifespan.shutdown.complete"})
            return
