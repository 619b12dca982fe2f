import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.errors import InputError
from stillwatch.sketch.keys import MIN_SECRET_BYTES, Key, fresh, of_secret

KEY = of_secret(b"a secret that is long enough", "test")
WORDS = st.text(max_size=20)


@pytest.mark.issue(21)
@given(one=st.tuples(WORDS, WORDS), other=st.tuples(WORDS, WORDS))
def test_every_purpose_and_every_release_has_a_key_of_its_own(one, other):
    keys = [KEY.for_release(release).of(purpose) for release, purpose in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
    assert len(keys[0]) == 16


@pytest.mark.issue(21)
def test_a_name_is_public_and_no_part_of_any_key():
    names = {
        KEY.name,
        KEY.for_release("acme").name,
        fresh().name,
        of_secret(b"another secret, long", "test").name,
    }
    assert len(names) == 4
    for purpose in ("text_key", "phrases", "quarantine"):
        assert KEY.name not in KEY.of(purpose).hex()
    assert KEY.master.hex() not in repr(KEY)
    assert "master" not in repr(KEY)


@pytest.mark.issue(21)
@pytest.mark.parametrize("secret", [b"", b"a", b"x" * (MIN_SECRET_BYTES - 1), b" " * 40, b"\n"])
def test_a_secret_that_can_be_guessed_is_refused_with_the_command_that_makes_one(secret):
    with pytest.raises(InputError, match="too short to be secret") as refused:
        of_secret(secret, "the variable")
    assert "openssl rand -hex 32" in str(refused.value)
    assert "the variable" in str(refused.value)


@pytest.mark.issue(21)
def test_white_space_around_a_secret_does_not_count_and_a_derived_key_is_not_its_secret():
    assert of_secret(b" a secret that is long enough\n", "test") == KEY
    assert isinstance(KEY, Key)
    assert b"secret" not in KEY.master
