"""Is a keyring kept private, read back, and refused when it is none?"""

import stat
import threading

import pytest

from stillwatch.cli.prove import key
from stillwatch.errors import InputError, UsageError
from stillwatch.prove import keyring


def issue(ring, campaign, mark="gumbel"):
    return ring.issue(mark, campaign, since="2026-01-01T00:00:00Z", width=2, strength=1.0)


def test_a_keyring_comes_back_as_it_was_and_only_its_owner_may_read_it(tmp_path):
    ring, one = issue(keyring.new(), "c1")
    ring, two = issue(ring, "c1")
    assert (one.epoch, two.epoch) == (1, 2)
    path = tmp_path / "marks.json"
    ring.write(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    back = keyring.read(path)
    assert back == ring
    assert back.current("gumbel", "c1") == two


def test_the_derivation_is_hkdf_sha256():
    # RFC 5869 over the same label, by the standard library's primitives written out.
    import hashlib
    import hmac

    master = bytes(range(32))
    info = b"mark\x00gumbel\x00c1\x003"
    middle = hmac.new(b"stillwatch", master, hashlib.sha256).digest()
    wanted = hmac.new(middle, info + b"\x01", hashlib.sha256).digest()[:16]
    assert keyring.Keyring(master=master).key("gumbel", "c1", 3).tobytes() == wanted


def test_a_commitment_binds_keys_and_decoys_and_does_not_give_the_master_away(tmp_path):
    ring, _ = issue(keyring.Keyring(master=bytes(32)), "c1")
    other, _ = issue(keyring.Keyring(master=bytes([1] * 32)), "c1")
    more, _ = issue(ring, "c2")
    assert len({ring.commitment(), other.commitment(), more.commitment()}) == 3


@pytest.mark.parametrize(
    "text", ["", "{}", '{"format": "stillwatch-keyring-1", "master": "00", "issued": []}', "[1]"]
)
def test_what_is_no_keyring_is_refused_with_what_was_expected(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InputError, match="this is no keyring"):
        keyring.read(path)


def test_a_key_that_was_never_issued_is_named_with_the_command_that_issues_it():
    with pytest.raises(UsageError, match="prove key"):
        keyring.new().current("gumbel", "c1")


@pytest.mark.issue(21)
def test_no_key_is_lost_where_six_commands_issue_at_once(tmp_path):
    """Each thread opens the lock anew, as a process does."""
    path = tmp_path / "marks.json"
    go = threading.Barrier(6)

    def add(number):
        go.wait()
        for _epoch in range(4):
            key.callback(
                keyring=path,
                campaigns=(f"c{number}",),
                names=("choices",),
                strength=None,
                width=None,
                as_json=False,
            )

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    issued = {(one.campaign, one.epoch) for one in keyring.read(path).issued}
    assert issued == {(f"c{number}", epoch) for number in range(6) for epoch in range(1, 5)}
