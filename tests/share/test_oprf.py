"""The group operations are those of RFC 9497."""

import hashlib
import tempfile
from pathlib import Path

import pytest

from stillwatch.share import oprf

pytestmark = pytest.mark.issue(28)
KEY = bytes.fromhex("5ebcea5ee37023ccb9fc2d2019f9d7737be85591ae8652ffa9ef0f4d37063b0e")
BLIND = bytes.fromhex("64d37aed22a27f5191de1c1d69fadb899d8862b58eb4220029e036ec4c1f6706")
VECTORS = [  # RFC 9497, appendix A.1.1: input, blinded element, evaluated element, output
    (
        b"\x00",
        "609a0ae68c15a3cf6903766461307e5c8bb2f95e7e6550e1ffa2dc99e412803c",
        "7ec6578ae5120958eb2db1745758ff379e77cb64fe77b0b2d8cc917ea0869c7e",
        "527759c3d9366f277d8c6020418d96bb393ba2afb20ff90df23fb7708264e2f3ab9135e3bd69955851de4b1f9fe8a0973396719b7912ba9ee8aa7d0b5e24bcf6",
    ),
    (
        b"\x5a" * 17,
        "da27ef466870f5f15296299850aa088629945a17d1f5b7f5ff043f76b3c06418",
        "b4cbf5a4f1eeda5a63ce7b77c7d23f461db3fcab0dd28e4e17cecb5c90d02c25",
        "f4a74c9c592497375e796aa837e907b1a045d34306a749db9f34221f7e750cb4f2a6413a6bf6fa5e19ba6348eb673934a722a7ede2e7621306d18951e7cf2c73",
    ),
]


@pytest.mark.parametrize(("value", "blinded", "evaluated", "output"), VECTORS)
def test_the_published_vectors_of_rfc_9497(value, blinded, evaluated, output):
    sent = oprf.multiplied(BLIND, oprf.hashed(value))
    answered = oprf.multiplied(KEY, sent)
    element = oprf.multiplied(oprf.inverted(BLIND), answered)
    assert (sent.hex(), answered.hex()) == (blinded, evaluated)
    told = len(value).to_bytes(2) + value + len(element).to_bytes(2) + element + b"Finalize"
    assert hashlib.sha512(told).hexdigest() == output


def test_the_tag_of_an_answer_is_the_servers_own_and_does_not_depend_on_the_blinding():
    for _turn in range(3):
        blind = oprf.random_scalar()
        (sent,) = oprf.blinded(blind, [b"value"])
        (answered,) = oprf.evaluated(KEY, [sent])
        (mine,) = oprf.evaluated(oprf.inverted(blind), [answered])
        assert [oprf.tag(mine)] == oprf.tags_of(KEY, [b"value"])


@pytest.mark.parametrize("bad", [b"", b"\x00" * 32, b"\xff" * 32, b"\x01" + b"\x00" * 31, b"\x02" * 31])
def test_what_is_no_element_is_refused(bad):
    with pytest.raises(oprf.NotAnElement):
        oprf.multiplied(KEY, bad)


def test_work_on_all_cores_keeps_the_order(monkeypatch):
    monkeypatch.setattr(oprf, "AT_ONCE", 7)
    values = [b"%d" % number for number in range(40)]
    assert oprf.tags_of(KEY, values) == [oprf.tags_of(KEY, [value])[0] for value in values]


def test_the_library_leaves_no_file_behind():
    before = set(Path(tempfile.gettempdir()).glob("tmp*.so"))
    oprf._library.cache_clear()
    oprf.hashed(b"x")
    assert set(Path(tempfile.gettempdir()).glob("tmp*.so")) == before
