"""What the results folder of these tests holds: values that may be exported, and texts and accounts that
may not.
"""

from datetime import UTC, datetime

START = datetime(2026, 4, 1, 12, 30, 0, 123_456, tzinfo=UTC)
CANARY = "CANARY-PROMPT-of-a-customer"
HONEST = "honest_person"
RANGE, CAMPUS, CARRIER, CGNAT, VPN = (
    "117.176.214.0/24", "129.132.5.0/24", "80.187.100.0/24", "100.64.7.0/24", "185.159.157.0/24",
)  # fmt: skip
AGENT = "bulk*client'9?\\x"
GREETING = "t13d1812h2_4c8466ff5bad_5a2be9d1c3f0"
JA3 = "0123456789abcdef0123456789abcdef"
COMMON_AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0.0.0 Safari/537.36"
SEEN = {  # kind, value → members of C1 that show it, other accounts, class of the network
    ("client_prefix", RANGE): (12, 5, "hosting"),  # the five are the members of C2
    ("client_prefix", CAMPUS): (12, 40, None),
    ("client_prefix", CARRIER): (12, 0, "mobile"),
    ("client_prefix", CGNAT): (12, 0, None),
    ("signup_address", "185.159.157.9"): (3, 0, "vpn"),
    ("signup_address", "2001:db8::1"): (3, 0, None),
    ("signup_address", "117.176.214.201"): (3, 0, None),
    ("email_domain", "mail-560f.xyz"): (6, 0, None),
    ("email_domain", "webmail.example"): (6, 3, None),
    ("tls_fingerprint", GREETING): (12, 0, None),
    ("tls_fingerprint", JA3): (4, 0, None),
    ("user_agent", AGENT): (12, 0, None),
    ("user_agent", COMMON_AGENT): (12, 0, None),
    ("payment_fingerprint", "card_310c05a642ba"): (4, 0, None),
    ("prompt_template", "1000000006061"): (12, 0, None),
    ("email_domain", "old-results.example"): (5, None, None),
}
EXPORTED = {RANGE, "117.176.214.201", "mail-560f.xyz", GREETING, JA3, AGENT}
WITHHELD = {
    CAMPUS,
    CARRIER,
    CGNAT,
    "185.159.157.9",
    "2001:db8::1",
    "webmail.example",
    COMMON_AGENT,
    "old-results.example",
}


def members(campaign, number):
    return [f"acct_{campaign}_{i:03d}" for i in range(number)]


def evidence(campaign, kind, value, accounts, others, network_class):
    return {
        "campaign_id": campaign,
        "kind": kind,
        "value": value,
        "accounts": accounts,
        "exchanges": 10,
        "log10_likelihood_ratio": 2.0,
        "statement": f"{CANARY} {HONEST}",
        "basis": "measured",
        "others": others,
        "network_class": network_class,
    }
