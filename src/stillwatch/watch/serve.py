"""What can a monitoring system ask of a watch, and how is a webhook told?"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

METRICS = {
    "stillwatch_rows_total": ("counter", "exchanges taken"),
    "stillwatch_quarantined_total": ("counter", "rows that could not be read"),
    "stillwatch_batches_total": ("counter", "batches folded"),
    "stillwatch_judgements_total": ("counter", "times the log was judged"),
    "stillwatch_campaigns": ("gauge", "campaigns that are reported now"),
    "stillwatch_events_total": ("counter", "events told"),
    "stillwatch_outbox": ("gauge", "events not yet delivered"),
    "stillwatch_lag_bytes": ("gauge", "bytes of the source not yet taken, of the file being read"),
    "stillwatch_lag_messages": (
        "gauge",
        "messages of a stream not yet taken; of Redis, whether there are any",
    ),
    "stillwatch_lag_seconds": ("gauge", "seconds since the last batch was taken while more was waiting"),
    "stillwatch_source_up": ("gauge", "whether the source answered when it was last asked"),
    "stillwatch_judge_seconds": ("gauge", "how long the last judgement took"),
}
RETRIES, FIRST_PAUSE_S, TIMEOUT_S = 4, 0.5, 10.0


def render(numbers: Mapping[str, float]) -> str:
    """Numbers in Prometheus's text format."""
    lines = []
    for name, (kind, meaning) in METRICS.items():
        lines += [f"# HELP {name} {meaning}", f"# TYPE {name} {kind}", f"{name} {numbers.get(name, 0):g}"]
    return "\n".join(lines) + "\n"


def serve(
    port: int, numbers: Callable[[], Mapping[str, float]], healthy: Callable[[], bool]
) -> ThreadingHTTPServer:
    """`/metrics` and `/healthz` on the loopback address, in a thread of their own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body, code = b"not found\n", 404
            if self.path == "/metrics":
                body, code = render(numbers()).encode(), 200
            elif self.path == "/healthz":
                fine = healthy()
                body, code = (b"ok\n", 200) if fine else (b"stalled\n", 503)
            self.send_response(code)
            self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the name is http.server's
            """Say nothing: a scrape every few seconds is no news."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def post(url: str, event: Mapping[str, Any], pause: Callable[[float], None] = time.sleep) -> bool:
    """Send an event; True once the receiver took it. Tries again after growing pauses; the key is the event's id.

    A receiver that keeps ids of what it has seen gets every event once, though it may be sent twice.
    """
    request = urllib.request.Request(  # noqa: S310  the operator's own URL
        url,
        data=json.dumps(event, sort_keys=True, default=str).encode(),
        headers={"Content-Type": "application/json", "Idempotency-Key": str(event["id"])},
        method="POST",
    )
    for attempt in range(RETRIES):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
                if 200 <= answer.status < 300:
                    return True
        except urllib.error.HTTPError as error:
            if error.code == 409:  # it has seen this one
                return True
        except OSError:
            pass
        if attempt < RETRIES - 1:
            pause(FIRST_PAUSE_S * 2**attempt)
    return False
