import gzip
import json
from collections import Counter

import pyarrow as pa
import pytest

from stillwatch.readers import vendor
from stillwatch.readers.limits import LIMITS
from stillwatch.readers.losses import Losses
from stillwatch.readers.registry import all_formats
from stillwatch.readers.vendor import vendor_batches
from tests.readers.vendors import CONTENT, FIXTURES, HTTP, LATEST, span, spans

FORMATS = {form.name: form for form in all_formats()}


def several(record, number):
    """A span that is one of many, with its own trace and id."""
    return {**record, "traceId": f"{number:032x}", "spanId": f"{number:016x}"}


def told(path, form, apart):
    losses = Losses(path)
    rows = pa.concat_tables(vendor_batches(path, FORMATS[form], {}, losses, LIMITS, apart=apart))
    order = [("exchange_id", "ascending"), ("timestamp", "ascending")]
    return rows.sort_by(order), sorted(losses.listed().to_pylist(), key=lambda row: row["row"]), losses.fields


@pytest.mark.issue(5)
def test_a_log_read_in_parts_is_the_log_read_whole_and_spans_are_joined_across_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(vendor, "PART", 7_000)
    lines = []
    for number in range(400):
        call = json.dumps(spans(several(HTTP, number)))
        model = {k: v for k, v in LATEST.items() if k != "gen_ai.response.id"}
        said = json.dumps(spans(several(span(model | CONTENT), number)) | {"odd": 1})
        lines += [call, said] if number % 2 else [said, call]
        if number % 50 == 7:
            lines.append("{not json")
        if number % 90 == 11:
            lines.append("")
    path = tmp_path / "spans.jsonl"
    path.write_text("\n".join(lines))
    whole, parts = told(path, "otlp", apart=False), told(path, "otlp", apart=True)
    assert len(vendor._cuts(path)) > 50
    assert whole[0].num_rows == 400
    assert whole[0]["client_ip"].null_count == 0
    assert parts[0].equals(whole[0])
    assert parts[1] == whole[1]
    assert len(parts[1]) == 8
    assert parts[2] == whole[2] == Counter({"odd": 400})


@pytest.mark.issue(5)
@pytest.mark.parametrize("name", sorted(FIXTURES))
def test_every_format_reads_the_same_in_parts(tmp_path, monkeypatch, name):
    monkeypatch.setattr(vendor, "PART", 3_000)
    form, records, _wanted = FIXTURES[name]
    path = tmp_path / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records * 20))
    whole, parts = told(path, form, apart=False), told(path, form, apart=True)
    assert whole[0].num_rows
    assert parts[0].equals(whole[0])
    assert parts[1:] == whole[1:]


@pytest.mark.issue(5)
def test_a_compressed_log_is_read_whole_by_another_process(tmp_path):
    form, records, _wanted = FIXTURES["litellm payload"]
    path = tmp_path / "log.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(record) + "\n" for record in records * 20).encode()))
    whole, parts = told(path, form, apart=False), told(path, form, apart=True)
    assert whole[0].num_rows
    assert parts[0].equals(whole[0])
    assert parts[1:] == whole[1:]
