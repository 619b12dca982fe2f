"""HTTP server of a watch for monitoring: `/metrics` (Prometheus) and `/healthz`."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from stillwatch.errors import Problem, StateError

if TYPE_CHECKING:
    from prometheus_client import Metric

# Type and meaning of each metric by name.
METRICS = {
    "stillwatch_rows_total": ("counter", "rows taken, repeated exchanges among them"),
    "stillwatch_quarantined_total": ("counter", "rows that could not be read"),
    "stillwatch_apart": ("gauge", "rows that are kept and not judged, such as those dated far ahead"),
    "stillwatch_batches_total": ("counter", "batches folded"),
    "stillwatch_judgements_total": ("counter", "times the log was judged"),
    "stillwatch_judge_failures_total": (
        "counter",
        "judgements that failed since the start and are tried again",
    ),
    "stillwatch_campaigns": ("gauge", "campaigns that are reported now"),
    "stillwatch_events_total": ("counter", "events written"),
    "stillwatch_outbox": ("gauge", "events that the webhook has not taken yet"),
    "stillwatch_webhook_failures_total": (
        "counter",
        "times that the webhook did not take an event or a heartbeat",
    ),
    "stillwatch_muted_total": (
        "counter",
        "events of campaigns labelled honest, which the webhook is not sent",
    ),
    "stillwatch_lag_bytes": ("gauge", "bytes of the source not yet taken, of the file being read"),
    "stillwatch_lag_messages": (
        "gauge",
        "messages of a stream not yet taken; of Redis, whether there are any",
    ),
    "stillwatch_lag_seconds": ("gauge", "seconds since the last batch was taken while more was waiting"),
    "stillwatch_source_up": ("gauge", "whether the source answered when it was last asked"),
    "stillwatch_judge_seconds": ("gauge", "how long the last judgement took"),
}
MAX_CONNECTIONS = 32  # most open connections: chosen, many times what a monitoring system opens
ANSWER_S = 10.0  # longest time in seconds for a request and its answer: chosen


class NumbersCollector:
    """A `prometheus_client` collector. `numbers` returns values by metric name; a missing one is 0."""

    def __init__(self, numbers: Callable[[], Mapping[str, float]]) -> None:
        self.numbers = numbers

    def collect(self) -> Iterator[Metric]:
        """One metric family for each entry of `METRICS`, in its order."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        known = self.numbers()
        for name, (kind, meaning) in METRICS.items():
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            yield family(name, meaning, value=known.get(name, 0))


class MetricsServer(ThreadingHTTPServer):
    """An HTTP server with at most `MAX_CONNECTIONS`, each for at most `ANSWER_S` seconds.

    A further connection closes the oldest one, so that a probe is answered while clients hold connections
    open.
    """

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, port: int, handler: type[BaseHTTPRequestHandler]) -> None:
        self._open: dict[socket.socket, float] = {}
        self._guard = threading.Lock()
        super().__init__(("127.0.0.1", port), handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  the types are socketserver's
        """Answer a connection in a thread, and close the oldest one where there are too many."""
        with self._guard:
            self._open[request] = time.monotonic()
            if len(self._open) > MAX_CONNECTIONS:
                self._end(next(iter(self._open)))
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401  the type is socketserver's
        """Close a connection and remove it from the list of open ones."""
        with self._guard:
            self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Close connections open for more than `ANSWER_S` seconds; called about twice a second."""
        with self._guard:
            for request, since in list(self._open.items()):
                if time.monotonic() - since > ANSWER_S:
                    self._end(request)

    def _end(self, request: socket.socket) -> None:
        """Shut a connection down; the thread that waits for it then closes it."""
        self._open.pop(request, None)
        try:
            request.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is closed already
            return

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  socketserver's
        """Ignore errors of a connection, such as a client that disconnects."""


def serve(
    port: int, numbers: Callable[[], Mapping[str, float]], healthy: Callable[[], bool]
) -> MetricsServer:
    """Start a server of `/metrics` and `/healthz` at `port` of 127.0.0.1, in threads; returns it.

    `numbers` returns the values of the metrics. `/healthz` has status 200 where `healthy` returns True, else
    503. Raises `StateError` where the port cannot be opened.
    """
    from prometheus_client import CollectorRegistry, generate_latest

    registry = CollectorRegistry(auto_describe=False)
    registry.register(NumbersCollector(numbers))

    class Handler(BaseHTTPRequestHandler):
        timeout = ANSWER_S

        def do_GET(self) -> None:
            """Answer `/metrics`, `/healthz` (503 where the watch is stalled), and 404 elsewhere."""
            body, code = b"not found\n", 404
            if self.path == "/metrics":
                body, code = generate_latest(registry), 200
            elif self.path == "/healthz":
                fine = healthy()
                body, code = (b"ok\n", 200) if fine else (b"stalled\n", 503)
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Log nothing, since monitoring sends a request every few seconds."""

    try:
        server = MetricsServer(port, Handler)
    except OSError as error:
        raise StateError(
            Problem(
                fact=f"port {port} cannot be listened on",
                found=error.strerror or type(error).__name__,
                fix="choose another --port, or end the program that has it",
            )
        ) from error
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
