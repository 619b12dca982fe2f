"""Do the tables for the report say of accounts and texts what the logs hold, and are words read again
without a second scan?
"""

import hashlib
import re
from collections import defaultdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.flows.texts import language, read_again
from stillwatch.readers.limits import LIMITS

pytestmark = pytest.mark.issue(29)


def rows(folder, name):
    return pq.read_table(folder / f"{name}.parquet").to_pylist()


def of(folder, name, key="group_id"):
    """The rows of a table by group."""
    found = defaultdict(list)
    for row in rows(folder, name):
        found[row[key]].append(row)
    return found


@pytest.fixture(scope="module")
def logged(world):
    return pa.concat_tables(
        pq.read_table(file, columns=["exchange_id", "account_id", "timestamp", "prompt"])
        for file in sorted((world / "exchanges").rglob("*.parquet"))
    )


def test_every_account_of_a_group_has_a_profile_with_its_own_exchanges(results, logged):
    profiles, members, leads = (
        of(results[0], "profiles"),
        of(results[0], "members", "campaign_id"),
        of(results[0], "lead_members", "lead_id"),
    )
    assert members
    for name, group in (members | leads).items():
        assert {row["account_id"] for row in profiles[name]} == {row["account_id"] for row in group}
    each = logged.group_by("account_id").aggregate([("exchange_id", "count_distinct")])
    counted = dict(
        zip(each["account_id"].to_pylist(), each["exchange_id_count_distinct"].to_pylist(), strict=True)
    )
    for row in rows(results[0], "profiles"):
        assert row["exchanges"] == counted[row["account_id"]]
        assert row["first_seen"] <= row["last_seen"]


def test_as_many_owners_carry_a_mark_as_the_trial_counted(results):
    profiles = of(results[0], "profiles")
    for row in rows(results[0], "explanations"):
        carriers = [one for one in profiles[row["group_id"]] if row["explanation"] in one["marks"]]
        owners = {one["account_id"] if one["owner"] is None else one["owner"] for one in carriers}
        assert len(owners) == row["marked"], (row["group_id"], row["explanation"])


def test_what_accounts_have_in_common_is_counted(results, world):
    accounts = {row["account_id"]: row for row in pq.read_table(world / "accounts.parquet").to_pylist()}
    common, profiles = of(results[0], "common"), of(results[0], "profiles")
    for name, group in profiles.items():
        traits = {row["trait"]: row for row in common[name]}
        assert {"span", "nights", "owner"} <= traits.keys()
        cards = [accounts[row["account_id"]]["payment_fingerprint"] for row in group]
        cards = [card for card in cards if card is not None]
        if cards:
            counted = traits["payment_fingerprint"]
            assert (counted["known"], counted["different"]) == (len(cards), len(set(cards)))
            assert counted["most"] == max(map(cards.count, set(cards)))


def test_texts_are_counted_by_shape_and_name_the_exchange_that_has_the_words(results, logged):
    text = dict(zip(logged["exchange_id"].to_pylist(), logged["prompt"].to_pylist(), strict=True))
    words_of = {name: re.findall(r"\w+", prompt.lower()) for name, prompt in text.items()}
    attributed = of(results[0], "exchanges", "campaign_id")
    checked = 0
    for name, found in of(results[0], "texts", "campaign_id").items():
        assert [row["rank"] for row in found] == list(range(1, len(found) + 1))
        for row in found:
            words = text[row["exchange_id"]]
            assert row["words_low"] <= row["words_high"]
            assert not words.isascii() or row["words_low"] <= len(re.findall(r"\w+", words)) * 1.5
            if row["texts"] == 1 and row["accounts"] > 1:
                mine = words_of[row["exchange_id"]]
                exact = {one["exchange_id"] for one in attributed[name] if text[one["exchange_id"]] == words}
                alike = {
                    one["exchange_id"] for one in attributed[name] if words_of[one["exchange_id"]] == mine
                }
                # a text's digest does not tell every space and stop
                assert len(exact) <= row["exchanges"] <= len(alike)
                senders = [
                    {one["account_id"] for one in attributed[name] if one["exchange_id"] in some}
                    for some in (exact, alike)
                ]
                assert len(senders[0]) <= row["accounts"] <= len(senders[1])
                checked += 1
    assert checked, "no text was sent by two members, so nothing was compared"


def test_words_are_read_again_without_a_second_scan_and_into_no_table(results, world, run):
    folder = results[0]
    before = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    first = next(row for row in rows(folder, "texts") if row["accounts"] > 1)
    told = read_again(folder, [str(world)], {}, "auto", LIMITS).to_pylist()
    assert len(told) == len(rows(folder, "texts"))
    words = next(
        row for row in told if (row["campaign_id"], row["rank"]) == (first["campaign_id"], first["rank"])
    )["prompt"]
    assert run("report", folder)[0] == 0
    without = (folder / "report.html").read_text()
    assert run("report", folder, "--show-prompts", world)[0] == 0
    page = (folder / "report.html").read_text()
    (folder / "report.html").write_text(without)
    after = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    assert {name for name in before if before[name] != after[name]} <= {"report.html"}
    start = re.sub(r"[^\w ].*", "", words)[:30]
    assert len(start) > 5
    assert start in page
    assert start not in without


def test_options_for_reading_logs_without_logs_are_refused(results, run):
    code, _out, err = run("report", results[0], "--map", "prompt=body")
    assert code == 2
    assert "no log is named" in err


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Explain step by step why the sky is blue during the day", "en"),
        ("Bitte erkläre mir Schritt für Schritt, warum der Himmel blau ist", "de"),
        ("换成表格。", "zh"),
        ("ok", None),
    ],
)
def test_a_text_has_a_language_where_it_has_words_enough(text, code):
    assert language(text) == code
