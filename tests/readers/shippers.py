"""What shippers make of a record: each function puts one record, or the line that another shipper made of
it, into an envelope.
"""

import base64
import gzip
import json

T = "2026-05-04T09:00:00.123456789Z"
S = 1_777_885_200


def text(one):
    """A record as shippers carry it, or a line as it is."""
    return one if isinstance(one, str) else json.dumps(one)


def packed(one, zipped=False):
    raw = text(one).encode("utf-8", "surrogatepass")
    return base64.b64encode(gzip.compress(raw) if zipped else raw).decode()


def subscription(one):
    event = {"id": "1", "timestamp": S * 1000, "message": text(one)}
    return {
        "messageType": "DATA_MESSAGE",
        "owner": "1",
        "logGroup": "g",
        "logStream": "s",
        "subscriptionFilters": ["f"],
        "logEvents": [event],
    }


def obj(one, name):
    return {name: one if isinstance(one, dict) else {"message": one}}


# Envelope's name → what makes it.
SHIPPERS = {
    "docker": (
        lambda one: {"log": text(one) + "\n", "stream": "stdout", "time": T},
        lambda one: {"date": S + 0.5, "log": text(one), "stream": "stdout", "kubernetes": {"pod_name": "p"}},
        lambda one: {"log": text(one), "container_name": "/x", "source": "stdout", "@timestamp": T},
    ),
    "cri": (lambda one: f"{T} stdout F {text(one)}", lambda one: f"{T} stderr F:x {text(one)}"),
    "syslog": (
        lambda one: f"<14>1 {T} host app 12 - - {text(one)}",
        lambda one: f'<14>1 {T} host app 12 ID1 [a@1 b="c"] {text(one)}',
        lambda one: f"<14>May  4 09:00:00 host app[12]: {text(one)}",
        lambda one: f"2026-05-04T09:00:00.5+00:00 host app[12]: {text(one)}",
        lambda one: f"83 <190>1 {T} host app web.1 - {text(one)}",
    ),
    "prefixed": (
        lambda one: f"{T} {text(one)}",
        lambda one: f"INFO:root:{text(one)}",
        lambda one: f'{T} {{app="gw", pod="a\\"b"}} {text(one)}',
        lambda one: f"proxy-1  | {text(one)}",
        lambda one: f"2026-05-04T09:00:00+00:00\ttag.x\t{text(one)}",
        lambda one: f"[2026-05-04 09:00:00] app.INFO: {text(one)} []",
    ),
    "splunk_hec": (
        lambda one: {"time": S + 0.5, "host": "h", "source": "s", "sourcetype": "_json", "event": one},
        lambda one: {"host": "h", "event": text(one)},
    ),
    "splunk_export": (
        lambda one: {"preview": False, "offset": 0, "result": {"_raw": text(one), "_time": T}},
        lambda one: {"init_offset": 0, "messages": [], "results": [{"_raw": text(one), "_time": T}]},
        lambda one: {"_raw": text(one), "_time": T, "host": "h"},
    ),
    "elasticsearch": (
        lambda one: {"_index": "i", "_id": "0", **obj(one, "_source")},
        lambda one: {"_index": "i", "_id": "0", "fields": {"message": [text(one)], "@timestamp": [T]}},
        lambda one: {
            "took": 3,
            "hits": {"total": {"value": 1}, "hits": [{"_index": "i", "_id": "0", **obj(one, "_source")}]},
        },
    ),
    "loki": (
        lambda one: {"labels": {"app": "x"}, "line": text(one), "timestamp": T},
        lambda one: {
            "status": "success",
            "data": {
                "resultType": "streams",
                "result": [{"stream": {}, "values": [[f"{S}000000000", text(one)]]}],
            },
        },
        lambda one: {"streams": [{"stream": {}, "values": [[f"{S}000000000", text(one), {}]]}]},
    ),
    "journald": (
        lambda one: {
            "__REALTIME_TIMESTAMP": f"{S}000000",
            "MESSAGE": text(one),
            "_SYSTEMD_UNIT": "x.service",
            "PRIORITY": "6",
        },
        lambda one: {
            "__REALTIME_TIMESTAMP": f"{S}000000",
            "MESSAGE": list(text(one).encode("utf-8", "surrogatepass")),
            "PRIORITY": "6",
        },
    ),
    "google_cloud": (
        lambda one: {
            "logName": "l",
            "insertId": "1",
            "resource": {},
            "timestamp": T,
            **obj(one, "jsonPayload"),
        },
        lambda one: {"logName": "l", "insertId": "1", "timestamp": T, "textPayload": text(one)},
        lambda one: {"message": {"data": packed(one), "messageId": "1"}, "subscription": "s"},
    ),
    "datadog": (
        lambda one: {"_id": "0", "date": T, "service": "s", "message": "", **obj(one, "attributes")},
        lambda one: {
            "id": "0",
            "type": "log",
            "attributes": {"timestamp": T, "service": "s", **obj(one, "attributes")},
        },
        lambda one: {"Date": T, "Host": "h", "Service": "s", "Content": text(one)},
    ),
    "cloudwatch_events": (
        lambda one: {
            "events": [{"timestamp": S * 1000, "message": text(one), "ingestionTime": S * 1000}],
            "nextForwardToken": "f",
        },
        lambda one: {"logStreamName": "s", "timestamp": S * 1000, "message": text(one), "eventId": "1"},
        subscription,
    ),
    "cloudwatch_insights": (
        lambda one: {"@timestamp": "2026-05-04 09:00:00.000", "@message": text(one)},
        lambda one: {
            "status": "Complete",
            "results": [[{"field": "@message", "value": text(one)}, {"field": "@ptr", "value": "p"}]],
        },
    ),
    "aws_stream": (
        lambda one: {"awslogs": {"data": packed(subscription(one), zipped=True)}},
        lambda one: {
            "Records": [{"kinesis": {"data": packed(subscription(one), zipped=True)}, "eventID": "1"}]
        },
        lambda one: {"invocationId": "i", "records": [{"recordId": "1", "data": packed(one)}]},
        lambda one: {"Data": packed(one), "PartitionKey": "p", "SequenceNumber": "1"},
    ),
    "columns_and_rows": (
        lambda one: {
            "tables": [
                {
                    "name": "PrimaryResult",
                    "columns": [{"name": "T", "type": "datetime"}, {"name": "message", "type": "string"}],
                    "rows": [[T, text(one)]],
                }
            ]
        },
        lambda one: {
            "columns": list(one) if isinstance(one, dict) else ["message"],
            "index": [0],
            "data": [list(one.values()) if isinstance(one, dict) else [one]],
        },
        lambda one: {"schema": {"fields": [{"name": "payload"}]}, "rows": [{"f": [{"v": text(one)}]}]},
    ),
    "fluent_bit": (
        lambda one: f"[0] gw.log: [[{S}.000000000, {{}}], {json.dumps(obj(one, 'log'))}]",
        lambda one: f"gw.log: [{S}.000000000, {json.dumps(obj(one, 'log'))}]",
    ),
    "logfmt": (lambda one: f"time={T} level=info msg={json.dumps(text(one))} n=1",),
    "api_page": (
        lambda one: {
            "data": [one if isinstance(one, dict) else {"message": one}],
            "meta": {"page": 1, "totalItems": 1},
        },
        lambda one: {
            "data": [one if isinstance(one, dict) else {"message": one}],
            "total": 1,
            "page_size": 50,
            "total_pages": 1,
        },
        lambda one: {"items": [one if isinstance(one, dict) else {"message": one}], "next_cursor": None},
    ),
    "message_field": (
        lambda one: {"level": "info", "msg": text(one), "time": T},
        lambda one: {"message": one, "@timestamp": T, "agent": {"type": "filebeat"}},
        lambda one: {"message": text(one), "source_type": "docker_logs", "timestamp": T, "host": "h"},
        lambda one: {"TimeGenerated": T, "LogMessage": text(one), "PodName": "p"},
        lambda one: {"severity": "INFO", "message": json.dumps(text(one))},
        lambda one: {"@timestamp": T, "log": {"offset": 7, "file": {"path": "/x"}}, "message": text(one)},
        lambda one: {"Type": "Notification", "Message": text(one)},
        lambda one: {"version": "1.1", "host": "h", "short_message": text(one), "timestamp": S + 0.5},
        lambda one: {"specversion": "1.0", "type": "t", "source": "/s", "id": "1", "data": one},
    ),
}
WRAPS = [(name, wrap) for name, wraps in SHIPPERS.items() for wrap in wraps]


def shipped(ones, wrap):
    """A file of these records, each in its envelope, and the file's ending."""
    made = [wrap(one) for one in ones]
    lines = [one if isinstance(one, str) else json.dumps(one) for one in made]
    ending = ".jsonl" if isinstance(made[0], dict) else ".log"
    return ending, ("\n".join(lines) + "\n").encode("utf-8", "surrogatepass")
