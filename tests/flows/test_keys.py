"""What is kept of text is under a key that cannot be guessed, recovered or read by others."""

import hashlib
import json
import os
import stat
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, StateError
from stillwatch.flows.scan import Options, feed, scan
from stillwatch.sketch.digest import PUBLIC, digest
from stillwatch.sketch.observe import DIGESTS, LISTS

PROMPT = "the merger with Initech closes on {} of May"
_M1, MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1
_M2, _M3 = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("STILLWATCH_KEY", raising=False)


@pytest.fixture
def log(tmp_path):
    rows = [
        {
            "exchange_id": f"x{n}",
            "timestamp": f"2026-05-0{1 + n % 3}T{n % 24:02}:00:00Z",
            "account_id": f"a{n % 7}",
            "model": "m",
            "prompt": PROMPT.format(n % 5),
            "system_prompt": "You are discreet.",
            "conversation_id": f"c{n % 9}",
        }
        for n in range(80)
    ]
    lines = [json.dumps(row) for row in rows]
    lines.append(
        '{"exchange_id": "bad", "timestamp": "yesterday", "account_id": "a", "model": "m", "prompt": "4711"}'
    )
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/log.jsonl").write_text("\n".join(lines) + "\n")
    return tmp_path / "logs"


def filled(log, store, **options):
    return feed([str(log)], Options(names={}, store=store, **options))


def observations(store):
    return pa.concat_tables(
        pq.read_table(p, partitioning=None) for p in sorted(store.glob("observations/*/*.parquet"))
    )


def digests(table):
    told = {name: set(table.column(name).to_pylist()) - {0} for name in DIGESTS}
    return told | {name: {v for one in table.column(name).to_pylist() for v in one} for name in LISTS}


def unmix(x):
    """Inverse of SplitMix64's finaliser, as an attacker writes it."""

    def unshift(y, by):
        z = y
        for _step in range(64 // by + 1):
            z = y ^ (z >> by)
        return z

    x = unshift(x, 31) * pow(_M3, -1, 1 << 64) & MASK
    x = unshift(x, 27) * pow(_M2, -1, 1 << 64) & MASK
    return unshift(x, 30)


def recovered(name, key):
    """The seed of the digest `key` of `name`, by running the mixing of sketch version 4 backwards."""
    h = unmix(key)
    for byte in reversed(name.encode()):
        z = h
        for _step in range(3):
            z = h ^ (z >> 32)
        h = (z * pow(_M1, -1, 1 << 64) & MASK) ^ byte
    return h


@pytest.mark.issue(21)
def test_neither_the_seed_nor_a_row_gives_the_key_away(log, tmp_path):
    """The attacker has the store, this source code, every prompt as a guess, the seed, and all names that
    stand beside digests.
    """
    filled(log, tmp_path / "store", seed=0)
    table = observations(tmp_path / "store")
    seeds = {PUBLIC, 0}
    for row in table.slice(0, 10).to_pylist():
        for name, key in (("account_id", "account_key"), ("exchange_id", "exchange_key")):
            seeds.add(recovered(row[name], row[key] & MASK))
    secret = b""
    seeds.add(
        int.from_bytes(
            hashlib.blake2b(b"0", digest_size=8, key=secret, person=b"stillwatch").digest(), "little"
        )
    )
    stored = set().union(*digests(table).values())
    for seed in seeds:
        guessed = digest(pa.array([PROMPT.format(n) for n in range(5)] + ["You are discreet."]), seed)
        for name in ("text_key", "prompt_key", "opening_key", "phrases", "bands"):
            values = np.ascontiguousarray(getattr(guessed, name)).view(np.int64).ravel().tolist()
            assert not set(values) & stored, (name, seed)


@pytest.mark.issue(21)
def test_a_store_has_a_secret_of_its_own_and_goes_on_with_it(log, tmp_path):
    for name in ("one", "two"):
        filled(log, tmp_path / name)
    one, two = (digests(observations(tmp_path / name)) for name in ("one", "two"))
    assert all(one[name] and not one[name] & two[name] for name in one)
    secrets = [(tmp_path / name / "key").read_text().strip() for name in ("one", "two")]
    assert secrets[0] != secrets[1]
    assert all(len(bytes.fromhex(secret)) == 32 for secret in secrets)
    assert filled(log, tmp_path / "one")["new_rows"] == 0
    (log / "late.jsonl").write_text(
        (log / "log.jsonl").read_text().splitlines()[0].replace("x0", "late") + "\n"
    )
    assert filled(log, tmp_path / "one")["new_rows"] == 1
    assert digests(observations(tmp_path / "one")) == one, "the same texts have the same digests as before"


@pytest.mark.issue(21)
def test_the_secret_of_a_store_is_in_no_result(log, tmp_path):
    out = tmp_path / "results"
    scan([str(log)], out, Options(names={}, store=tmp_path / "store"))
    secret = (tmp_path / "store/key").read_bytes().strip()
    told = digests(observations(tmp_path / "store"))
    for path in out.rglob("*"):
        content = path.read_bytes()
        assert secret not in content
        if path.suffix == ".parquet":
            content += str(pq.read_table(path).to_pylist()).encode()
        for values in told.values():
            assert not any(str(value).encode() in content for value in values), path.name


@pytest.mark.issue(21)
def test_a_store_is_its_owners_alone_and_files_of_results_obey_the_umask(log, tmp_path):
    for mask in (0o022, 0o077):
        before = os.umask(mask)
        try:
            store, out = tmp_path / f"store-{mask}", tmp_path / f"results-{mask}"
            scan([str(log)], out, Options(names={}, store=store))
        finally:
            os.umask(before)
        for path in (store, *store.rglob("*")):
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == 0o700 if path.is_dir() else not mode & 0o077, (path, oct(mode))
        assert stat.S_IMODE((store / "key").stat().st_mode) == 0o600
        for path in out.rglob("*"):
            assert not stat.S_IMODE(path.stat().st_mode) & mask, path


@pytest.mark.issue(21)
@pytest.mark.parametrize("secret", ["a", "", "   ", "fifteen bytes !"])
def test_a_variable_that_is_no_secret_is_refused_before_any_work(log, tmp_path, monkeypatch, secret):
    monkeypatch.setenv("STILLWATCH_KEY", secret)
    with pytest.raises(InputError, match="too short to be secret") as refused:
        filled(log, tmp_path / "store")
    assert "STILLWATCH_KEY" in str(refused.value)
    assert "openssl rand -hex 32" in str(refused.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.issue(21)
def test_a_given_key_is_kept_nowhere_and_another_is_refused_with_what_to_do(log, tmp_path, monkeypatch):
    monkeypatch.setenv("STILLWATCH_KEY", "a secret from the vault")
    filled(log, tmp_path / "store")
    filled(log, tmp_path / "again")
    assert digests(observations(tmp_path / "store")) == digests(observations(tmp_path / "again"))
    assert not (tmp_path / "store/key").exists()
    for other in ("another secret, as long", None):
        if other is None:
            monkeypatch.delenv("STILLWATCH_KEY")
        else:
            monkeypatch.setenv("STILLWATCH_KEY", other)
        with pytest.raises(StateError, match="another key") as refused:
            filled(log, tmp_path / "store")
        assert "STILLWATCH_KEY" in str(refused.value)


@pytest.mark.issue(21)
def test_rows_that_are_set_aside_cannot_be_guessed(log, tmp_path):
    """Of logs and of account tables: with 10,000 guesses at four digits an unkeyed digest is read like
    the digits.
    """
    (tmp_path / "accounts.jsonl").write_text('{"account_id": null, "plan": "4711"}\n{"account_id": "a1"}\n')
    out = tmp_path / "results"
    scan([str(log)], out, Options(names={}, accounts=tmp_path / "accounts.jsonl"))
    kept = pq.read_table(out / "quarantine.parquet").column("raw_sha256").to_pylist()
    raw = (log / "log.jsonl").read_text().splitlines()[-1]
    guesses = {hashlib.sha256(raw.replace("4711", f"{pin:04}").encode()).hexdigest() for pin in range(10_000)}
    assert len(kept) >= 1
    assert not guesses & set(kept)
    scan([str(log)], tmp_path / "again", Options(names={}, accounts=tmp_path / "accounts.jsonl"))
    again = pq.read_table(tmp_path / "again/quarantine.parquet").column("raw_sha256").to_pylist()
    assert not set(kept) & set(again), "no digest of a row is the same under two keys"


@pytest.mark.issue(21)
def test_runs_that_begin_at_once_draw_one_secret(tmp_path):
    code = (
        "import sys; from pathlib import Path; from stillwatch.store.store import kept_secret; "
        "print(kept_secret(Path(sys.argv[1])).decode())"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "store")], stdout=subprocess.PIPE)
        for _n in range(4)
    ]
    assert len({run.communicate()[0] for run in runs}) == 1
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["key"]
