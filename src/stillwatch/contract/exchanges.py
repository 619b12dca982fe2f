"""One row per request to the model."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

STRING, INT, REAL, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()

EXCHANGES = TableSchema(
    name="exchanges",
    key=("exchange_id",),
    columns=(
        column("exchange_id", STRING, "unique; a repeated id is one exchange delivered twice", required=True),
        column("timestamp", TIMESTAMP, "when the request arrived", required=True),
        column("account_id", STRING, "who is billed or signed in", required=True),
        column("organization_id", STRING, "the account's workspace or tenant"),
        column("api_key_id", STRING, "key identifier, never the key"),
        column("conversation_id", STRING, "which conversation the request continues"),
        column("model", STRING, "model asked for", required=True),
        column("operation", STRING, "chat, completion, embeddings, ..."),
        column("client_ip", STRING, "IPv4 or IPv6 text"),
        column("asn", INT, "autonomous system number of `client_ip`"),
        column("country", STRING, "ISO 3166-1 alpha-2 of `client_ip`"),
        column("user_agent", STRING, "the client's own name for itself"),
        column("tls_fingerprint", STRING, "JA3 or JA4 of the client hello"),
        column("system_prompt", STRING, "instructions that precede the conversation"),
        column("prompt", STRING, "text of the last user turn; null in content-blind logs"),
        column("response", STRING, "text returned; often not kept"),
        column("tool_names", pa.list_(STRING), "tools offered in the request"),
        column("temperature", REAL, "sampling temperature"),
        column("top_p", REAL, "nucleus sampling mass"),
        column("max_tokens", INT, "output limit asked for"),
        column("stream", BOOL, "whether the answer was streamed"),
        column("input_tokens", INT, "tokens read"),
        column("output_tokens", INT, "tokens written"),
        column("finish_reason", STRING, "why the answer ended"),
        column("latency_ms", REAL, "request to last byte, milliseconds"),
        column("status", INT, "HTTP status"),
    ),
)
