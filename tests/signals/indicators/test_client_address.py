from tests.signals.crowds import indicator_values


def test_the_value_is_what_two_accounts_could_share_and_null_stays_null():
    assert indicator_values("client_address", client_ip=["192.0.2.7", None]) == ["192.0.2.7", None]
