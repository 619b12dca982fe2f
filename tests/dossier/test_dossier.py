"""What a dossier and its letters say, what they never hold, and that each number is derived again."""

import html
import json
import re
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import pytest

from stillwatch.dossier.content import DossierTerms
from stillwatch.dossier.letters import READERS
from stillwatch.dossier.run import write_dossier
from stillwatch.errors import InputError, MissingExtra, StateError, UsageError
from stillwatch.package.check import Trust, check
from stillwatch.package.make import order_of, package
from tests.package.small_results import HONEST, MEMBER, PATH, TEXT, VALUE, tables, write_results

pytestmark = pytest.mark.issue(27)

ORDER = (
    "1. What is claimed",
    "2. Numbers",
    "3. Method",
    "4. Evidence by claim",
    "5. What speaks against",
    "6. Harm",
    "7. What was done",
    "8. Open questions",
    "Annex A",
    "Annex B",
    "Annex C",
)


@cache
def text_of(path: Path) -> str:
    """The words of a file; of a PDF, those of its pages."""
    if path.suffix == ".pdf":
        from pypdf import PdfReader

        return "\n".join(page.extract_text() for page in PdfReader(path).pages)
    return path.read_text(encoding="utf-8")


def shown(path: Path) -> str:
    return re.sub(r"<[^>]+>", "", re.sub(r'<sub class="ref">N\d+</sub>', "", text_of(path)))


def test_the_sections_stand_in_the_order_that_counsel_needs(made):
    for name in ("dossier.html", "dossier.pdf"):
        whole = text_of(made / name)
        places = [whole.index(heading) for heading in ORDER]
        assert places == sorted(places)


def test_no_text_no_honest_account_and_no_account_by_name_is_in_any_file(made):
    files = sorted(made.iterdir())
    assert {one.suffix for one in files} == {".html", ".pdf", ".json"}
    for path in files:
        for canary in (TEXT, HONEST, MEMBER, VALUE, PATH, "acct_other", "acct_C1_1", "card-4711"):
            assert canary not in text_of(path), (path.name, canary)
            assert canary.encode() not in path.read_bytes()


def test_canaries_in_every_string_that_a_stranger_may_have_written_stay_out(tmp_path):
    rows = tables()
    for name, column in (
        ("evidence", "kind"),
        ("evidence", "value"),
        ("glance", "trait"),
        ("explanations", "explanation"),
        ("capabilities", "capability"),
        ("campaigns", "explanation"),
    ):
        for row in rows[name]:
            row[column] = (
                f"Canary {row[column]} of a stranger!" if name != "capabilities" else f"canary {row[column]}"
            )
    folder = write_results(tmp_path / "results", rows)
    write_dossier(folder, "C1", tmp_path / "out", terms=DossierTerms(), with_pdf=False)
    for path in (tmp_path / "out").glob("*.html"):
        assert "canary" not in text_of(path).lower()


def test_the_pdf_is_pdf_a_dated_by_the_log_and_the_same_each_time(made, results, attributed, tmp_path):
    from pypdf import PdfReader

    terms = DossierTerms(producer="Example Inc.", done=("suspended the accounts",))
    write_dossier(results, "C1", tmp_path / "again", terms=terms, attribution=attributed)
    for path in made.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name
    reader = PdfReader(made / "dossier.pdf")
    meta = reader.xmp_metadata.stream.get_data().decode() if hasattr(reader.xmp_metadata, "stream") else ""
    whole = (made / "dossier.pdf").read_bytes().decode("latin-1") + meta
    assert "<pdfaid:part>2</pdfaid:part>" in whole
    assert "<pdfaid:conformance>A</pdfaid:conformance>" in whole
    assert "2026-04-01" in whole
    assert 3 <= len(reader.pages) <= 6


def test_pages_are_whole_in_themselves_and_run_nothing(made):
    for path in made.glob("*.html"):
        whole = path.read_text()
        assert "<script" not in whole
        assert not re.search(r'(src|href)="', whole)
        assert "default-src 'none'" in whole


def test_html_and_pdf_say_the_same(made):
    def squeezed(text):
        return re.sub(r"[^a-z]", "", text.lower())

    pdf = squeezed(text_of(made / "dossier.pdf"))
    for block in (
        "no test of control",
        "What this method cannot see",
        "Claim 5, a particular organisation directed it",
        "suspended the accounts",
    ):
        assert (squeezed(block) in squeezed(shown(made / "dossier.html"))) == (squeezed(block) in pdf)
    assert squeezed("suspended the accounts") in pdf


def test_what_speaks_against_stands_before_what_speaks_for(made):
    whole = shown(made / "dossier.html")
    assert whole.index("Speaks against") < whole.index("Speaks for one control")


def test_an_actor_that_is_not_named_by_claim_5_is_named_nowhere(made, attributed):
    told = json.loads((attributed / "attribution.json").read_text())
    assert told["campaigns"][0]["accusation"] is None
    for path in made.iterdir():
        assert "Alpha Laboratory" not in text_of(path)


def test_an_actor_of_whom_claim_5_is_stated_is_named_but_to_no_other_provider(results, attributed, tmp_path):
    told = json.loads((attributed / "attribution.json").read_text())
    one = told["campaigns"][0]
    one["accusation"] = {
        "organisation": "Alpha Laboratory",
        "probability": 0.97,
        "likelihood": "likely",
        "confidence": "moderate",
    }
    one["claims"][4]["basis"] = "inferred"
    (tmp_path / "attribution.json").write_text(json.dumps(told))
    write_dossier(results, "C1", tmp_path / "out", terms=DossierTerms(), attribution=tmp_path, with_pdf=False)
    named = {path.name for path in (tmp_path / "out").iterdir() if "Alpha Laboratory" in text_of(path)}
    assert named == {"dossier.html", "letter-accused.html", "letter-legislator.html", "letter-regulator.html"}
    assert "Alpha Laboratory directed it: likely, with moderate confidence" in shown(
        tmp_path / "out" / "dossier.html"
    )


def test_an_attribution_of_other_results_is_refused(results, attributed, tmp_path):
    told = json.loads((attributed / "attribution.json").read_text())
    told["results"]["campaigns_sha256"] = "0" * 64
    (tmp_path / "attribution.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="other results"):
        write_dossier(
            results, "C1", tmp_path / "out", terms=DossierTerms(), attribution=tmp_path, with_pdf=False
        )


def test_every_number_of_a_letter_is_a_reference(made):
    known = {row["id"] for row in json.loads((made / "numbers.json").read_text())["numbers"]}
    for to in READERS:
        whole = (made / f"letter-{to}.html").read_text()
        ids = re.findall(r'<sub class="ref">(N\d+)</sub>', whole)
        assert len(ids) >= 5
        assert set(ids) <= known
        body = whole.partition("<main>")[2].partition("<footer>")[0]
        body = re.sub(r'[^<>]*<sub class="ref">N\d+</sub>', "", body)  # numbers that have their reference
        body = html.unescape(
            re.sub(r"<[^>]+>", " ", re.sub(r"<td>\d</td>", "", body))
        )  # without the numbers of claims
        body = re.sub(
            r"[Cc]laims? \d( to \d)?|section 5|90\W%|N1", "", body
        )  # what names a part or a level of confidence
        assert re.findall(r"\d", body) == [], to


FIXED = (
    r"campaign C1|[Cc]laims? \d( to \d)?( and \d)?|[Ss]ections? \d|[Hh]ypothes[ie]s H\d|\bH\d\b|\bN1\b|MITRE ATLAS, content version \S+"
    r"|\b(19|20)\d\d\b|9[05]\W%|SHA-256 [0-9a-f]{64}|Stillwatch \S+|Apache-2\.0|\$\d+|ICD \d+"
    r"|graded [A-F]\d|0\.95 is needed|\d+ April 2026, \d\d:\d\d UTC"
)
"""What holds digits and is no number of the results: parts of the document, years of sources, levels of
confidence, digests, versions, assumptions of prices, and the span in the title."""


def test_every_number_of_a_dossier_is_a_reference(made):
    whole = (made / "dossier.html").read_text()
    known = {row["id"] for row in json.loads((made / "numbers.json").read_text())["numbers"]}
    ids = re.findall(r'<sub class="ref">(N\d+)</sub>', whole)
    assert set(ids) == known
    body = whole.partition("<main>")[2].partition("Annex A")[0]
    assert "candidate groups were tested" in body
    body = re.sub(r'[^<>]*<sub class="ref">N\d+</sub>', "", body)
    body = re.sub(r"<h\d[^>]*>\d\.|<td>\d</td>|<svg.*?</svg>", "", body, flags=re.DOTALL)
    body = re.sub(FIXED, "", html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " "))
    assert re.findall(r".{20}\d.{20}", body) == []


def test_a_stranger_derives_each_number_again_with_the_package_alone(made, results, tmp_path):
    package(results, tmp_path / "keyed", order_of("keyed", None, dossiers=(made,)))
    verdict = check(tmp_path / "keyed", Trust())
    assert verdict.is_whole
    count = len(json.loads((made / "numbers.json").read_text())["numbers"])
    assert verdict.of_dossiers >= count
    alone = [sys.executable, "-I", str(tmp_path / "keyed" / "verify.py")]
    said = subprocess.run(alone, capture_output=True, text=True)
    assert said.returncode == 0, said.stdout
    assert f"{verdict.of_dossiers} numbers of dossiers follow from the tables" in said.stdout


@pytest.mark.parametrize("level", ["keyed", "open"])
def test_a_number_that_does_not_follow_is_named_by_both_verifiers(made, results, tmp_path, level):
    told = json.loads((made / "numbers.json").read_text())
    told["numbers"][0]["value"] += 1
    told["attribution"]["probabilities"]["nobody"] += 0.1
    (tmp_path / "numbers.json").write_text(json.dumps(told))
    package(results, tmp_path / level, order_of(level, None, dossiers=(tmp_path,)))
    (fault,) = check(tmp_path / level, Trust()).faults
    assert fault.file == "dossiers/C1.json"
    assert "N1 is stated as" in fault.what
    assert "probability of nobody" in fault.what
    said = subprocess.run(
        [sys.executable, "-I", str(tmp_path / level / "verify.py")], capture_output=True, text=True
    )
    assert said.returncode == 1
    assert "CHANGED dossiers/C1.json" in said.stdout


def test_a_dossier_of_other_results_is_not_packed(made, tmp_path):
    rows = tables()
    rows["members"][0]["exchanges"] += 1
    other = write_results(tmp_path / "other", rows)
    with pytest.raises(StateError, match="other results"):
        package(other, tmp_path / "keyed", order_of("keyed", None, dossiers=(made,)))


def test_a_changed_finding_changes_the_dossier(results, tmp_path):
    def words(rows, name):
        folder = write_results(tmp_path / name / "results", rows)
        write_dossier(folder, "C1", tmp_path / name / "out", terms=DossierTerms(), with_pdf=False)
        return shown(tmp_path / name / "out" / "dossier.html")

    assert "1 test of control speaks for one party" in words(tables(), "as-it-is")
    rows = tables()
    for row in rows["evidence"]:
        if row["kind"] == "shared_payment":
            row["kind"], row["log10_likelihood_ratio"] = "rotation", -9.1
    changed = words(rows, "changed")
    assert "no test of control speaks for it" in changed
    assert (
        "The test of whether work returns to a member only after the others had their turn speaks against"
        in changed
    )


def test_3000_accounts_take_less_than_a_minute(tmp_path):
    rows = tables()
    for name in ("members", "exchanges", "links"):
        rows[name] = [row for row in rows[name] if row["campaign_id"] == "C2"]
    accounts = [f"acct_{n:05}" for n in range(3000)]
    rows["members"] += [
        {"campaign_id": "C1", "account_id": a, "score": 0.99, "exchanges": 8} for a in accounts
    ]
    folder = write_results(tmp_path / "results", rows)
    began = time.monotonic()
    write_dossier(folder, "C1", tmp_path / "out", terms=DossierTerms())
    assert time.monotonic() - began < 60
    assert len(re.findall(r"acct-[0-9a-f]{20}", text_of(tmp_path / "out" / "dossier.html"))) == 3000


def test_what_cannot_be_is_refused(results, tmp_path, monkeypatch):
    with pytest.raises(UsageError, match="C9"):
        write_dossier(results, "C9", tmp_path, terms=DossierTerms())
    with pytest.raises(StateError):
        write_dossier(tmp_path, "C1", tmp_path / "out", terms=DossierTerms())
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra):
        write_dossier(results, "C1", tmp_path / "out", terms=DossierTerms(), with_pdf=True)


def test_the_commands_write_and_print_json(run, results, tmp_path):
    code, out, _err = run(
        "dossier", results, "--campaign", "C1", "--out", tmp_path / "d", "--no-pdf", "--json"
    )
    assert code == 0
    assert json.loads(out)["pdf"] is False
    (tmp_path / "actors.json").write_text('{"actors": [{"name": "Alpha"}]}')
    code, out, _err = run(
        "attribute", results, "--actors", tmp_path / "actors.json", "--out", tmp_path / "a", "--json"
    )
    assert code == 0
    told = json.loads(out)
    assert [one["campaign_id"] for one in told["campaigns"]] == ["C1", "C2"]
    assert told["campaigns"][0]["claims"][4]["basis"] == "not shown"
    assert (tmp_path / "a" / "matrix.csv").read_text().startswith("campaign,item,grade,")
    (tmp_path / "actors.json").write_text('{"actors": [{"nam": "Alpha"}]}')
    code, _out, err = run("attribute", results, "--actors", tmp_path / "actors.json", "--out", tmp_path / "a")
    assert code == 1
    assert "`name`" in err
