"""A keyed package with sketches of the log: a stranger judges them again, and learns no name and no text."""

import hashlib
import json
import shutil
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from stillwatch.errors import InputError, UsageError
from stillwatch.flows import rescan as flow
from stillwatch.flows.agreement import compare, is_near
from stillwatch.flows.excused import Excused
from stillwatch.flows.keyed_log import HEAD, _honest, of_logs
from stillwatch.flows.scan import Options, scan, silent
from stillwatch.memory.labels import add, in_force, of_json
from stillwatch.package import alone
from stillwatch.package.check import Trust, check, checked
from stillwatch.package.make import order_of, package, read_results
from stillwatch.package.pseudonyms import Pseudonyms
from stillwatch.readers.discover import discover

pytestmark = pytest.mark.issue(27)
SMALL = {
    "days": 6,
    "accounts": 220,
    "exchanges": 3000,
    "campaign.accounts": 60,
    "campaign.exchanges": 3000,
}


def files_of(folder):
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


@pytest.fixture(scope="module")
def log(tmp_path_factory, small_world):
    """A small world whose organisations, models and reasons for an end hold names of customers."""
    folder = tmp_path_factory.mktemp("log")
    small_world(folder, SMALL)
    for file in folder.rglob("date=*/*.parquet"):
        table = pq.ParquetFile(file).read()
        changes = {
            "model": [f"ft:canary-model:{name}" for name in table.column("model").to_pylist()],
            "finish_reason": [f"canary-end-{n % 3}" for n in range(table.num_rows)],
        }
        for name, values in changes.items():
            place = table.column_names.index(name)
            table = table.set_column(place, name, pa.array(values))
        pq.write_table(table, file)
    releases = pq.read_table(folder / "releases.parquet")
    names = pa.array([f"ft:canary-model:{name}" for name in releases.column("model").to_pylist()])
    pq.write_table(releases.set_column(0, "model", names), folder / "releases.parquet")
    return folder


@pytest.fixture(scope="module")
def judged(log, tmp_path_factory):
    out = tmp_path_factory.mktemp("judged") / "results"
    overview = scan([str(log)], out, Options(names={}))
    assert len(overview["campaigns"]) == 1
    return out


def made(results, log, key, out):
    package(results, out, order_of("keyed", key, log=of_logs([str(log)], silent)))
    return out


@pytest.fixture(scope="module")
def keyed(judged, log, tmp_path_factory):
    place = tmp_path_factory.mktemp("keyed")
    return made(judged, log, place / "key.pem", place / "package")


@pytest.fixture(scope="module")
def again(keyed):
    """The verdict of a scan of the sketches, as a stranger sees it, and the tables of that scan."""
    seen = {}

    def watched(stated, found):
        seen["stated"], seen["found"] = stated, found
        return compare(stated, found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "compare", watched)
        verdict, files = checked(keyed, Trust())
        flow.rescan(files, verdict)
    return verdict, seen


def test_every_value_follows_from_the_sketches_in_the_package(again, judged):
    verdict, seen = again
    assert verdict.faults == []
    assert verdict.of_sketches > 2000
    assert len(verdict.near) < 0.02 * verdict.of_sketches
    assert verdict.not_derived == alone.FROM_NO_SKETCH
    mine, theirs = (seen[name]["campaigns"] for name in ("stated", "found"))
    for column in ("q_value", "exchanges_low", "exchanges_high", "accounts", "kind", "detected_at"):
        assert [row[column] for row in mine] == [row[column] for row in theirs]
    assert seen["stated"]["members"] == sorted(seen["found"]["members"], key=seen["stated"]["members"].index)
    assert any(row["log10_e"] is not None for row in seen["stated"]["timeline"])


CHANGES = {
    "campaigns": [("q_value", 1e-30), ("exchanges_high", 10**6), ("kind", "relay"), ("detected_at", None)],
    "members": [("score", 0.2), ("exchanges", 10**6), ("account_id", "0" * 20)],
    "timeline": [("log10_alert", 1.0), ("exchanges", 10**6)],
    "hypotheses": [("log10_likelihood", -77.0)],
    "explanations": [("log10_e", 99.5), ("marked", 10**6)],
    "capabilities": [("exchanges", 10**6), ("output_tokens", 1)],
    "evidence": [("log10_likelihood_ratio", 99.5), ("accounts", 10**6)],
    "links": [("weight", 9.0), ("account_id", "0" * 20)],
    "texts": [("accounts", 10**6)],
    "common": [("most", 10**6)],
    "claims": [("basis", "alleged")],
    "profiles": [("exchanges", 10**6), ("created_at", "2020-01-01T00:00:00.000000Z")],
}


@pytest.mark.parametrize(
    ("table", "column", "value"), [(t, *change) for t, some in CHANGES.items() for change in some]
)
def test_a_value_that_does_not_follow_is_named_by_table_row_and_column(again, table, column, value):
    stated = json.loads(json.dumps(again[1]["stated"]))
    rows = stated[table]
    next(row for row in rows if row[column] is not None)[column] = value
    if table == "members" and column == "account_id":  # more than one in a hundred
        rows[1][column] = "1" * 20
    if table == "links" and column == "account_id":  # one value is linked with other accounts
        for number, row in enumerate([one for one in rows if one["value"] == rows[0]["value"]]):
            row["account_id"] = f"{number:020}"
    found = compare(stated, again[1]["found"]).faults
    assert {one.file for one in found} & {f"tables/{table}.jsonl", "tables/evidence.jsonl"}
    whole = " ".join(one.what for one in found)
    assert "C1" in whole
    assert column in whole or "follow" in whole or "no such row" in whole or "linked" in whole


def test_marks_that_too_few_accounts_carry_are_named(again):
    stated = json.loads(json.dumps(again[1]["stated"]))
    for row in stated["profiles"]:
        row["marks"] = row["marks"][1:]
    found = compare(stated, again[1]["found"]).faults
    assert {one.file for one in found} == {"tables/profiles.jsonl"}
    assert all(one.what.startswith("C1 ") and " accounts, and " in one.what for one in found)


@pytest.mark.parametrize(
    ("column", "stated", "near", "far"),
    [
        ("q_value", 1e-5, 2.9e-5, 3.1e-5),
        ("log10_e", 8.0, 8.45, 8.5),
        ("log10_e", 100.0, 104.9, 106.0),
        ("log10_likelihood_ratio", 3.0, 3.45, 3.5),
        ("log10_likelihood_ratio", -10.0, -14.9, -15.1),
        ("log10_likelihood_ratio", -1.0, -5.9, 0.1),
        ("score", 0.9, 0.94, 0.96),
        ("exchanges", 10, 11, 12),
        ("exchanges", 1000, 1020, 1030),
        ("detected_at", "2026-04-02T05:00:00.000000Z", "2026-04-02T07:00:00.000000Z", None),
        ("marked", 73, 68, 60),
        ("most", 25, 22, 18),
        ("kind", "harvest", "harvest", "relay"),
    ],
)
def test_the_tolerance_is_the_stated_one(column, stated, near, far):
    assert is_near(column, stated, near)
    assert not is_near(column, stated, far)


def test_a_rate_that_was_made_up_and_signed_anew_is_found(judged, log, tmp_path, run):
    """All tables agree with each other, so that no verifier finds it without the sketches. The looks are left
    out, as of results without a replay.
    """
    copy = tmp_path / "results"
    shutil.copytree(judged, copy)
    candidates = json.loads((copy / "overview.json").read_text())["candidates"]
    for name, column, value in (
        ("campaigns", "q_value", candidates / 1e8),
        ("campaigns", "detected_at", None),
        ("explanations", "log10_e", 8.0),
        *(("timeline", f"log10_{name}", None) for name in ("e", "alert", "confirm")),
    ):
        table = pq.read_table(copy / f"{name}.parquet")
        place = table.column_names.index(column)
        pq.write_table(
            table.set_column(
                place, column, pa.array([value] * table.num_rows, table.schema.field(column).type)
            ),
            copy / f"{name}.parquet",
        )
    manifest = json.loads((copy / "manifest.json").read_text())
    for name in ("campaigns", "explanations", "timeline"):
        content = (copy / f"{name}.parquet").read_bytes()
        manifest["outputs"][f"{name}.parquet"] = hashlib.sha256(content).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(manifest))
    path = made(copy, log, tmp_path / "theirs.pem", tmp_path / "forged")
    assert check(path, Trust()).faults == []
    assert alone.verify(path)[0] == []
    code, out, err = run("verify", path, "--rescan", "--json")
    assert code == 1, err
    verdict = json.loads(out)
    assert {one["file"] for one in verdict["faults"]} == {
        "tables/campaigns.jsonl",
        "tables/explanations.jsonl",
    }
    assert any("C1 q_value is stated as" in one["what"] for one in verdict["faults"])
    assert any("no looks" in note for note in verdict["notes"])


@pytest.mark.parametrize(
    "kind", ["no scan", "no parameters", "shards", "folder above", "two folders", "head"]
)
def test_a_package_that_says_what_no_scan_says_is_refused_without_a_scan(keyed, monkeypatch, kind):
    """Whoever makes a package signs it, whatever it says."""
    verdict, files = checked(keyed, Trust())
    manifest, files = json.loads(files["manifest.json"]), dict(files)
    if kind == "no scan":
        del manifest["scan"]
    elif kind == "no parameters":
        manifest["scan"]["parameters"] = None
    elif kind == "shards":
        manifest["scan"]["parameters"]["shards"] = 10**9
    elif kind == "head":
        files["sketches/sketch.json"] = b"[]"
    else:
        files["sketches/.." if kind == "folder above" else "sketches/a/sketch-1.parquet"] = b""
    files["manifest.json"] = json.dumps(manifest).encode()
    monkeypatch.setattr(flow, "scan", lambda *_given: pytest.fail("scanned"))
    flow.rescan(files, verdict)
    assert [one.file for one in verdict.faults] == ["manifest.json"]
    assert "its sketches cannot be followed" in verdict.faults[0].what


def test_without_a_scan_of_the_sketches_both_verifiers_say_what_needs_one(keyed, run):
    code, out, _err = run("verify", keyed)
    assert code == 0
    assert out.count("verify PACKAGE --rescan") == len(alone.OF_THE_LOG) + 1
    faults, said = alone.verify(keyed)
    assert faults == []
    assert sum("verify PACKAGE --rescan" in line for line in said) == len(alone.OF_THE_LOG) + 1


def cells(table):
    """All strings in a table."""
    return {
        value
        for column in table.columns
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
        for value in column.unique().to_pylist()
    } - {None}


def test_no_text_and_no_name_of_the_log_is_in_any_file(keyed, log):
    secret = set()
    for file in [*log.rglob("date=*/*.parquet"), log / "accounts.parquet", log / "releases.parquet"]:
        secret |= cells(pq.ParquetFile(file).read())
    secret = {value for value in secret if len(value) > 3} - {"chat", "free", "standard"}
    assert {True} == {any(word in one for one in secret) for word in ("canary-end", "canary-model", "acct_")}
    assert len(secret) > 5000
    shown, whole = set(), b""
    for name, content in files_of(keyed).items():
        whole += content
        if name.endswith(".parquet"):
            table = pq.read_table(keyed / name)
            shown |= cells(table)
            whole += "\n".join(cells(table)).encode()
            assert not {"prompt", "system_prompt", "response", "api_key_id"} & set(table.column_names)
            for column in ("country", "payment_country", "phone_prefix", "program", "plan"):
                if column in table.column_names:
                    assert table.column(column).null_count == table.num_rows
    assert len(shown) > 4000
    assert not secret & shown
    accounts = pq.read_table(log / "accounts.parquet")
    for column in ("account_id", "payment_fingerprint", "signup_ip", "email_domain"):
        for value in set(accounts.column(column).to_pylist()) - {None}:
            assert value.encode() not in whole, (column, value)
    assert b"canary" not in whole


def test_who_has_no_key_confirms_no_guess_at_a_digest(keyed, log):
    """The digests under the public seed, which everybody can compute, are in no sketch."""
    from stillwatch.sketch.digest import PUBLIC, digest

    prompts = ds.dataset(log / "exchanges").to_table(columns=["prompt"]).column("prompt").combine_chunks()
    guesses = digest(prompts.cast(pa.large_string()), PUBLIC, 1)
    sketches = pa.concat_tables(
        [pq.read_table(path) for path in sorted((keyed / "sketches").glob("sketch-*.parquet"))]
    )
    held = set(sketches.column("text_key").to_pylist())
    assert len(held) > 1000
    assert not held & set(guesses.text_key.view("int64").tolist())


def test_equal_log_and_key_give_equal_bytes_wherever_the_log_lies(judged, log, keyed, tmp_path):
    shutil.copytree(log, tmp_path / "elsewhere")
    made(judged, tmp_path / "elsewhere", keyed.parent / "key.pem", tmp_path / "package")
    assert files_of(tmp_path / "package") == files_of(keyed)


def test_a_flipped_byte_of_a_sketch_is_found_by_both_verifiers(keyed, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(keyed, copy)
    names = [name for name in files_of(copy) if name.startswith("sketches/")]
    assert {"sketches/accounts.parquet", "sketches/releases.parquet", "sketches/sketch.json"} < set(names)
    for name in names:
        content = (copy / name).read_bytes()
        place = len(content) // 3
        (copy / name).write_bytes(content[:place] + bytes([content[place] ^ 4]) + content[place + 1 :])
        assert {fault.file for fault in check(copy, Trust()).faults} == {name}
        assert {one for one, _what in alone.verify(copy)[0]} == {name}
        (copy / name).write_bytes(content)


def test_the_sketches_are_a_log_that_scan_reads(keyed):
    sources = discover([str(keyed / "sketches")])
    assert all(form.sketch for form in sources.formats.values())
    assert sources.accounts.name == "accounts.parquet"
    assert sources.releases.name == "releases.parquet"
    assert not sources.unread


def test_values_that_people_labelled_honest_go_in_under_pseudonyms(judged, tmp_path):
    """A scan of the sketches excuses the same values (`flows.rescan._scanned`)."""
    copy = tmp_path / "results"
    shutil.copytree(judged, copy)
    at = datetime(2026, 5, 1, tzinfo=UTC)
    targets = {
        "indicator": ["email_domain=uni.example", "system_prompt=1000000000007", "signup_burst=2958"],
        "mark": ["course:client_prefix=192.0.2.0/24"],
    }
    for kind, several in targets.items():
        for target in several:
            label = {"kind": kind, "target": target, "verdict": "honest", "reason": "known", "author": "me"}
            add(copy, of_json(label | {"at": at.isoformat()}, "here"))
    names = Pseudonyms(key=b"k" * 32)
    stated = _honest(read_results(copy), names)
    assert stated == [
        {"kind": "indicator", "target": f"email_domain={names.of('email_domain', 'uni.example')}"},
        {"kind": "indicator", "target": "system_prompt=1000000000007"},
        {"kind": "indicator", "target": "signup_burst=2958"},
        {"kind": "mark", "target": f"course:client_prefix={names.of('client_prefix', '192.0.2.0/24')}"},
    ]
    files = {HEAD: json.dumps({"honest": stated}).encode()}
    seen = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(flow, "scan", lambda *given: seen.update(options=given[2]) or {})
        parameters = {"fdr": 0.01, "without": [], "shards": 1}
        flow._scanned(files, {"scan": {"seed": 0, "parameters": parameters}}, tmp_path, False, silent)
    excused = Excused.of(in_force(seen["options"].labels))
    assert ("client_prefix", names.of("client_prefix", "192.0.2.0/24")) in excused.values
    assert {explanation for explanation, _kind, _value in excused.marks} == {"course"}
    assert len(excused.values) == 4


def test_other_logs_and_other_levels_are_refused(judged, log, keyed, tmp_path, run):
    shutil.copytree(log, tmp_path / "log")
    (part, *_rest) = sorted((tmp_path / "log").rglob("date=*/*.parquet"))
    table = pq.ParquetFile(part).read()
    pq.write_table(table.slice(1), part)
    key = keyed.parent / "key.pem"
    with pytest.raises(InputError, match="none that the scan read, or was changed since") as error:
        made(judged, tmp_path / "log", key, tmp_path / "out")
    assert any(
        problem.fact.startswith("a file that the scan read is not") for problem in error.value.problems
    )
    assert not (tmp_path / "out").exists()
    with pytest.raises(UsageError, match="packages of level keyed"):
        order_of("open", key, log=of_logs([str(log)], silent))
    manifest = judged / "overview.json"
    copy = tmp_path / "results"
    shutil.copytree(judged, copy)
    overview = json.loads(manifest.read_text())
    overview["exchanges"] += 5  # as a scan with a store of earlier logs counts
    (copy / "overview.json").write_text(json.dumps(overview))
    held = json.loads((copy / "manifest.json").read_text())
    held["outputs"]["overview.json"] = hashlib.sha256((copy / "overview.json").read_bytes()).hexdigest()
    (copy / "manifest.json").write_text(json.dumps(held))
    with pytest.raises(InputError, match="not of these logs alone"):
        made(copy, log, key, tmp_path / "out")
    package(judged, tmp_path / "bare", order_of("keyed", key))
    code, _out, err = run("verify", tmp_path / "bare", "--rescan")
    assert code == 2
    assert "the package holds no sketches of the log" in err
