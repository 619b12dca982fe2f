"""Is what is said of a value true of it, and is nothing said of what is unknown?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stillwatch.enrich import agents, domains, tls
from stillwatch.enrich.describe import describe
from stillwatch.enrich.networks import Network, networks_of

NONE = networks_of([])
KINDS = [
    "client_address",
    "client_prefix",
    "signup_address",
    "asn",
    "email_domain",
    "user_agent",
    "tls_fingerprint",
    "prompt_template",
]


@pytest.mark.parametrize(
    ("said", "family", "version", "is_program"),
    [
        ("OpenAI/Python 1.52.0", "openai-sdk", "1.52", True),
        ("Anthropic/JS 0.32.1", "anthropic-sdk", "0.32", True),
        ("python-requests/2.32.3", "python-requests", "2.32", True),
        ("Boto3/1.35.0 md/Botocore#1.35.0 ua/2.0 os/linux lang/python#3.11", "boto3", "1.35", True),
        (
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
                "HeadlessChrome/126.0.0.0 "
                "Safari/537.36"
            ),
            "headless chrome",
            "126.0",
            True,
        ),
        (
            (
                "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 "
                "Safari/537.36 Edg/126.0.1"
            ),
            "edge",
            "126.0",
            False,
        ),
        (
            "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
            "safari",
            "17.5",
            False,
        ),
        ("curl/8.5.0", "curl", "8.5", True),
        ("node-fetch", "node-fetch", "", True),
    ],
)
def test_user_agents_have_families(said, family, version, is_program):
    assert agents.family(said) == agents.Agent(family, version, is_program)


def test_disposable_domains_and_those_under_them():
    assert domains.is_disposable("Mailinator.com")
    assert domains.is_disposable("x.mailinator.com.")
    assert not any(map(domains.is_disposable, ["gmail.com", "com", "", "notmailinator.example"]))


def test_ja4_is_read_as_its_specification_says():
    one = tls.parse("t13d1516h2_8daaf6152771_02713d6af862")
    assert (one.transport, one.version, one.names_server, one.ciphers, one.extensions, one.protocol) == (
        "TCP",
        "TLS 1.3",
        True,
        15,
        16,
        "h2",
    )
    assert tls.parse("q13i0310h3_55b375c5d22e_cd85d2d88918").transport == "QUIC"
    assert tls.parse("t13d1516h2_8daaf6152771") is None


def test_ja3_as_text_and_as_digest_are_one():
    text = "769,47-53-5-10-49161-49162-49171-49172-50-56-19-4,0-10-11,23-24-25,0"
    one = tls.parse(text)
    assert one.digest == "ada70206e40642a3e4461f35503241d5"  # the example of Salesforce's own page
    assert (one.version, one.ciphers, one.extensions) == ("TLS 1.0", 12, 3)
    assert tls.parse(one.digest).digest == one.digest


def test_a_users_list_speaks_before_the_bundled_one():
    known = networks_of([Network("192.0.2.0/24", 64500, "tor", "Example")])
    assert describe("client_prefix", "192.0.2.0/24", known) == "tor network, AS64500, Example"
    assert describe("client_address", "1.12.0.9", NONE) == "hosting network"
    assert describe("asn", "45090", NONE).endswith("hosting network")
    assert describe("email_domain", "mailinator.com", NONE) == "disposable addresses"
    assert describe("user_agent", "curl/8.5.0", NONE) == "curl 8.5, a program"


@given(st.sampled_from(KINDS), st.text(max_size=120))
def test_any_value_at_all_is_described_or_passed_over(kind, value):
    assert isinstance(describe(kind, value, NONE), str)


def test_digests_say_nothing():
    for kind in KINDS:
        assert describe(kind, "9f86d081884c7d65", NONE) == ""
