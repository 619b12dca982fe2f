"""Reading OTLP JSON into contract rows, beside `orjson` parsing the same lines on one core and doing nothing
else.

python benchmarks/otlp.py [SPANS]        (default 100000)
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import orjson

from stillwatch.readers.formats.otlp import otlp
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.vendor import vendor_batches

ONE, ALL = "rows of the contract, one core", "rows of the contract, all cores"
TEXT = "Explain, step by step, how the following ledger balances and where an auditor would look first. " * 3


def line(number: int) -> str:
    """Two exchanges with their content, as a batch of spans."""
    spans = []
    for one in (number, number + 1):
        said = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "m",
            "gen_ai.response.id": f"x{one}",
            "gen_ai.conversation.id": f"c{one // 3}",
            "user.id": f"a{one % 5000}",
            "client.address": f"203.0.113.{one % 250}",
            "user_agent.original": "sdk/1.2.3",
            "gen_ai.response.model": "m",
            "gen_ai.input.messages": json.dumps(
                [{"role": "user", "parts": [{"type": "text", "content": TEXT + str(one)}]}]
            ),
            "gen_ai.output.messages": json.dumps(
                [{"role": "assistant", "parts": [{"type": "text", "content": TEXT * 3}]}]
            ),
        }
        numbers = {
            "gen_ai.usage.input_tokens": "120",
            "gen_ai.usage.output_tokens": "800",
            "gen_ai.request.max_tokens": "4096",
        }
        attributes = [{"key": k, "value": {"stringValue": v}} for k, v in said.items()]
        attributes += [{"key": k, "value": {"intValue": v}} for k, v in numbers.items()]
        start = 1_779_962_400_000_000_000 + one * 1_000_000
        spans.append(
            {
                "traceId": f"{one:032x}",
                "spanId": f"{one:016x}",
                "name": "chat m",
                "kind": 3,
                "startTimeUnixNano": str(start),
                "endTimeUnixNano": str(start + 10**9),
                "attributes": attributes,
                "status": {},
            }
        )
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "gateway"}}]}
    return json.dumps(
        {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "i"}, "spans": spans}]}]}
    )


def main() -> None:
    """Print both rates and their ratio."""
    spans = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "spans.jsonl"
        path.write_text("".join(line(number) + "\n" for number in range(0, spans, 2)))
        size = path.stat().st_size / 1e6
        rates: dict[str, list[float]] = {"orjson alone": [], ONE: [], ALL: []}
        for _turn in range(3):
            began = time.monotonic()
            with path.open("rb") as file:
                for raw in file:
                    orjson.loads(raw)
            rates["orjson alone"].append(size / (time.monotonic() - began))
            for name, apart in ((ONE, False), (ALL, True)):
                began = time.monotonic()
                batches = vendor_batches(path, otlp, {}, Losses(path), LIMITS, apart=apart)
                rows = sum(table.num_rows for table in batches)
                rates[name].append(size / (time.monotonic() - began))
                assert rows == spans, rows
    best = {name: max(each) for name, each in rates.items()}
    for name, rate in best.items():
        print(f"{name:34} {rate:7.0f} MB/s   {rate / best['orjson alone']:5.2f} of orjson")
    print(
        f"({size:.0f} MB, {spans:,} spans, the best of three; the first with all cores starts its processes)"
    )


if __name__ == "__main__":
    main()
