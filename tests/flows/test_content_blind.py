import json
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.contract.accounts import ACCOUNTS
from stillwatch.contract.releases import RELEASES
from stillwatch.engine.connect import open_engine
from stillwatch.errors import InputError
from stillwatch.flows import content_blind as blinding
from stillwatch.flows import factorize as codes
from stillwatch.flows.content_blind import read_key, rekey, sketch
from stillwatch.flows.ingest import ingest, key_of
from stillwatch.flows.scan import Options, scan
from stillwatch.flows.summarise import open_log
from stillwatch.readers.discover import discover
from stillwatch.readers.read import read_small
from stillwatch.simulate.worlds import simulate
from stillwatch.sketch.cipher import encipher
from stillwatch.sketch.digest import PUBLIC, VERSION, digest
from stillwatch.sketch.keys import Key, fresh, of_secret
from stillwatch.store.store import Store

KEY, NEW = of_secret(b"the first secret", "test"), of_secret(b"the second secret", "test")
REAL = Path(__file__).parents[3] / "shared/data"


@pytest.fixture(scope="module")
def blind(tmp_path_factory, small_world):
    folder = tmp_path_factory.mktemp("blind")
    small_world(folder / "world")
    told = sketch([str(folder / "world")], folder / "sketches", KEY, {})
    return folder, told


def found(folder, logs, name):
    accounts = folder / "world" / "accounts.parquet"
    scan([str(logs)], folder / name, Options(names={}, accounts=accounts, replay=False))
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


def guessed_from(world):
    """Digests of every prompt of a world, as anybody computes them who knows the texts and not the key."""
    prompts = ds.dataset(world / "exchanges").to_table(columns=["prompt"]).column("prompt")
    return digest(prompts.combine_chunks(), PUBLIC)


@pytest.mark.issue(5)
def test_a_dictionary_attack_without_the_key_finds_nothing_and_with_it_everything(blind):
    """The attacker knows every prompt that was sent and how digests are made; only the key is secret."""
    folder, _told = blind
    guesses = guessed_from(folder / "world")
    table = ds.dataset(list((folder / "sketches").glob("sketch-*.parquet"))).to_table()
    for column, guessed in (
        ("text_key", guesses.text_key),
        ("prompt_key", guesses.prompt_key),
        ("opening_key", guesses.opening_key),
    ):
        stored = {int(v) for v in table.column(column).to_numpy().view(np.uint64) if v != 0}
        known = guessed[guessed != 0]
        assert not stored & {int(v) for v in known}
        assert not stored & {int(v) for v in encipher(known, fresh().of(column))}
        assert not stored & {int(v) for v in encipher(known, KEY.of("another purpose"))}
        assert stored == {int(v) for v in encipher(known, KEY.of(column))}


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


def log_of(folder, texts, seed):
    """A log in which accounts send the texts, each several times."""
    rng, start = random.Random(seed), datetime(2026, 5, 1, tzinfo=UTC)
    rows = [
        {
            "exchange_id": f"x{number}",
            "timestamp": (start + timedelta(seconds=rng.randrange(3 * 86400))).isoformat(),
            "account_id": f"a{rng.randrange(60)}",
            "model": "m",
            "prompt": rng.choice(texts),
            "system_prompt": rng.choice(texts[:5]),
            "conversation_id": f"c{rng.randrange(400)}",
        }
        for number in range(1500)
    ]
    folder.mkdir(parents=True)
    (folder / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def real_texts():
    path = REAL / "benign_sharegpt/conversations.parquet"
    if not path.exists():
        pytest.skip(f"{path} is not there; texts made up are compared all the same")
    return [
        text[:4000] for text in pq.read_table(path, columns=["text"]).column("text").to_pylist()[:400] if text
    ]


def made_up_texts(seed):
    """Texts of any signs, long ones and ones that share a piece among them."""
    rng = random.Random(seed)
    signs = ["abcdefgh ", "äöüß 0123", "中文字符 。", 'x"`{}\n\t', "😀 e\u0301"][seed % 5] + " etaoin"
    texts = ["".join(rng.choices(signs, k=rng.choice([5, 60, 900, 14_000]))) for _ in range(120)]
    return texts + [f"{texts[n][:200]} {texts[0][:300]}" for n in range(40)]


def world_of(name, folder):
    kind, _dash, number = name.partition("-")
    if kind == "simulated":
        scenario = ("demo", "stealth-1", "stealth-2")[int(number)]
        changes = {} if scenario == "demo" else {"accounts": 150, "exchanges": 2000}
        simulate(scenario, seed=int(number), out=folder, scale=0.04, changes=changes)
    else:
        log_of(folder, real_texts() if kind == "real" else made_up_texts(int(number)), int(number))


def summaries(sources, key, folder):
    """All that the detector reads, row by row in one order, without the digests that nothing is compared
    with.
    """
    with (
        Store(folder / "store", version=VERSION, key_id="") as store,
        open_engine(scratch=folder) as engine,
    ):
        ingest(sources, {}, store, key)
        small = [(sources.accounts, ACCOUNTS), (sources.releases, RELEASES)]
        told = [engine.load(s.name, read_small(p, s)[0] if p else s.empty()) for p, s in small]
        log = open_log(engine, store, *told)
        tables = {}
        for name in ("activity", "sources", "marks", "sightings", "items", "conversations", "usage"):
            table = getattr(log.summaries, name).to_pyarrow()
            if name == "marks":
                number = pc.subtract(table.column("value"), codes.FIRST)  # one for each digest, from 0
                is_number = pc.and_(pc.greater_equal(number, 0), pc.less(number, table.num_rows + 1))
                table = table.filter(is_number)
            tables[name] = sorted(map(str, table.to_pylist()))
        return tables, [unit.card.name for unit in log.used]


GUARDING = [*(f"simulated-{n}" for n in range(3)), *(f"made_up-{n}" for n in range(6))]


@pytest.mark.parametrize(
    "name", [*(pytest.param(name, marks=pytest.mark.issue(21)) for name in GUARDING), "real-0"]
)  # real text need not be there, and what may be skipped guards no issue
def test_the_detector_reads_the_same_of_a_log_and_of_its_sketches_whatever_the_keys(name, tmp_path):
    world_of(name, tmp_path / "world")
    logs = discover([str(tmp_path / "world")])
    sketch([str(path) for path in logs.exchanges], tmp_path / "sketches", KEY, {})
    sketches = discover([str(tmp_path / "sketches")], accounts=logs.accounts, releases=logs.releases)
    for folder in ("clear", "hidden"):
        (tmp_path / folder).mkdir()
    clear, used = summaries(logs, fresh(), tmp_path / "clear")
    hidden, used_hidden = summaries(sketches, None, tmp_path / "hidden")
    assert clear["marks"]
    assert clear["items"]
    for table in clear:
        assert clear[table] == hidden[table], table
    assert used == used_hidden


def test_a_scan_of_sketches_of_real_text_finds_the_same_campaigns_members_and_exchanges(
    tmp_path, small_world
):
    prompts = pa.table({"prompt": real_texts(), "class": ["honest"] * len(real_texts())})
    pq.write_table(prompts, tmp_path / "prompts.parquet")
    small_world(tmp_path / "world", prompts=tmp_path / "prompts.parquet")
    sketch([str(tmp_path / "world")], tmp_path / "sketches", KEY, {})
    results = []
    for logs in ("world", "sketches"):
        out = tmp_path / f"{logs}-results"
        scan(
            [str(tmp_path / logs)],
            out,
            Options(names={}, accounts=tmp_path / "world/accounts.parquet", replay=False),
        )
        results.append(
            {
                n: pq.read_table(out / f"{n}.parquet")
                for n in ("campaigns", "members", "exchanges", "evidence", "links")
            }
        )
    assert results[0]["campaigns"].num_rows
    for name in results[0]:
        assert results[0][name].equals(results[1][name]), name


@pytest.mark.issue(21)
def test_sketches_of_another_release_are_under_another_key_and_refused_together(blind, tmp_path):
    folder, told = blind
    other = rekey(folder / "sketches", tmp_path / "acme", KEY, KEY.for_release("acme"))
    assert (other["release"], told["release"]) == ("acme", "")
    assert other["key_id"] != told["key_id"]

    def values(place):
        table = ds.dataset(list(place.glob("sketch-*.parquet"))).to_table()
        return {v for n in ("text_key", "prompt_key", "system_key") for v in table.column(n).to_pylist()} - {
            0
        }

    assert not values(folder / "sketches") & values(tmp_path / "acme")
    with pytest.raises(InputError, match="several keys"):
        scan([str(folder / "sketches"), str(tmp_path / "acme")], tmp_path / "out", Options(names={}))
    back = rekey(tmp_path / "acme", tmp_path / "back", KEY, KEY)
    assert back["key_id"] == told["key_id"]
    assert values(folder / "sketches") == values(tmp_path / "back")


@pytest.mark.issue(21)
def test_a_killed_sketch_leaves_nothing_that_can_be_guessed_and_the_next_goes_on(
    blind, tmp_path, monkeypatch
):
    """A stop at the last moment: everything was read, nothing was handed over."""
    folder, _told = blind

    def stop(*_arguments):
        raise SystemExit("killed")

    monkeypatch.setattr(blinding, "_write", stop)
    with pytest.raises(SystemExit):
        sketch([str(folder / "world")], tmp_path / "sketches", KEY, {})
    monkeypatch.undo()
    left = [path for path in tmp_path.rglob("*.parquet") if "observations" in str(path)]
    assert left
    guesses = guessed_from(folder / "world")
    every = {
        int(v)
        for name in ("text_key", "prompt_key", "opening_key", "phrases")
        for v in getattr(guesses, name).view(np.int64)
    }
    for path in left:
        table = pq.read_table(path, partitioning=None)
        stored = {
            v for n in ("text_key", "prompt_key", "opening_key") for v in table.column(n).to_pylist()
        } - {0}
        stored |= {v for one in table.column("phrases").to_pylist() for v in one}
        assert not stored & every
        assert not path.stat().st_mode & 0o077
    sketch([str(folder / "world")], tmp_path / "sketches", NEW, {})
    assert {path.name for path in tmp_path.iterdir()} == {"sketches"}


@pytest.mark.issue(21)
def test_the_key_of_a_scan_of_sketches_is_known_by_name_alone(blind):
    folder, told = blind
    key, name = key_of(discover([str(folder / "sketches")]), folder / "nowhere")
    assert key is None
    assert name == told["key_id"]
    assert isinstance(KEY, Key)
    assert not (folder / "nowhere").exists()
