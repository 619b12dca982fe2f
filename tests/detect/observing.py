"""Observations made by hand, for tests of sums."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa

from stillwatch.contract.observations import OBSERVATIONS

BEGIN = datetime(2026, 5, 1, tzinfo=UTC)


def observed(rows):
    """Observations of (account, minutes after `BEGIN`, text, conversation)."""
    return OBSERVATIONS.conform(
        pa.table(
            {
                "exchange_id": [f"x{account}-{minute}" for account, minute, *_more in rows],
                "exchange_key": pa.array([hash((a, m)) >> 1 for a, m, *_more in rows], pa.int64()),
                "timestamp": pa.array(
                    [BEGIN + timedelta(minutes=minute) for _a, minute, *_more in rows],
                    pa.timestamp("us", "UTC"),
                ),
                "account_id": pa.array([f"a{account}" for account, *_more in rows], pa.string()),
                "account_key": pa.array([account for account, *_more in rows], pa.int64()),
                "model": pa.array(["m"] * len(rows), pa.string()),
                "client_ip": pa.array([f"192.0.2.{account % 3}" for account, *_more in rows], pa.string()),
                "half": pa.array([minute // 60 % 2 for _a, minute, *_more in rows], pa.int32()),
                "text_key": pa.array([text for *_who, text, _c in rows], pa.int64()),
                "phrases": pa.array([[text, text + 100] for *_who, text, _c in rows], pa.list_(pa.int64())),
                "conversation_key": pa.array([one for *_who, one in rows], pa.int64()),
                "words": pa.array([9] * len(rows), pa.int32()),
                "capability": pa.array([text % 8 for *_who, text, _c in rows], pa.int8()),
                "coerces": pa.array([text == 1 for *_who, text, _c in rows], pa.bool_()),
                "output_tokens": pa.array([10 * text for *_who, text, _c in rows], pa.int64()),
                "written": pa.array([True] * len(rows), pa.bool_()),
                **{f"band_{band}": pa.array([band + 1] * len(rows), pa.int64()) for band in range(4)},
                "system_key": pa.array([5] * len(rows), pa.int64()),
                "shape_key": pa.array([6] * len(rows), pa.int64()),
            }
        )
    )
