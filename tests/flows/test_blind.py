import numpy as np
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError
from stillwatch.flows.blind import PUBLIC, read_key, rekey, sketch
from stillwatch.flows.scan import Options, scan
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.cipher import encipher, key_of_secret
from stillwatch.sketch.digest import digest

KEY, NEW = key_of_secret(b"the first secret"), key_of_secret(b"the second one")


@pytest.fixture(scope="module")
def blind(tmp_path_factory):
    folder = tmp_path_factory.mktemp("blind")
    changes = {
        "accounts": 500,
        "exchanges": 9000,
        "campaign.accounts": 120,
        "campaign.exchanges": 9000,
        "campaign.cards": 12,
    }
    simulate("stealth-1", seed=2, out=folder / "world", scale=0.25, changes=changes)
    told = sketch([str(folder / "world")], folder / "sketches", KEY, {})
    return folder, told


def found(folder, logs, name):
    accounts = folder / "world" / "accounts.parquet"
    scan([str(logs)], folder / name, Options(names={}, accounts=accounts))
    return {
        table: pq.read_table(folder / name / f"{table}.parquet").to_pylist()
        for table in ("campaigns", "members", "exchanges")
    }


@pytest.mark.issue(5)
def test_sketches_hold_no_text_and_give_the_same_campaigns(blind):
    folder, told = blind
    prompts = ds.dataset(folder / "world" / "exchanges").to_table(columns=["prompt", "system_prompt"])
    raw = b"".join(p.read_bytes() for p in (folder / "sketches").rglob("*") if p.is_file())
    table = ds.dataset(list((folder / "sketches").glob("sketch-*.parquet"))).to_table()
    assert told["rows"] == prompts.num_rows == table.num_rows
    assert not {"prompt", "response", "system_prompt"} & set(table.column_names)
    for text in prompts.column("prompt").to_pylist()[::400]:
        assert text.encode() not in raw
    clear, hidden = found(folder, folder / "world", "clear"), found(folder, folder / "sketches", "hidden")
    told = [[(c["kind"], c["accounts"], c["exchanges"]) for c in one["campaigns"]] for one in (clear, hidden)]
    assert told[0]
    assert told[0] == told[1]
    assert [m["account_id"] for m in clear["members"]] == [m["account_id"] for m in hidden["members"]]
    assert clear["exchanges"] == hidden["exchanges"]


@pytest.mark.issue(5)
def test_a_dictionary_attack_without_the_key_finds_nothing_and_with_it_everything(blind):
    """The attacker knows every prompt that was sent and how digests are made; only the key is secret."""
    folder, _told = blind
    prompts = (
        ds.dataset(folder / "world" / "exchanges")
        .to_table(columns=["prompt"])
        .column("prompt")
        .combine_chunks()
    )
    guesses = digest(prompts, PUBLIC)
    table = ds.dataset(list((folder / "sketches").glob("sketch-*.parquet"))).to_table()
    for column, guessed in (
        ("text_key", guesses.text_key),
        ("prompt_key", guesses.prompt_key),
        ("opening_key", guesses.opening_key),
    ):
        stored = {int(v) for v in table.column(column).to_numpy().view(np.uint64) if v != 0}
        known = guessed[guessed != 0]
        assert not stored & {int(v) for v in known}
        assert not stored & {int(v) for v in encipher(known, key_of_secret(b"a wrong guess"))}
        assert stored == {int(v) for v in encipher(known, KEY)}


@pytest.mark.issue(5)
def test_a_key_is_replaced_without_the_text_and_history_stays_comparable(blind):
    folder, _told = blind
    fresh = sketch([str(folder / "world")], folder / "fresh", NEW, {})
    told = rekey(folder / "sketches", folder / "rekeyed", KEY, NEW)
    assert told["key_id"] == fresh["key_id"]
    old, new = (
        ds.dataset(sorted((folder / name).glob("sketch-*.parquet"))).to_table().sort_by("exchange_id")
        for name in ("rekeyed", "fresh")
    )
    assert old.equals(new)
    with pytest.raises(InputError, match="another key"):
        rekey(folder / "sketches", folder / "wrong", NEW, KEY)
    assert not (folder / "wrong").exists()


@pytest.mark.issue(5)
def test_what_cannot_be_compared_is_refused_before_any_work(blind, tmp_path):
    folder, _told = blind
    rekey(folder / "sketches", tmp_path / "other", KEY, NEW)
    for paths, told in (
        ([folder / "sketches", tmp_path / "other"], "several keys"),
        ([folder / "sketches", folder / "world"], "cannot be compared"),
    ):
        with pytest.raises(InputError, match=told):
            scan([str(p) for p in paths], tmp_path / "out", Options(names={}))
    assert not (tmp_path / "out").exists()


def test_a_key_that_is_no_secret_is_refused(tmp_path):
    (tmp_path / "key").write_text("short\n")
    with pytest.raises(InputError, match="too short"):
        read_key(tmp_path / "key")
