from tests.signals.crowds import indicator_values


def test_the_value_is_the_key_of_the_shape_and_no_shape_is_null():
    assert indicator_values("request_shape", shape_key=[9, 0]) == ["9", None]
