"""What holds for every exporter that gives results to others."""

import json

import pytest

from stillwatch.errors import UsageError
from stillwatch.export import registry
from stillwatch.export.content import export_key, pseudonym, read_content, reason_withheld
from stillwatch.export.terms import Terms
from tests.export.planted import AGENT, CANARY, EXPORTED, GREETING, HONEST, RANGE, WITHHELD, members

FOR_OTHERS = [one.name for one in registry.all_exporters() if one.names_accounts is not None]
pytestmark = pytest.mark.issue(28)
every = pytest.mark.parametrize("name", FOR_OTHERS)


def test_there_is_one_exporter_for_each_form():
    assert set(FOR_OTHERS) == {"stix", "misp", "ocsf", "csv", "blocklist", "sigma", "sigma_sql", "navigator"}


@every
@pytest.mark.parametrize("with_accounts", [True, False, None])
def test_no_text_and_no_account_outside_campaigns_leaves(export, name, with_accounts):
    text = export(name, with_accounts=with_accounts)
    assert CANARY not in text
    assert HONEST not in text


@every
def test_the_same_results_give_the_same_bytes(export, name):
    assert export(name) == export(name)
    assert export(name, revoked=frozenset({"C1"})) == export(name, revoked=frozenset({"C1"}))


@every
def test_accounts_are_named_only_where_that_is_said_or_the_form_is_the_providers_own(export, name):
    account = members("C1", 12)[3]
    assert account not in export(name, with_accounts=False)
    assert (account in export(name)) is (name in ("csv", "blocklist"))


@pytest.mark.parametrize("name", ["stix", "misp", "ocsf", "csv", "blocklist"])
def test_accounts_are_named_where_that_is_asked_for(export, name):
    assert all(account in export(name, with_accounts=True) for account in members("C2", 5))


@every
@pytest.mark.parametrize("value", sorted(WITHHELD))
def test_what_honest_crowds_share_is_no_indicator(export, name, value):
    assert value not in export(name)


@every
def test_digests_of_prompts_do_not_leave(export, name):
    assert "1000000006061" not in export(name, with_accounts=True)


@pytest.mark.parametrize("name", ["stix", "misp", "ocsf", "sigma"])
def test_payment_instruments_stay_with_the_provider(export, name):
    assert "card_310c05a642ba" not in export(name, with_accounts=True)


def test_each_withheld_value_has_its_reason(folder):
    content = read_content(folder, Terms(with_accounts=False))
    assert {one.value for one in content.withheld} == WITHHELD
    assert all(one.reason for one in content.withheld)
    assert {what.value for one in content.campaigns for what in one.indicators} == EXPORTED
    assert AGENT in EXPORTED


@pytest.mark.parametrize(
    ("kind", "value", "inside", "others", "network_class", "is_withheld"),
    [
        ("client_prefix", "117.176.214.0/24", 100, 1, "", False),
        (
            "client_prefix",
            "117.176.214.0/24",
            90,
            1,
            "",
            True,
        ),  # more than one holder in a hundred is no member
        (
            "client_prefix",
            "117.176.214.0/24",
            100_000,
            3,
            "",
            True,
        ),  # three are a crowd, whatever the campaign's size
        ("client_prefix", "117.176.0.0/12", 100, 0, "", True),
        ("client_prefix", "2a00:1450::/48", 100, 0, "", False),
        ("client_prefix", "10.1.2.0/24", 100, 0, "", True),
        ("client_prefix", "no address", 100, 0, "", True),
        ("client_prefix", "117.176.214.0/24", 100, 0, "education", True),
        ("tls_fingerprint", "whatever", 100, 0, "", False),
        ("user_agent", "curl/8.0", 100, 0, "", True),
        ("email_domain", "x.example", 100, None, "", True),
        ("email_domain", "Gmail.com", 100, 0, "", True),
        ("email_domain", "mailinator.com", 100, 0, "", True),
        ("email_domain", "mail-560f.xyz", 100, 0, "", False),
    ],
)
def test_values_are_withheld_by_rule(kind, value, inside, others, network_class, is_withheld):
    assert bool(reason_withheld(kind, value, inside, others, network_class)) is is_withheld


def test_members_of_a_revoked_campaign_are_honest_accounts_to_the_others(folder):
    content = read_content(folder, Terms(with_accounts=False, revoked=frozenset({"C2"})))
    assert "117.176.214.0/24" in {one.value for one in content.withheld if one.campaign == "C1"}


def test_a_campaign_that_is_not_in_the_results_cannot_be_revoked(folder):
    with pytest.raises(UsageError, match="C9"):
        read_content(folder, Terms(revoked=frozenset({"C9"})))


def test_pseudonyms_stay_with_a_secret_and_change_with_the_results_without_one(folder, tmp_path, monkeypatch):
    monkeypatch.delenv("STILLWATCH_KEY", raising=False)
    without = pseudonym("acct_C1_000", export_key(folder))
    assert without == pseudonym("acct_C1_000", export_key(folder))
    for name in ("members", "exchanges"):
        (tmp_path / f"{name}.parquet").write_bytes((folder / f"{name}.parquet").read_bytes() + b"other")
    assert pseudonym("acct_C1_000", export_key(tmp_path)) != without
    monkeypatch.setenv("STILLWATCH_KEY", "a secret of more than sixteen bytes")
    assert (
        pseudonym("acct_C1_000", export_key(tmp_path))
        == pseudonym("acct_C1_000", export_key(folder))
        != without
    )


def test_confidence_is_the_probability_that_the_campaign_is_real_and_the_account_a_member(folder):
    content = read_content(folder, Terms(with_accounts=True))
    relay = next(one for one in content.campaigns if one.name == "C2")
    assert relay.confidence == 98  # q is 0.02
    assert [who.confidence for who in relay.members] == [98, 97, 96, 95, 94]  # 0.98 times 1, 0.99, ...


def test_expiry_counts_from_the_campaigns_last_exchange(folder):
    for days in (1, 30):
        for one in read_content(folder, Terms(valid_days=days)).campaigns:
            assert (one.expires - one.last_seen).days == days


def test_terms_that_cannot_be_are_refused():
    for wrong in ({"tlp": "white"}, {"valid_days": 0}, {"producer": " "}):
        with pytest.raises(UsageError):
            Terms(**wrong)


def test_tables_as_they_are_take_no_terms(folder, tmp_path):
    with pytest.raises(UsageError, match="json_lines"):
        registry.export(folder, "json_lines", tmp_path / "out", Terms(with_accounts=False))


def test_a_path_that_ends_as_the_one_file_does_is_that_file(folder, tmp_path):
    assert registry.export(folder, "stix", tmp_path / "a.json") == [tmp_path / "a.json"]
    assert registry.export(folder, "stix", tmp_path / "b") == [tmp_path / "b" / "bundle.json"]
    assert registry.export(folder, "stix", tmp_path / "v1.2") == [tmp_path / "v1.2" / "bundle.json"]
    with pytest.raises(UsageError, match="exists"):
        registry.export(folder, "stix", tmp_path / "a.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b", "v1.2"]


def test_the_command_names_files_and_tells_what_was_withheld(folder, tmp_path, run):
    code, told, warned = run(
        "export", folder, "--to", "stix", "--out", tmp_path / "x.json", "--tlp", "green", "--producer", "Acme"
    )
    assert (code, told.strip()) == (0, str(tmp_path / "x.json"))
    assert "withheld from C1: 1 value of `client_prefix`, since 40 other accounts show it" in warned
    assert "TLP:GREEN" in (tmp_path / "x.json").read_text()
    assert "Acme" in (tmp_path / "x.json").read_text()
    code, _told, warned = run("export", folder, "--to", "stix", "--out", tmp_path / "y", "--revoke", "C7")
    assert code == 2
    assert "C7" in warned
    assert not (tmp_path / "y").exists()


@every
def test_results_without_a_campaign_give_a_valid_empty_form(folder, tmp_path, name):
    from stillwatch.contract import results as contract
    from stillwatch.results.folder import write_table

    for schema in (contract.CAMPAIGNS, contract.MEMBERS):
        write_table(tmp_path, schema, schema.empty())
    (file,) = registry.export(tmp_path, name, tmp_path / "out")
    assert "acct" not in file.read_text()


@pytest.mark.parametrize("name", ["stix", "misp", "csv", "sigma"])
def test_a_value_of_a_campaign_that_stands_is_withdrawn_where_members_of_a_revoked_one_show_it(export, name):
    before, after = export(name), export(name, revoked=frozenset({"C2"}))
    words = {
        "stix": '"revoked": true',
        "misp": '"deleted": true',
        "csv": ",revoked,",
        "sigma": "status: deprecated",
    }
    assert words[name] not in before
    with_range = [part for part in _parts(name, after) if RANGE in part]
    assert len(with_range) >= 2  # that of the campaign that stands, and that of the revoked one
    assert all(words[name] in part for part in with_range)
    assert any(
        words[name] not in part for part in _parts(name, after) if "mail-560f.xyz" in part or GREETING in part
    )


def test_whatever_was_exported_is_withdrawn_when_all_campaigns_are(export):
    def indicators(text):
        return {one["id"]: one for one in json.loads(text)["objects"] if one["type"] == "indicator"}

    before, after = (indicators(export("stix", revoked=frozenset(names))) for names in ((), ("C1", "C2")))
    assert before.keys() == after.keys()
    assert all(one["revoked"] for one in after.values())


def _parts(name, text):
    if name == "csv":
        return text.splitlines()
    if name == "sigma":
        return text.split("---")
    if name == "stix":
        return [json.dumps(one) for one in json.loads(text)["objects"] if one["type"] == "indicator"]
    return [
        json.dumps(one)
        for event in json.loads(text)["response"]
        for one in (*event["Event"]["Attribute"], *event["Event"]["Object"])
    ]
