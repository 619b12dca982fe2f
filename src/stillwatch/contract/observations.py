"""One row per exchange for the signals, with digests and counts in place of text."""

from __future__ import annotations

import pyarrow as pa

from stillwatch.contract.table import TIMESTAMP, TableSchema, column

STRING, INT, BOOL = pa.string(), pa.int64(), pa.bool_()
BANDS = 4  # number of MinHash bands, in columns `band_0` to `band_3`

OBSERVATIONS = TableSchema(
    name="observations",
    key=("exchange_key",),
    columns=(
        column("exchange_id", STRING, "as in `exchanges`"),
        column("timestamp", TIMESTAMP, "when the request arrived"),
        column("account_id", STRING, "as in `exchanges`"),
        column("organization_id", STRING, "as in `exchanges`"),
        column("model", STRING, "as in `exchanges`"),
        column("client_ip", STRING, "as in `exchanges`"),
        column("asn", INT, "as in `exchanges`"),
        column("country", STRING, "as in `exchanges`"),
        column("user_agent", STRING, "as in `exchanges`"),
        column("tls_fingerprint", STRING, "as in `exchanges`"),
        column("input_tokens", INT, "as in `exchanges`"),
        column("output_tokens", INT, "as in `exchanges`"),
        column("finish_reason", STRING, "as in `exchanges`"),
        column("status", INT, "as in `exchanges`"),
        column("exchange_key", INT, "keyed digest of id, account, time and text"),
        column("account_key", INT, "digest of the account's name, the same under every key"),
        column("conversation_key", INT, "keyed digest of the conversation's name; 0 for none"),
        column("half", pa.int32(), "0 where the hour proposes candidates, 1 where it tests them"),
        column("text_key", INT, "keyed digest of the whole prompt; 0 for none"),
        column("prompt_key", INT, "keyed digest of the prompt's template; 0 for none"),
        column("opening_key", INT, "keyed digest of the prompt's first words; 0 for none"),
        *(
            column(f"band_{band}", INT, "keyed digest of one band of the prompt's MinHash")
            for band in range(BANDS)
        ),
        column("system_key", INT, "keyed digest of the system prompt's template; 0 for none"),
        column("system_phrases", pa.list_(INT), "keyed digests of the system prompt's phrases"),
        column("phrases", pa.list_(INT), "keyed digests of the prompt's phrases"),
        column("written", BOOL, "whether the prompt is written as a generator writes; null without text"),
        column("words", pa.int32(), "words of the prompt"),
        column("shape_key", INT, "keyed digest of the request's parameters and tools"),
        column("has_tools", BOOL, "whether the request offers tools"),
        column("capability", pa.int8(), "capability class of the prompt, as a position in `CAPABILITIES`"),
        column("coerces", BOOL, "whether the prompt asks for the reasoning to be written out"),
    ),
)
