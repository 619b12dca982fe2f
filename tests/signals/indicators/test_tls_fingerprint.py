from tests.signals.crowds import indicator_values


def test_the_value_is_what_two_accounts_could_share_and_null_stays_null():
    assert indicator_values("tls_fingerprint", tls_fingerprint=["t13d", None]) == ["t13d", None]
