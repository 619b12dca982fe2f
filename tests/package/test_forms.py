"""The published vectors of canonical JSON, Merkle trees, DSSE and Ed25519."""

import hashlib
import json
import struct

import pytest

from stillwatch.package import alone
from stillwatch.package.canonical import canonical
from stillwatch.package.merkle import Tree, consistent, includes, leaf_hash
from stillwatch.package.signing import Signer, authenticated

pytestmark = pytest.mark.issue(27)

# RFC 8785, appendix B: bits of a double, and how it is written.
NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "ffefffffffffffff": "-1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "c340000000000000": "-9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "44b52d02c7e14af7": "1.0000000000000001e+23",
    "444b1ae4d6e2ef4e": "999999999999999700000",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555554": "333333333.33333325",
    "41b3de4355555555": "333333333.3333333",
    "41b3de4355555556": "333333333.3333334",
    "41b3de4355555557": "333333333.33333343",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


@pytest.mark.parametrize(("bits", "text"), NUMBERS.items())
def test_the_published_numbers_of_rfc_8785(bits, text):
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical(value).decode() == text


def test_the_published_objects_of_rfc_8785():
    whole = json.loads(
        '{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],'
        ' "string": "\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/", "literals": [null, true, '
        "false]}"
    )
    assert canonical(whole).decode() == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    names = {
        "€": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "😀": "Emoji: Grinning Face",
        "\x80": "Control",
        "ö": "Latin Small Letter O With Diaeresis",
    }
    order = [
        "Carriage Return",
        "One",
        "Control",
        "Latin Small Letter O With Diaeresis",
        "Euro Sign",
        "Emoji: Grinning Face",
        "Hebrew Letter Dalet With Dagesh",
    ]
    assert list(json.loads(canonical(names)).values()) == order


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, "\ud800"])
def test_what_canonical_json_lacks_is_refused(value):
    with pytest.raises(ValueError, match=r".+"):
        canonical([value])


# The eight leaves, and roots of 0 to 8 of them, that Certificate Transparency's own tests use for RFC 6962.
LEAVES = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
HASHES = [leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_the_published_roots_of_rfc_6962(size):
    assert Tree(HASHES[:size]).root.hex() == ROOTS[size]
    assert alone.root_of(HASHES[:size]).hex() == ROOTS[size]


def test_the_published_proofs_of_rfc_6962():
    # Leaf 5 of 8, and from 6 leaves to 8, of the same tests.
    assert [step.hex()[:8] for step in Tree(HASHES).inclusion(5)] == ["bc1a0643", "ca854ea1", "d37ee418"]
    assert [step.hex()[:8] for step in Tree(HASHES).consistency(6)] == ["0ebc5d34", "ca854ea1", "d37ee418"]


def test_every_proof_of_inclusion_leads_to_the_root_and_no_other_does():
    for size in range(1, 18):
        hashes = [leaf_hash(bytes([n])) for n in range(size)]
        tree = Tree(hashes)
        for index in range(size):
            proof = tree.inclusion(index)
            assert includes(hashes[index], index, size, proof, tree.root)
            assert alone.root_by(hashes[index], index, size, proof) == tree.root
            wrong = [
                (index + 1, proof),
                (index, [*proof, hashes[0]]),
                (index, proof[:-1] if proof else [hashes[0]]),
            ]
            for at, steps in wrong:
                assert not includes(hashes[index], at, size, steps, tree.root)
                assert alone.root_by(hashes[index], at, size, steps) != tree.root


def test_every_proof_of_consistency_holds_and_no_other_does():
    hashes = [leaf_hash(bytes([n])) for n in range(17)]
    for later in range(1, 18):
        for earlier in range(1, later + 1):
            old, new = Tree(hashes[:earlier]), Tree(hashes[:later])
            proof = new.consistency(earlier)
            assert consistent(earlier, old.root, later, new.root, proof)
            other = Tree([leaf_hash(b"other"), *hashes[1:earlier]]).root
            assert not consistent(earlier, other, later, new.root, proof)
            assert not consistent(earlier, old.root, later, new.root, [*proof, hashes[0]])
            if earlier < later:
                assert not consistent(earlier, old.root, later, other, proof)


def test_the_published_encoding_of_dsse():
    assert authenticated("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


# RFC 8032, section 7.1: secret key, public key, message, signature.
SIGNATURES = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
]


@pytest.mark.parametrize(("seed", "public", "message", "signature"), SIGNATURES, ids=["empty", "one byte"])
def test_the_published_signatures_of_ed25519(seed, public, message, signature):
    held, text = bytes.fromhex(public), bytes.fromhex(message)
    signer = Signer(seed=bytes.fromhex(seed))
    assert signer.public == held
    assert signer.sign(text).hex() == signature
    good = bytes.fromhex(signature)
    assert alone.is_signed(held, text, good)
    assert not alone.is_signed(held, text + b"x", good)
    assert not alone.is_signed(
        held, text, good[:32] + (int.from_bytes(good[32:], "little") + alone.ORDER).to_bytes(32, "little")
    )
    for place in (0, 31, 32, 63):
        assert not alone.is_signed(held, text, good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])


def test_both_ways_to_write_an_archive_are_one():
    from stillwatch.package.make import archive

    files = {"b/c.txt": b"content", "a": b"", "z": hashlib.sha256(b"").digest()}
    assert archive(files) == alone.zipped(files)
