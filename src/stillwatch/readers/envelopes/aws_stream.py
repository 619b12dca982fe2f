"""Kinesis and Firehose records, and Lambda events, whose data is base64 and often compressed with gzip."""

from __future__ import annotations

from collections.abc import Iterable

from stillwatch.readers.envelope import Inner, Text, envelope
from stillwatch.readers.limits import Limits
from stillwatch.readers.packed import unpacked
from stillwatch.readers.registry import Record, at

PLACES = (("data",), ("Data",), ("kinesis", "data"))  # paths of the field with the record in base64


@envelope(
    title="Kinesis, Firehose and Lambda events",
    source="AWS Lambda: events of CloudWatch Logs, Kinesis, Firehose; Kinesis GetRecords",
    keys=("awslogs", "Records", "records", "Data"),
)
def aws_stream(record: Record, limits: Limits) -> Iterable[Inner] | None:
    """The texts in the data of all records."""
    data = at(record, "awslogs", "data")
    several = record.get("Records", record.get("records"))
    if data is not None:
        held = [data]
    elif isinstance(record.get("Data"), str) and {"PartitionKey", "SequenceNumber"} & record.keys():
        held = [record["Data"]]
    elif isinstance(several, list) and several:
        held = [
            next((found for path in PLACES if (found := at(one, *path)) is not None), None) for one in several
        ]
    else:
        return None
    if not all(isinstance(one, str) for one in held):
        return None
    texts = [unpacked(one, limits) for one in held]
    return None if None in texts else [Text(text=one) for one in texts if one is not None]
