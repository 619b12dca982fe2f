from datetime import UTC, datetime

from tests.signals.crowds import indicator_values


def test_sign_ups_within_one_block_of_ten_minutes_have_one_value():
    at = [datetime(2026, 4, 1, 12, m, tzinfo=UTC) for m in (1, 9, 11)] + [None]
    one, two, three, none = indicator_values("signup_burst", created_at=at)
    assert one == two != three
    assert none is None
