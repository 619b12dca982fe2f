"""One row per request to the model."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

# Types of columns.
STRING, INT, REAL, BOOL = pa.string(), pa.int64(), pa.float64(), pa.bool_()
TOKENS = (0, 1e9)  # accepted range of a token count; chosen, a hundred times what any model reads or writes
SETTING = (-1e3, 1e3)  # accepted range of a sampling parameter; chosen, providers allow from -2 to 2

# Input table with a row for each exchange.
EXCHANGES = TableSchema(
    name="exchanges",
    key=("exchange_id",),
    columns=(
        column(
            "exchange_id",
            STRING,
            "identifier of the exchange; rows with equal id, account, time and prompt are one exchange that "
            "was delivered several times",
            required=True,
        ),
        column("timestamp", TIMESTAMP, "when the request arrived", required=True),
        column("account_id", STRING, "account that is billed or signed in", required=True),
        column("organization_id", STRING, "the account's workspace or tenant"),
        column("api_key_id", STRING, "key identifier, never the key"),
        column("conversation_id", STRING, "conversation to which the request belongs"),
        column("model", STRING, "requested model", required=True),
        column("operation", STRING, "chat, completion, embeddings, ..."),
        column("client_ip", STRING, "IPv4 or IPv6 address as text"),
        column("asn", INT, "autonomous system number of `client_ip`", within=(0, 2**32 - 1)),
        column("country", STRING, "ISO 3166-1 alpha-2 of `client_ip`"),
        column("user_agent", STRING, "client program, as in the header `User-Agent`"),
        column("tls_fingerprint", STRING, "JA3 or JA4 of the client hello"),
        column("system_prompt", STRING, "instructions that precede the conversation", text=True),
        column("prompt", STRING, "text of the last user turn; null in content-blind logs", text=True),
        column("response", STRING, "text of the answer; null where it is not kept", text=True),
        column("tool_names", pa.list_(STRING), "tools offered in the request"),
        column("temperature", REAL, "sampling temperature", within=SETTING),
        column("top_p", REAL, "nucleus sampling mass", within=SETTING),
        column("max_tokens", INT, "requested limit of output tokens", within=TOKENS),
        column("stream", BOOL, "whether the answer was streamed"),
        column("input_tokens", INT, "tokens of the request", within=TOKENS),
        column("output_tokens", INT, "tokens of the answer", within=TOKENS),
        column("finish_reason", STRING, "reason for which the answer ended"),
        column("latency_ms", REAL, "time from the request to the last byte, in ms", within=(0, 1e9)),
        column("status", INT, "HTTP status", within=(0, 999)),
    ),
)
